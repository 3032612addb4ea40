"""The options of `curator train llama`, with the defaults that `--help` shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

AUTO = "auto"
"""Leaves a setting to the machine."""
QUANTIZATIONS = ("4bit", "8bit", "none")
"""How weights of the base model are held."""
SCHEDULERS = ("cosine", "linear", "constant", "constant_with_warmup")
"""How the learning rate falls."""

_NOT_RECIPE = ("out", "save_steps", "eval_steps", "logging_steps", "resume", "push_to", "report_to", "run_name")
"""What makes no difference to the adapter that comes out, so that a resumed training may change it."""


@dataclass(frozen=True)
class Options:
    """One training.

    Attributes:
        base: The model: a folder, or a repository of the Hub.
        out: The folder for checkpoints, adapter, losses and their page.
        train_rows: First rows of train; 0 for all.
        validation_rows: First rows of validation; 0 for none.
        quantize: Bits of the base model's weights while training.
        lora_r: Rank of the adapter's matrices.
        lora_alpha: Scale of the adapter: its output counts alpha / r times.
        lora_dropout: Share of their inputs that is dropped.
        targets: The layers that get an adapter.
        epochs: Passes over the rows.
        batch_size: Rows at a time on the device.
        accumulation: Batches whose gradients make one step.
        learning_rate: The highest.
        scheduler: How it falls.
        warmup: Share of the steps in which it rises; from 1 on the number of steps.
        optimizer: A name that transformers knows, or auto: paged AdamW on a GPU, torch's AdamW without.
        checkpointing: Whether activations are computed again instead of kept: less memory, more time.
        max_length: Maximum tokens of a row, answer and end-of-sequence included; auto is the longest row.
        max_steps: Steps after which the training ends; 0 for whole epochs.
        seed: Of the order of rows, the adapter's first weights and dropout.
        save_steps: Steps between two checkpoints.
        eval_steps: Steps between two losses on validation; 0 for a tenth of all steps.
        logging_steps: Steps per reported mean loss.
        resume: Go on from the last checkpoint.
        push_to: The private repository of the Hub that gets each checkpoint.
        report_to: Trackers that transformers knows.
        run_name: Name of the training at a tracker; the default names base and dataset.
    """

    base: str
    out: Path
    train_rows: int = 0
    validation_rows: int = 1_000
    quantize: str = "4bit"
    lora_r: int = 32
    lora_alpha: int = 64
    lora_dropout: float = 0.1
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    epochs: int = 1
    batch_size: int = 16
    accumulation: int = 1
    learning_rate: float = 1e-4
    scheduler: str = "cosine"
    warmup: float = 0.03
    optimizer: str = AUTO
    checkpointing: bool = True
    max_length: int | str = AUTO
    max_steps: int = 0
    seed: int = 42
    save_steps: int = 5_000
    eval_steps: int = 0
    logging_steps: int = 10
    resume: bool = False
    push_to: str | None = None
    report_to: tuple[str, ...] = ()
    run_name: str | None = None

    def recipe(self) -> dict[str, Any]:
        """Return what the adapter depends on, as JSON holds it."""
        kept = {key: value for key, value in asdict(self).items() if key not in _NOT_RECIPE}
        return kept | {"targets": list(self.targets)}
