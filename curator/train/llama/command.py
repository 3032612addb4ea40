"""What `curator train llama` does, in its order: rows, their check, the model, the training, the measure, the card.

DIR/
  training.json          dataset, recipe and counts: what --resume compares
  checkpoint-N/          what a training goes on from
  losses.jsonl           losses by step
  training.html          the same, drawn
  README.md              the card
  adapter_*, tokenizer*  the adapter, written last
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from curator.errors import CuratorError, RunError, RunLockedError, UsageError
from curator.llm.local import find, library, model_load_errors, quiet
from curator.system.display import bars_on_terminal
from curator.system.files import write_json, write_text
from curator.system.paths import existing
from curator.system.platform import peak_memory_bytes
from curator.system.version import VERSION
from curator.train import loss_log, page
from curator.train.llama import model_card
from curator.train.llama.names import check_names
from curator.train.llama.options import AUTO, Options
from curator.train.llama.rows import Report, Rows, check, choose, load_tokenizer

RECORD = "training.json"
"""The run of the training as JSON: settings, rows, losses at the end."""
LOSSES = "losses.jsonl"
"""The losses as they come, a JSON object a line."""
PAGE = "training.html"
"""The page of the losses."""
CARD = "README.md"
"""The model card."""
LOCK = ".lock"
"""Held while a training is at work in the folder."""

Say = Callable[[str], None]
"""Shows a line to the user."""

_LIBRARIES = ("torch", "transformers", "accelerate", "peft", "trl")


@dataclass(frozen=True)
class Prepared:
    """All that is known before the model is loaded.

    Attributes:
        name: The dataset, as the user named it.
        rows: Its rows.
        tokenizer: The base model's.
        report: What the tokenizer makes of the rows.
        record: The same and the recipe, as JSON can hold it.
    """

    name: str
    rows: Rows
    tokenizer: Any
    report: Report
    record: dict[str, Any]

    @property
    def base(self) -> str:
        """The base model's name, without the folders before it."""
        return model_card.base_name(self.record["recipe"]["base"])


def prepare(name: str, options: Options, say: Say) -> Prepared:
    """Find rows and model, and check every row under the model's own tokenizer.

    Args:
        name: A finished run's folder, a dataset folder, or a repository of the Hub.
        options: How to train.
        say: Gets each line of what was found.

    Raises:
        UsageError: The call makes no sense.
        CheckError: A row would be cut, dropped or learned wrongly.
        CuratorError: The model's tokenizer can't be loaded or used.
        HubError: The Hub can't be had.
    """
    # Before anything that takes its time.
    _require_usable(options)
    rows = choose(name, options.train_rows, options.validation_rows)
    found = find(options.base, weights=False)
    if found.adapter is not None:
        raise UsageError(f"--base {options.base}: that is an adapter; name the model it is on")
    with model_load_errors(found):
        check_names(options, found.base)
        tokenizer, room = load_tokenizer(found.base)
    say(f"{name}: " + ", ".join(f"{key} from {value}" for key, value in rows.sources.items()))
    report = check(tokenizer, rows, None if options.max_length == AUTO else int(options.max_length), room)
    say(report.in_words())
    for warning in report.warnings:
        say(f"Warning: {warning}.")
    record = {
        "curator": VERSION,
        "recipe": options.recipe(),
        "dataset": _described(rows),
        "tokens": report.to_dict(),
        "warnings": report.warnings,
    }
    return Prepared(name, rows, tokenizer, report, record)


def train(prepared: Prepared, options: Options, say: Say) -> dict[str, Any]:
    """Train, measure and write the card.

    Args:
        prepared: What `prepare` returned.
        options: The same as there.
        say: Gets each line of what happens.

    Returns:
        What came out, as JSON can hold it.

    Raises:
        UsageError: A training lies in the folder already, or another one, or the repository is public.
        CheckError: The trainer would not learn what was checked.
        CuratorError: A library is missing, or the model can't be loaded or trained.
        HubError: The Hub can't be had.
    """
    require_libraries(options)
    rows, tokenizer, record = prepared.rows, prepared.tokenizer, prepared.record
    run_name = options.run_name or f"{prepared.base}-{Path(record['dataset']['name']).name}"
    title = (options.push_to or run_name).rpartition("/")[2]
    with _folder(options, record), quiet(library("transformers")), _quiet_datasets():
        from curator.train.llama import trainer as llama

        start = llama.last_checkpoint(options.out) if options.resume else None
        if options.resume:
            say(f"going on from {start}" if start else "no checkpoint was written yet: starting from the beginning")
        if options.push_to is not None:
            llama.create_repository(options.push_to)
        # Of a model on the Hub only now the weights: the rows were checked without them.
        found = find(options.base)
        with model_load_errors(found):
            model = llama.load_model(found.base, options)
        folder = existing(options.base)
        model.name_or_path = options.base if folder is None else str(folder.resolve())
        size = model.get_memory_footprint()
        say(f"model: {model.num_parameters():,} parameters, {size / 1e6:,.1f} MB in memory ({options.quantize})")
        known = model.get_input_embeddings().num_embeddings
        if prepared.report.highest >= known:
            raise UsageError(f"--base {options.base}: its tokenizer has more tokens than the {known:,} of the model")

        def card(step: int, **ended: Any) -> str:
            return model_card.render(title, record, step=step, **ended)

        def push(folder: Path, step: int) -> None:
            assert options.push_to is not None
            llama.push(options.push_to, folder, prepared.base, card(step), f"Step {step}")

        def draw(points: list[loss_log.Row], status: str) -> None:
            facts = [*_facts(prepared), ("base model in memory", f"{size / 1e6:,.1f} MB")]
            about = f"{prepared.base}, fine-tuned on {rows.splits['train'].height:,} rows"
            page.write_page(options.out / PAGE, points, title=about, status=status, facts=facts, source=LOSSES)

        with _explained():
            trainer = llama.make_trainer(model, tokenizer, rows, options, prepared.report, run_name)
        say(f"the loss falls on {llama.learned(trainer, tokenizer)!r} in the first row")
        watch = llama.Watch(options, draw, push, say)
        trainer.add_callback(watch)
        # TRL would write a card of its own with each checkpoint.
        trainer.create_model_card = lambda **_: write_text(options.out / CARD, card(trainer.state.global_step))
        with _explained():
            try:
                steps = llama.run(trainer, start)
            except KeyboardInterrupt:
                say("What was trained since the last checkpoint is lost; --resume goes on from there.")
                raise
            trainer.save_model(str(options.out))
            measured = None
            if "validation" in rows.splits:
                measured = llama.measure(trainer.model, tokenizer, rows.splits["validation"], options.batch_size)
        last = [{"step": steps, "valid_loss": measured["loss"]}] if measured else []
        points = loss_log.merge([*llama.losses(trainer.state.log_history), *last])
        loss_log.write(options.out / LOSSES, points)
        result = _measured(measured) if measured else "nothing to validate on"
        draw(points, f"Ended after {steps:,} steps: {result}.")
        final = card(steps, steps=steps, measured=measured)
        write_text(options.out / CARD, final)
        say(f"ended after {steps:,} steps: {result}")
        if options.push_to is not None:
            llama.push(options.push_to, options.out, prepared.base, final, f"End of training, step {steps}")
            say(f"the adapter is at {options.push_to}")
    command = f"curator evaluate {shlex.quote(prepared.name)} --model {shlex.quote(f'llama:{options.out}')}"
    say(f"adapter, card and losses are in {options.out}; next: {command}")
    return record | {
        "out": str(options.out),
        "steps": steps,
        "measured": measured,
        "losses": points,
        "seconds_per_step": watch.seconds / watch.steps if watch.steps else None,
        "footprint_bytes": size,
        "peak_memory_bytes": peak_memory_bytes(),
        "pushed_to": options.push_to,
        "next": command,
    }


def require_libraries(options: Options) -> None:
    """Refuse to begin where a library is missing.

    Raises:
        CuratorError: One is.
    """
    for name in (*_LIBRARIES, *(["bitsandbytes"] if options.quantize != "none" else [])):
        library(name)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the libraries refuse into one message.

    Raises:
        CuratorError: They refused a setting, or the memory is too small.
    """
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise CuratorError(
            "the GPU's memory is too small: take a smaller --batch-size with more --accumulation, or a smaller model."
            " --resume goes on only with the same settings; start again in another folder"
        ) from error
    except (ValueError, ImportError, RuntimeError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise CuratorError(f"the trainer refuses: {type(error).__name__}: {first}") from error


def _described(rows: Rows) -> dict[str, Any]:
    """Return what a card says of the dataset; a folder's path is nobody's business but its name is."""
    on_hub = existing(rows.place.name) is None
    return {
        "name": rows.place.name if on_hub else Path(rows.place.name).resolve().name,
        "repository": rows.place.name if on_hub else None,
        "revision": rows.place.dataset.name if on_hub else None,
        "sha256": rows.sha256,
        "recipe": rows.place.recipe.name,
        "rows": rows.sources,
    }


def _require_usable(options: Options) -> None:
    """Refuse a folder that the training could not go into.

    Raises:
        UsageError: It holds a training and --resume was not asked for, or none and it was, or something else.
    """
    out, path = options.out, options.out / RECORD
    if out.exists() and not path.is_file() and (not out.is_dir() or any(one.name != LOCK for one in out.iterdir())):
        raise UsageError(f"--out {out}: that is not an empty folder, and no training of curator lies there")
    if not options.resume and any([*out.glob("checkpoint-*"), *out.glob("adapter_*")]):
        raise UsageError(f"--out {out}: a training lies there; go on with it by --resume, or choose another folder")
    if options.resume and not path.is_file():
        raise UsageError(f"--resume: no training lies in {out}; leave --resume out to start one")


@contextmanager
def _folder(options: Options, record: Mapping[str, Any]) -> Iterator[None]:
    """Make the folder and hold it; remember what is trained there, or compare with what is remembered.

    Raises:
        UsageError: It holds a training and --resume was not asked for, or another training, or something else.
        RunLockedError: Another training is at work in it.
    """
    out, path = options.out, options.out / RECORD
    lock = FileLock(out / LOCK)
    try:
        _require_usable(options)
        out.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunLockedError(f"another training is at work in {out}") from error
    except OSError as error:
        raise RunError(f"can't write to {out}: {error.strerror or error}") from error
    try:
        if options.resume:
            _require_same(path, record)
        else:
            write_json(path, record)
        yield
    finally:
        lock.release()


def _require_same(path: Path, record: Mapping[str, Any]) -> None:
    try:
        before = json.loads(path.read_text("utf-8"))
        was = {**before["recipe"], **{f"dataset {key}": before["dataset"][key] for key in ("sha256", "rows")}}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RunError(f"{path} can't be read: {error!r}") from error
    now = {**record["recipe"], **{f"dataset {key}": record["dataset"][key] for key in ("sha256", "rows")}}
    changed = [f"{key} was {was.get(key)!r} and is {now[key]!r}" for key in now if was.get(key) != now[key]]
    if changed:
        raise UsageError(
            f"--resume: {path.parent} holds another training ({'; '.join(changed)}); choose another folder, or repeat"
            " what it was started with"
        )


def _measured(measured: Mapping[str, Any]) -> str:
    return f"validation loss {measured['loss']:.4f}, perplexity {measured['perplexity']:.4f}"


def _facts(prepared: Prepared) -> list[tuple[str, str]]:
    """Return how it was trained, for the page."""
    dataset, tokens = prepared.record["dataset"], prepared.record["tokens"]
    recipe = prepared.record["recipe"] | {"base": prepared.base}
    return [
        ("dataset", f"{dataset['name']}, recipe {dataset['recipe']}"),
        ("sha256 of its manifest", dataset["sha256"]),
        *((f"rows for {key}", value) for key, value in dataset["rows"].items()),
        ("longest row", f"{tokens['longest']:,} tokens; max length {tokens['max_length']:,}"),
        *(
            (key.replace("_", " "), ", ".join(map(str, one)) if isinstance(one, list) else str(one))
            for key, one in recipe.items()
        ),
    ]


def _quiet_datasets() -> AbstractContextManager[None]:
    """Show the bars of `datasets`, which prepares the rows, on a terminal only."""
    from datasets import disable_progress_bars, enable_progress_bars, is_progress_bar_enabled

    return bars_on_terminal(is_progress_bar_enabled, disable_progress_bars, enable_progress_bars)
