"""The card of an adapter: what it was made from and how, and how well it does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curator.dataset.markdown import template
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

    recipe, dataset = record["recipe"], record["dataset"]
    base = base_name(recipe["base"])
    head = ModelCardData(
        base_model=base if existing(recipe["base"]) is None else None,
        datasets=[dataset["repository"]] if dataset["repository"] else None,
        library_name="peft",
        pipeline_tag="text-generation",
        tags=["lora", "price-prediction", "curator"],
    )
    return template("train/llama/model_card.md").render(
        head=head.to_yaml(),
        name=name,
        base=base,
        version=VERSION,
        dataset=dataset,
        tokens=record["tokens"],
        settings={**recipe, "base": base, "targets": ", ".join(recipe["targets"])},
        step=step,
        steps=steps,
        measured=measured,
    )
