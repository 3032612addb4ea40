"""The dataset card: YAML that the Hub reads, and a text that people read, both made from the dataset's manifest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from curator.dataset import card_facts
from curator.dataset.columns import CONFIGS, Column
from curator.dataset.markdown import template
from curator.dataset.origin import AMAZON_HEAD, origin
from curator.run.ledger import SPLITS
from curator.system.display import visible

_TAGS = ("price-prediction", "regression", "e-commerce")
_AMAZON_TAG = "amazon-reviews-2023"

_MARKED = re.compile(
    r"(?ms)^<!-- curator:begin ([a-z_]+) -->\n(?:(?!^<!-- curator:begin ).)*?^<!-- curator:end \1 -->$"
)


def render(manifest: Mapping[str, Any], repository: str | None = None) -> str:
    """Return the card (Markdown with a YAML head) for a dataset's manifest.

    Args:
        manifest: As in ``manifest.json``.
        repository: Where it is published; a folder's card loads the folder.
    """
    return join(metadata(manifest), body(manifest, repository))


def join(data: Mapping[str, Any], text: str) -> str:
    """Return a card from its YAML head and its text."""
    from huggingface_hub import DatasetCardData

    head = DatasetCardData(**data).to_yaml(original_order=list(data))
    return f"---\n{head}\n---\n\n{text.lstrip()}"


def split_files(manifest: Mapping[str, Any], config: str, split: str) -> list[str]:
    """Return the names of the files of one split of a config, in their order."""
    start = f"{CONFIGS[config].folder}/{split}-"
    return sorted(name for name in manifest["files"] if name.startswith(start))


def splits_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the splits that were written: an empty one is not."""
    return [split for split in SPLITS if split_files(manifest, "default", split)]


def metadata(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card's YAML head."""
    known = origin(manifest)
    return {
        "pretty_name": visible(known.stated.title) or f"Product prices ({manifest['recipe']['name']})",
        **known.head(),
        "task_categories": ["text-generation"],
        "size_categories": [_size_category(sum(one["rows"] for one in manifest["measured"]["splits"].values()))],
        "tags": [*_TAGS, *(["synthetic"] if known.only_demo else [_AMAZON_TAG] if known.only_amazon else [])],
        "configs": _configs(manifest),
        "dataset_info": _dataset_info(manifest),
    }


def metadata_before(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the YAML head that the version which wrote a manifest gave its card.

    Before recipes had the table `card`, all rows but those of the demo were said to be Amazon Reviews 2023.
    """
    data = metadata(manifest)
    if "card" not in manifest["recipe"] and not origin(manifest).only_demo:
        data |= {**AMAZON_HEAD, "tags": [*_TAGS, _AMAZON_TAG]}
    return data


def body(manifest: Mapping[str, Any], repository: str | None = None, licence: str | None = None) -> str:
    """Return the card's text; each of its sections stands between comments that name it.

    Args:
        manifest: As in ``manifest.json``.
        repository: Where it is published.
        licence: What the card's head says instead of what curator writes there, as `own_licence` gives it.
    """
    facts = card_facts.of(manifest, repository)
    text = template("dataset/card.md").render(facts, section=_section, licence=licence)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def own_licence(data: Mapping[str, Any], ours: Mapping[str, Any]) -> str | None:
    """Return the licence that a person has put into a card's head, an empty text for none, or None if it is ours.

    Args:
        data: The card's YAML head.
        ours: What `metadata` gives.
    """
    stated = data.get("license")
    if (stated, data.get("license_name")) == (ours.get("license"), ours.get("license_name")):
        return None
    if stated == "other" and data.get("license_name"):
        stated = data["license_name"]
    listed = stated if isinstance(stated, list) else [stated]
    return ", ".join(" ".join(str(one).split()) for one in listed if one)


def licence_in(section: str) -> str | None:
    """Return the licence that a generated section says is a person's."""
    found = re.search(r"names the licence (`+) ?(.+?) ?\1", section)
    return found[2] if found else None


def sections(text: str) -> dict[str, str]:
    """Return the generated sections of a card's text by their names, each with its comments."""
    return {match[1]: match[0] for match in _MARKED.finditer(text)}


def replace_sections(text: str, replace: Callable[[str, str], str]) -> str:
    """Return a card's text with each generated section replaced by what `replace` makes of its name and itself."""
    return _MARKED.sub(lambda match: replace(match[1], match[0]), text)


def _configs(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which files are which split of which config."""
    configs: list[dict[str, Any]] = []
    for config, one in CONFIGS.items():
        data_files = [{"split": split, "path": f"{one.folder}/{split}-*.parquet"} for split in splits_of(manifest)]
        default = {"default": True} if config == "default" else {}
        configs.append({"config_name": config, **default, "data_files": data_files})
    return configs


def _dataset_info(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return features and sizes of each config, from the manifest's files."""
    infos = []
    for config, one in CONFIGS.items():
        files = {
            split: [manifest["files"][name] for name in split_files(manifest, config, split)]
            for split in splits_of(manifest)
        }
        splits = [
            {
                "name": split,
                "num_bytes": sum(one["memory_bytes"] for one in mine),
                "num_examples": sum(one["rows"] for one in mine),
            }
            for split, mine in files.items()
        ]
        infos.append(
            {
                "config_name": config,
                "features": [_feature(column) for column in one.columns],
                "splits": splits,
                "download_size": sum(one["bytes"] for mine in files.values() for one in mine),
                "dataset_size": sum(split["num_bytes"] for split in splits),
            }
        )
    return infos


def _feature(column: Column) -> dict[str, Any]:
    if isinstance(column.type, str):
        return {"name": column.name, "dtype": column.type}
    return {"name": column.name, "list": [{"name": key, "dtype": kind} for key, kind in column.type.items()]}


def _size_category(rows: int) -> str:
    """Return the Hub's name for a number of rows.

    >>> _size_category(999), _size_category(1000), _size_category(408_635)
    ('n<1K', '1K<n<10K', '100K<n<1M')
    """
    names = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B")
    place = max(0, len(str(rows)) - 3)
    return "n<1K" if place == 0 else f"{names[place - 1]}<n<{names[place]}"


def _section(name: str, caller: Callable[[], str]) -> str:
    return f"<!-- curator:begin {name} -->\n{caller().strip()}\n<!-- curator:end {name} -->\n\n"
