"""The card of an adapter: what it was made from and how, and how well it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curator.dataset.markdown import code, md, table
from curator.system.paths import existing
from curator.system.version import VERSION


def base_name(base: str) -> str:
    """Return what may be published of a base model's name: a Hub repository's, or the last part of a folder's."""
    return base if existing(base) is None else Path(base).resolve().name


def render(
    name: str,
    record: Mapping[str, Any],
    *,
    step: int,
    steps: int | None = None,
    measured: Mapping[str, Any] | None = None,
) -> str:
    """Return the card (Markdown with a YAML head).

    Args:
        name: What the adapter is called.
        record: `recipe` (see `Options.recipe`), `tokens` (see `Report.to_dict`) and `dataset`: `name`, `repository`
            (None for a run), `revision`, `sha256` of its manifest, `recipe`, `rows` by split.
        step: Steps that were made.
        steps: Steps of the whole training, once it has ended.
        measured: What `llama.measure` returns, once it has ended.
    """
    from huggingface_hub import ModelCardData

    recipe, dataset, tokens = record["recipe"], record["dataset"], record["tokens"]
    base = base_name(recipe["base"])
    on_hub = existing(recipe["base"]) is None
    head = ModelCardData(
        base_model=base if on_hub else None,
        datasets=[dataset["repository"]] if dataset["repository"] else None,
        library_name="peft",
        pipeline_tag="text-generation",
        tags=["lora", "price-prediction", "curator"],
    )
    parts = [
        f"---\n{head.to_yaml()}\n---\n",
        f"# {md(name)}\n",
        f"A LoRA adapter on {code(base)} that says what a product costs. It was trained by curator {VERSION} (TRL's"
        " `SFTTrainer`); the loss fell on the price alone. It answers prompts of the dataset, which end in the words"
        " before the amount.\n",
    ]
    if measured is not None:
        split = dataset["rows"]["validation"]
        rows = [
            ("loss, mean over the tokens of the answers (nats)", f"{measured['loss']:.4f}"),
            ("perplexity", f"{measured['perplexity']:.4f}"),
            ("first token of the answer guessed right", f"{measured['first_token_right']:.1%}"),
        ]
        parts += [f"## Results\n\nAfter {steps:,} steps, on {measured['rows']:,} rows ({md(split)}):\n"]
        parts.append(table(["measure", "value"], rows))
    elif steps is None:
        parts.append(f"In training: these are the weights after step {step:,}.\n")
    else:
        parts.append(f"Trained for {steps:,} steps; nothing was measured, as there were no validation rows.\n")
    facts = [
        ("name", code(dataset["name"], in_table=True)),
        ("revision", code(dataset["revision"]) if dataset["revision"] else "not on the Hub"),
        ("sha256 of its manifest.json, which holds that of every file", code(dataset["sha256"])),
        ("recipe", code(dataset["recipe"], in_table=True)),
        *((f"rows for {key}", md(value)) for key, value in dataset["rows"].items()),
        (
            "tokens of the longest row",
            f"{tokens['longest']:,} (rows were cut at none; max length {tokens['max_length']:,})",
        ),
        (
            "prices from \\$1 to \\$999 by their tokens",
            ", ".join(f"{count} of {size}" for size, count in tokens["tokens_of_prices"].items()),
        ),
    ]
    parts.append(f"## Dataset\n\n{table(['what', 'value'], facts)}")
    settings = {**recipe, "base": base, "targets": ", ".join(recipe["targets"])}
    told = [(key.replace("_", " "), md(str(value))) for key, value in settings.items()]
    parts.append(f"## Recipe\n\n{table(['setting', 'value'], told)}")
    parts.append(
        "0 rows are all rows, 0 max steps whole epochs. The licences of the base model and of the dataset apply to what"
        " is made from them.\n"
    )
    return "\n".join(parts)
