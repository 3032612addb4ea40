"""The command `curator train llama`: parse, call, print."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from curator.cli import tab_completion
from curator.cli.group import Command
from curator.system.display import json_line
from curator.train.llama.options import AUTO, QUANTIZATIONS, SCHEDULERS, Options

_Command = Callable[..., Any]


def _length(ctx: click.Context, param: click.Parameter, value: str) -> int | str:
    """Return a number of tokens, or `auto`."""
    if value == AUTO:
        return AUTO
    if value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither {AUTO} nor a number of tokens", ctx, param)


def _option(name: str, type_: Any, help_: str, field: str | None = None, **more: Any) -> Callable[[_Command], _Command]:
    """Return an option whose default is that of `Options`."""
    field = field or name.removeprefix("--").partition("/")[0].replace("-", "_")
    default = Options.__dataclass_fields__[field].default
    return click.option(name, field, type=type_, default=default, show_default=True, help=help_, **more)


_COUNT, _POSITIVE = click.IntRange(0), click.IntRange(1)
_OPTIONS = (
    _option("--train-rows", _COUNT, "First train rows; 0: all."),
    _option("--validation-rows", _COUNT, "First validation rows; 0: none."),
    _option("--quantize", click.Choice(QUANTIZATIONS), "Base weights while training; 4bit: NF4, doubly quantised."),
    _option("--lora-r", _POSITIVE, "Rank of the adapter."),
    _option("--lora-alpha", _POSITIVE, "Scale of the adapter: its output counts alpha / r times."),
    _option("--lora-dropout", click.FloatRange(0, 1, max_open=True), "Dropout of the adapter."),
    _option("--target", str, "A layer that gets an adapter; may be repeated.", "targets", multiple=True),
    _option("--epochs", _POSITIVE, "Passes over the rows."),
    _option("--batch-size", _POSITIVE, "Rows at a time; 4 with --accumulation 4 makes the same step in less memory."),
    _option("--accumulation", _POSITIVE, "Batches that make one step."),
    _option("--learning-rate", click.FloatRange(0, min_open=True), "The highest learning rate."),
    _option("--scheduler", click.Choice(SCHEDULERS), "How the learning rate falls."),
    _option("--warmup", click.FloatRange(0), "Share of the steps in which it rises; from 1 on: steps."),
    _option("--optimizer", str, "auto: paged_adamw_32bit on a GPU, adamw_torch without."),
    _option("--checkpointing/--no-checkpointing", bool, "Compute activations again: less memory, more time."),
    _option(
        "--max-length",
        str,
        "Maximum tokens of a row, checked; auto: those of the longest.",
        metavar=f"{AUTO}|TOKENS",
        callback=_length,
    ),
    _option("--max-steps", _COUNT, "End after N steps; 0: whole epochs."),
    _option("--seed", click.IntRange(0, 2**31 - 1), "Seed of the order of rows, first weights and dropout."),
    _option("--save-steps", _POSITIVE, "Steps between checkpoints."),
    _option("--eval-steps", _COUNT, "Steps between losses on validation; 0: a tenth of all steps."),
    _option("--logging-steps", _POSITIVE, "Steps per reported mean loss."),
)


def _training(command: _Command) -> _Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(cls=Command)
@click.argument("run", shell_complete=tab_completion.run)
@click.option("--base", required=True, metavar="MODEL", help="The model to fine-tune: a folder, or OWNER/NAME.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where the adapter goes.")
@_training
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in DIR.")
@click.option("--push-to", metavar="OWNER/NAME", help="Private Hub repository that gets each checkpoint.")
@click.option("--report-to", metavar="TRACKER", multiple=True, help="wandb, or another that transformers knows.")
@click.option("--run-name", help="Name of the run at the tracker.  [default: names of base and dataset]")
@click.option("--dry-run", is_flag=True, help="Check the rows; download no weights, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def llama(run: str, dry_run: bool, as_json: bool, **asked: Any) -> None:
    """Fine-tune a model on this machine.

    Trains an adapter of a Llama or another language model by QLoRA (transformers, peft, trl, bitsandbytes). RUN is a
    finished run, its dataset folder, or a dataset of curator on the Hub (OWNER/NAME). The loss falls on the price
    alone. Before the first step every row is encoded by the model's own tokenizer; if one would be cut, nothing is
    trained. Without a GPU it computes in float32, with one in bfloat16. Losses are in DIR/losses.jsonl and drawn in
    DIR/training.html while it trains. Without a validation split (course-v1) the next train rows serve.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator train llama runs/demo-5000 --base HuggingFaceTB/SmolLM2-135M --out runs/llama --max-steps 50 --dry-run
    """
    from curator.train.llama import command as llama_command

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    options = Options(**asked)
    if not dry_run:
        llama_command.require_libraries(options)
    # Trackers print to standard output.
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        prepared = llama_command.prepare(run, options, say)
        if dry_run:
            say("dry run: no model was loaded, nothing was written")
            found = {**prepared.record, "dry_run": True}
        else:
            found = llama_command.train(prepared, options, say)
    if as_json:
        click.echo(json_line(found))
