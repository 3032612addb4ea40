"""The dataset's description in the Croissant format (https://mlcommons.org/croissant), beside the card."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from curator.dataset import card, card_facts
from curator.dataset.columns import CONFIGS
from curator.dataset.origin import AMAZON, LOCAL, Origin, origin, url_of
from curator.recipe.load import Recipe
from curator.system.display import visible

VERSION = "http://mlcommons.org/croissant/1.1"
"""The version of the format, as files name it."""

_CONTEXT = json.loads(resources.files("curator").joinpath("dataset", "croissant_context.json").read_bytes())
"""The words of JSON-LD that the format asks each description to begin with."""

_FORMATS = {"parquet": "application/x-parquet", "jsonl": "application/jsonlines"}
_TYPES = {"string": "sc:Text", "float64": "sc:Float", "int32": "sc:Integer"}
_CITE = (
    "@article{hou2024bridging, title={Bridging Language and Items for Retrieval and Recommendation},"
    " author={Hou, Yupeng and Li, Jiacheng and He, Zhankui and Yan, An and Chen, Xiusi and McAuley, Julian},"
    " journal={arXiv preprint arXiv:2403.03952}, year={2024}}"
)


def describe(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Croissant description (JSON-LD) of a dataset, its files named relative to the file itself."""
    recipe, known = Recipe.model_validate(manifest["recipe"]), origin(manifest)
    title, licences = known.stated.title, list(known.licences()) * (not known.only_local)
    derived = [*map(url_of, known.repositories), *([known.stated.source_url] if known.stated.source_url else [])]
    limits, collection = list(card_facts.limits(manifest)), " ".join(_collection(known))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": VERSION,
        "name": visible(title) or f"product-prices-{recipe.name}",
        "description": (
            f"Prompts that ask for a product's price in whole {card_facts.currency(recipe)}, made with curator"
            f" {manifest['curator']}, recipe {recipe.name}, from {manifest['counts']['rows_in']:,} rows. {collection}"
        ),
        "version": manifest["curator"],
        **({"license": known.stated.license or " ".join(licences)} if known.stated.license or licences else {}),
        **({"inLanguage": known.languages} if known.languages else {}),
        "keywords": ["price prediction", "e-commerce", "fine-tuning"],
        **({"citeAs": _CITE} if known.amazon else {}),
        **({"prov:wasDerivedFrom": [{"@id": one} for one in derived]} if derived else {}),
        "rai:dataCollection": collection,
        "rai:dataPreprocessingProtocol": list(card_facts.processing(manifest)),
        "rai:dataLimitations": limits,
        "rai:dataUseCases": ["Fine-tuning and evaluating language models that estimate a price from a product's text."],
        "rai:personalSensitiveInformation": [
            "None; all is made up."
            if known.only_demo
            else "Not looked for; product texts may name authors, artists and sellers."
        ],
        "distribution": [*_files(manifest), *_file_sets(manifest)],
        "recordSet": [_record_set(config, manifest, recipe) for config in _flat()],
    }


def _collection(known: Origin) -> Iterator[str]:
    """Yield where rows come from, a sentence for each source."""
    if known.demo:
        yield "The demo catalogue: drawn by a program from word lists and a seed."
    if known.amazon:
        yield f"{AMAZON}: item metadata of Amazon's US shop, collected in 2023 by the dataset's authors."
    for name, commits in known.others.items():
        yield f"{name} at {', '.join(commits)}: as that dataset describes it."
    if known.local:
        yield f"Rows were read from {LOCAL}; curator doesn't know who made them."
    if known.stated.source:
        yield f"As the recipe states: {visible(known.stated.source)}"


def checksums(description: Mapping[str, Any]) -> dict[str, str]:
    """Return the sha256 (hex) of each file that a description names.

    Raises:
        KeyError: It isn't such a description.
        TypeError: Likewise.
    """
    objects = (one for one in description["distribution"] if one["@type"] == "cr:FileObject")
    return {one["contentUrl"]: one["sha256"] for one in objects}


def _flat() -> list[str]:
    """Return the configs whose columns are single values."""
    return [name for name, config in CONFIGS.items() if all(isinstance(one.type, str) for one in config.columns)]


def _files(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{one['bytes']} B",
            "encodingFormat": _FORMATS[name.rpartition(".")[2]],
            "sha256": one["sha256"],
        }
        for name, one in manifest["files"].items()
    ]


def _file_sets(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    # By split, as the card's configs have it: a person's own file beside the data is none of it.
    return [
        {
            "@type": "cr:FileSet",
            "@id": f"files-of-{config}",
            "name": f"files-of-{config}",
            "description": f"The Parquet files of config {config}.",
            "encodingFormat": _FORMATS["parquet"],
            "includes": [f"{CONFIGS[config].folder}/{split}-*.parquet" for split in card.splits_of(manifest)],
        }
        for config in _flat()
    ]


def _record_set(config: str, manifest: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """Return the records of a config: its columns, and the split that a file's name tells."""
    files = f"files-of-{config}"
    folder = CONFIGS[config].folder
    named = {
        "answer": recipe.prompt.answer,
        "tokenizer": recipe.tokenizer,
        "currency": card_facts.currency(recipe),
    }
    split = {
        "@type": "cr:Field",
        "@id": f"{config}/split",
        "name": f"{config}/split",
        "description": "The split.",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": files},
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": f"{folder}/([a-z]+)-.*[.]parquet$"},
        },
    }
    columns = [
        {
            "@type": "cr:Field",
            "@id": f"{config}/{column.name}",
            "name": f"{config}/{column.name}",
            "description": column.sentence.replace("`", "").format_map(named),
            "dataType": _TYPES[str(column.type)],
            "source": {"fileSet": {"@id": files}, "extract": {"column": column.name}},
        }
        for column in CONFIGS[config].columns
    ]
    splits = ", ".join(card.splits_of(manifest))
    return {
        "@type": "cr:RecordSet",
        "@id": config,
        "name": config,
        "description": f"Config {config}; splits {splits}.",
        "field": [split, *columns],
    }
