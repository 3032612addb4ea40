"""QLoRA: the calls of transformers, bitsandbytes, peft and trl, and nothing else.

Importing this module imports them all, which takes seconds. The order of a training is in `llama_command`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from datasets import Dataset
from huggingface_hub import CommitOperationAdd, HfApi, constants
from peft import LoraConfig
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PrinterCallback, TrainerCallback, TrainerState
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from trl import SFTConfig, SFTTrainer

from curator.errors import CheckError, HubError, UsageError
from curator.hub import errors, repository
from curator.llm import scoring
from curator.train import loss_log
from curator.train.llama.options import AUTO, Options
from curator.train.llama.rows import Report, Rows

PUSHED = ("adapter_model.safetensors", "tokenizer*", "special_tokens_map.json", "chat_template.jinja")
"""What goes to the Hub: no pickle, and nothing that names a folder of this machine."""

_STATE = "trainer_state.json"  # the last file of a checkpoint that is written
_IGNORED = -100  # the label of a token that the loss does not fall on
_DRAWN_EVERY = 30  # seconds
_SAID_EVERY = 10  # seconds


def load_model(folder: Path, options: Options) -> Any:
    """Return the base model: in 4 bits (NF4, its constants quantised too), in 8 bits, or as it is.

    What is computed, and what is not quantised, has bfloat16 on a GPU and float32 without.
    """
    kind = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    quantization = {
        "4bit": BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=kind,
        ),
        "8bit": BitsAndBytesConfig(load_in_8bit=True),
        "none": None,
    }[options.quantize]
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        quantization_config=quantization,
        dtype=kind,
        device_map={"": 0 if torch.cuda.is_available() else "cpu"},
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    for layer in model.modules():
        # bitsandbytes 0.50 would rearrange 4-bit weights at the first evaluation on a CPU with AVX512-BF16, into a form
        # that no gradient passes: the steps after it would learn wrongly, with a warning at most.
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
    return model


def make_trainer(model: Any, tokenizer: Any, rows: Rows, options: Options, report: Report, name: str) -> Any:
    """Return TRL's trainer with the adapter on the model; nothing is trained yet.

    Rows have `prompt` and `completion`, so that the loss falls on the completion alone; TRL adds end-of-sequence.

    Raises:
        CheckError: The trainer would cut or drop a row, or the loss would fall on something else than the answers.
    """
    gpu = torch.cuda.is_available()
    optimizer = ("paged_adamw_32bit" if gpu else "adamw_torch") if options.optimizer == AUTO else options.optimizer
    constants.HF_HUB_DISABLE_TELEMETRY = True  # TRL would tell the Hub which model and trainer this is.
    trainer = SFTTrainer(
        model,
        args=SFTConfig(
            output_dir=str(options.out),
            completion_only_loss=True,
            max_length=report.max_length,
            packing=False,
            num_train_epochs=options.epochs,
            max_steps=options.max_steps or -1,
            per_device_train_batch_size=options.batch_size,
            per_device_eval_batch_size=options.batch_size,
            gradient_accumulation_steps=options.accumulation,
            gradient_checkpointing=options.checkpointing,
            learning_rate=options.learning_rate,
            lr_scheduler_type=options.scheduler,
            warmup_steps=options.warmup,  # below 1 a share of all steps
            optim=optimizer,
            bf16=gpu,
            use_cpu=not gpu,
            seed=options.seed,
            data_seed=options.seed,
            save_strategy="steps",
            save_steps=options.save_steps,
            eval_strategy="steps" if "validation" in rows.splits else "no",
            eval_steps=options.eval_steps or 0.1,  # below 1 a share of all steps
            logging_steps=options.logging_steps,
            logging_first_step=True,
            logging_nan_inf_filter=False,  # a loss that is no number is to be seen
            report_to=list(options.report_to) or "none",
            run_name=name,
            disable_tqdm=True,
        ),
        train_dataset=_dataset(rows.splits["train"]),
        eval_dataset=_dataset(rows.splits["validation"]) if "validation" in rows.splits else None,
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=options.lora_r,
            lora_alpha=options.lora_alpha,
            lora_dropout=options.lora_dropout,
            target_modules=list(options.targets),
            bias="none",
            task_type="CAUSAL_LM",
        ),
    )
    trainer.remove_callback(PrinterCallback)
    _require_all(trainer.train_dataset, "train", report)
    if trainer.eval_dataset is not None:
        _require_all(trainer.eval_dataset, "validation", report)
    return trainer


def _dataset(rows: pl.DataFrame) -> Any:
    return Dataset(rows.select("prompt", "completion").to_arrow(compat_level=pl.CompatLevel.oldest()))


def _require_all(prepared: Any, split: str, report: Report) -> None:
    """Compare what the trainer made of the rows with what the check before it found."""
    lengths, answers = [], []
    for part in prepared.with_format("arrow", columns=["labels"]).iter(10_000):
        labels = part["labels"].combine_chunks()
        sizes = labels.value_lengths().to_numpy(zero_copy_only=False)
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        learned = labels.flatten().to_numpy(zero_copy_only=False) != _IGNORED
        lengths.append(sizes)
        answers.append(np.add.reduceat(learned.astype(np.int64), starts))
    found, expected = (np.concatenate(lengths), np.concatenate(answers)), report.splits[split]
    for what, is_now, was in (("tokens", found[0], expected.lengths), ("answer tokens", found[1], expected.answers)):
        if not np.array_equal(is_now, was):
            raise CheckError(
                f"{split}: the trainer made {len(is_now):,} rows with {is_now.sum():,} {what} of {len(was):,} rows with"
                f" {was.sum():,}; nothing was trained. This release of trl prepares rows in another way."
            )


def run(trainer: Any, checkpoint: Path | None) -> int:
    """Train to the end, from a checkpoint if there is one, and return the number of all steps."""
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(checkpoint / _STATE))
        if state.global_step >= state.max_steps:  # `train` would make one more step
            trainer.model.load_adapter(str(checkpoint), "default", is_trainable=True)
            trainer.state = state
            return int(state.global_step)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return int(trainer.state.global_step)


def learned(trainer: Any, tokenizer: Any) -> str:
    """Return the text of the first row that the loss falls on."""
    return str(tokenizer.decode([one for one in trainer.train_dataset[0]["labels"] if one != _IGNORED]))


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint that was written to its end."""
    whole = [path.parent for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{_STATE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def measure(model: Any, tokenizer: Any, rows: pl.DataFrame, batch: int) -> dict[str, Any]:
    """Return loss (mean over the tokens of all answers, nats), perplexity and share of first tokens guessed right."""
    told = [one.evidence for one in scoring.score(model, tokenizer, rows, batch=batch)]
    mean = sum(one.loss or 0.0 for one in told) / sum(one.tokens or 0 for one in told)
    return {
        "rows": len(told),
        "loss": mean,
        "perplexity": math.exp(mean),
        "first_token_right": sum(one.first_right for one in told) / len(told),
    }


def losses(history: Iterable[Mapping[str, Any]]) -> list[loss_log.Row]:
    """Return the rows of the loss curve from what a trainer has logged."""
    names = {
        "loss": "train_loss",
        "eval_loss": "valid_loss",
        "mean_token_accuracy": "train_mean_token_accuracy",
        "eval_mean_token_accuracy": "valid_mean_token_accuracy",
    }
    return loss_log.merge(
        {"step": row.get("step")} | {name: row[key] for key, name in names.items() if key in row} for row in history
    )


def create_repository(name: str) -> None:
    """Make a private repository for models, or make sure that the one there is private.

    Raises:
        UsageError: It is public.
        HubError: It can't be had.
    """
    repository.check_name(name)
    repository.require_login(f"model {name}")
    with errors.hub_errors(f"model {name}"):
        HfApi().create_repo(name, private=True, exist_ok=True)
        private = HfApi().model_info(name).private
    if not private:
        raise UsageError(f"--push-to {name}: that repository is public; make it private on the Hub, or name another")


def push(name: str, folder: Path, base: str, card: str, message: str) -> None:
    """Send the adapter in a folder, its tokenizer and a card, in one commit.

    Args:
        name: The repository.
        folder: A checkpoint, or where the adapter was saved.
        base: What the adapter calls its base there: its own configuration may name a folder of this machine.
        card: The card.
        message: The commit's.

    Raises:
        HubError: It did not work; nothing has changed in the repository.
    """
    files = sorted({path for pattern in PUSHED for path in folder.glob(pattern)})
    operations = [CommitOperationAdd(path.name, path) for path in files]
    config = json.loads((folder / "adapter_config.json").read_text("utf-8")) | {"base_model_name_or_path": base}
    operations.append(CommitOperationAdd("adapter_config.json", json.dumps(config, indent=2).encode()))
    operations.append(CommitOperationAdd("README.md", card.encode()))
    with errors.hub_errors(f"model {name}"), repository.quiet_unless_terminal():
        HfApi().create_commit(name, operations, commit_message=message)


class Watch(TrainerCallback):  # type: ignore[misc]
    """Tells the losses, keeps and draws them, and sends checkpoints.

    Args:
        options: Where to.
        draw: Writes the page from rows of losses and a sentence on how far it is.
        push: Sends the adapter in a folder as it is at a step.
        say: Tells the user a line.
    """

    def __init__(
        self,
        options: Options,
        draw: Callable[[list[loss_log.Row], str], None],
        push: Callable[[Path, int], None],
        say: Callable[[str], None],
    ) -> None:
        self._options, self._draw, self._push, self._say = options, draw, push, say
        self._drawn = self._said = -math.inf
        self._began = 0.0
        self.seconds = 0.0
        self.steps = 0

    def on_step_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Stop the clock."""
        self.seconds += time.perf_counter() - self._began
        self.steps += 1

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **others: Any) -> None:
        """Keep, tell and draw the losses so far; of what is resumed, the trainer's state holds them too."""
        if not {"loss", "eval_loss"} & logs.keys():
            return
        rows = losses(state.log_history)
        loss_log.write(self._options.out / "losses.jsonl", rows)
        now, of = time.monotonic(), f"step {state.global_step:,} of {state.max_steps:,}"
        evaluated = "eval_loss" in logs
        if evaluated or now - self._said >= _SAID_EVERY:
            self._said = now
            value = logs["eval_loss"] if evaluated else logs["loss"]
            pace = f", {self.seconds / self.steps:.2f} s a step" if self.steps else ""
            self._say(f"{of}: {'validation' if evaluated else 'train'} loss {value:.4f}{pace}")
        if evaluated or now - self._drawn >= _DRAWN_EVERY:
            self._drawn = now
            self._draw(rows, f"In training: {of}.")

    def on_save(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Send the checkpoint; one that can't be sent is no reason to stop, the next one replaces it."""
        if self._options.push_to is None:
            return
        folder = self._options.out / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        try:
            self._push(folder, state.global_step)
            self._say(f"step {state.global_step:,} is at {self._options.push_to}")
        except HubError as error:
            self._say(f"Warning: the checkpoint of step {state.global_step:,} was not sent: {error}")
