"""`curator train llama`: a tiny random Llama learns from rows of the demo in 4 bits, through the command line."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result

torch = pytest.importorskip("torch", reason="torch is not installed (extra `llama`)")
for _library in ("peft", "trl", "bitsandbytes", "accelerate"):
    pytest.importorskip(_library, reason=f"{_library} is not installed (extra `llama`)", exc_type=ImportError)
import transformers  # noqa: E402

import hub_stand_in as stand_in  # noqa: E402
from curator.cli.commands import main  # noqa: E402
from curator.dataset import opened  # noqa: E402
from curator.errors import CheckError, HubError, UsageError  # noqa: E402
from curator.llm import local, scoring  # noqa: E402
from curator.train import loss_log  # noqa: E402
from curator.train.llama import command as llama_command  # noqa: E402
from curator.train.llama import rows as llama_rows  # noqa: E402
from curator.train.llama.options import Options  # noqa: E402

BEGIN, END = "<|begin|>", "<|end|>"
STEPS, SAVED = 16, 4
ARGUMENTS = (
    "--train-rows",
    "80",
    "--validation-rows",
    "12",
    "--batch-size",
    "8",
    "--max-steps",
    str(STEPS),
    "--learning-rate",
    "0.03",
    "--save-steps",
    str(SAVED),
    "--logging-steps",
    "1",
    "--eval-steps",
    "8",
    "--no-checkpointing",
    "--lora-r",
    "8",
    "--lora-alpha",
    "16",
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of torch wait for each other busily, which takes far longer where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_tokenizer(prompts: list[str], pieces: str = r"\p{N}{1,3}", words: bool = True) -> Any:
    """A byte-level BPE that knows the demo's words; prices are one token each if `pieces` lets them."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4_000,
        special_tokens=[BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    priced = [f"Price is ${price}.00" for price in range(1, 1_000) for _ in range(20)]
    engine.train_from_iterator([*prompts, *priced], trainer)
    engine.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 0)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=engine, bos_token=BEGIN, eos_token=END)


def make_base(folder: Path, tokenizer: Any, room: int = 1_024) -> Path:
    """A random Llama, saved with its tokenizer."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
        max_position_embeddings=room,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def prompts(demo_run: Path) -> list[str]:
    found: list[str] = opened.open_dataset(str(demo_run)).read("train", 0, 200)["prompt"].to_list()
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: Any, prompts: list[str]) -> Path:
    return make_base(tmp_path_factory.mktemp("models") / "tiny", make_tokenizer(prompts))


def command(*args: object) -> Result:
    """Call the command in this process, which has the libraries loaded; what would be a traceback is raised."""
    result = CliRunner().invoke(main, ["train", "llama", *map(str, args)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def trained(tmp_path_factory: Any, demo_run: Path, base: Path) -> tuple[Path, dict[str, Any], str]:
    """A training from beginning to end: its folder, what it printed as JSON, and what it told."""
    out = tmp_path_factory.mktemp("trained") / "out"
    done = command(demo_run, "--base", base, "--out", out, *ARGUMENTS, "--json")
    assert done.exit_code == 0, done.output
    return out, json.loads(done.stdout), done.stderr


@pytest.fixture(scope="module")
def prepared(demo_run: Path, base: Path, tmp_path_factory: Any) -> tuple[Any, Any, Options]:
    """What is known before a model is loaded, and the trainer before its first step."""
    from curator.train.llama import trainer as llama

    out = tmp_path_factory.mktemp("prepared")
    options = Options(str(base), out, train_rows=40, validation_rows=10, batch_size=4, lora_r=4, checkpointing=False)
    before = llama_command.prepare(str(demo_run), options, lambda line: None)
    with local.quiet(transformers):
        model = llama.load_model(base, options)
        return before, llama.make_trainer(model, before.tokenizer, before.rows, options, before.report, "test"), options


# -- what is learned


def test_labels_cover_exactly_the_answer_and_end_of_sequence(prepared: tuple[Any, Any, Options]) -> None:
    before, trainer, _ = prepared
    for split, dataset in (("train", trainer.train_dataset), ("validation", trainer.eval_dataset)):
        rows = before.rows.splits[split]
        assert len(dataset) == rows.height
        for row, wanted in zip(dataset, rows.iter_rows(named=True), strict=True):
            learned = [label for label in row["labels"] if label != -100]
            assert before.tokenizer.decode(learned) == wanted["completion"] + END
            # The end of the row, each label under its own token, and before it the prompt whole.
            assert row["input_ids"][-len(learned) :] == learned
            assert row["labels"][: -len(learned)] == [-100] * (len(row["labels"]) - len(learned))
            assert before.tokenizer.decode(row["input_ids"][1 : -len(learned)]) == wanted["prompt"]
            assert wanted["prompt"].endswith("Price is $")


def test_batches_are_padded_at_the_right_with_end_of_sequence_and_no_label(prepared: tuple[Any, Any, Options]) -> None:
    before, trainer, _ = prepared
    rows = sorted((trainer.train_dataset[at] for at in range(10)), key=lambda row: len(row["input_ids"]))
    batch = trainer.data_collator([rows[0], rows[-1]])
    size = len(rows[0]["input_ids"])
    assert batch["input_ids"].shape == (2, len(rows[-1]["input_ids"]))
    assert batch["input_ids"][0, :size].tolist() == rows[0]["input_ids"]
    assert set(batch["input_ids"][0, size:].tolist()) == {before.tokenizer.eos_token_id}
    assert set(batch["labels"][0, size:].tolist()) == {-100}
    assert batch["attention_mask"][0].tolist() == [1] * size + [0] * (batch["input_ids"].shape[1] - size)


def test_model_and_trainer_are_set_as_promised(prepared: tuple[Any, Any, Options]) -> None:
    _, trainer, _ = prepared
    quantization = trainer.model.config.quantization_config
    assert quantization.load_in_4bit
    assert quantization.bnb_4bit_quant_type == "nf4"
    assert quantization.bnb_4bit_use_double_quant
    lora = trainer.model.peft_config["default"]
    assert lora.target_modules == {"q_proj", "k_proj", "v_proj", "o_proj"}
    assert (lora.lora_alpha, lora.lora_dropout) == (64, 0.1)
    args = trainer.args
    assert (args.learning_rate, args.warmup_steps, args.lr_scheduler_type.value) == (1e-4, 0.03, "cosine")
    assert (args.save_steps, args.num_train_epochs, args.seed) == (5_000, 1, 42)
    assert args.get_warmup_steps(1_000) == 30
    trainable = {name for name, one in trainer.model.named_parameters() if one.requires_grad}
    assert trainable
    assert all("lora_" in name for name in trainable)


def test_a_trainer_that_prepares_rows_in_another_way_is_refused(prepared: tuple[Any, Any, Options]) -> None:
    from curator.train.llama import trainer as llama

    before, trainer, _ = prepared
    with pytest.raises(CheckError, match=r"39 rows .* of 40 rows"):
        llama._require_all(trainer.train_dataset.select(range(39)), "train", before.report)
    whole = trainer.train_dataset.map(lambda row: {"labels": row["input_ids"]})
    with pytest.raises(CheckError, match="answer tokens"):
        llama._require_all(whole, "train", before.report)


# -- a training from beginning to end


def test_the_loss_falls(trained: tuple[Path, dict[str, Any], str]) -> None:
    out, found, told = trained
    rows = loss_log.read(out / "losses.jsonl")
    assert found["losses"] == rows
    assert [row["step"] for row in rows if "train_loss" in row] == list(range(1, STEPS + 1))
    assert [row["step"] for row in rows if "valid_loss" in row] == [8, 16]
    first, last = ([row["train_loss"] for row in part] for part in (rows[:3], rows[-3:]))
    assert sum(last) < 0.7 * sum(first)
    assert found["steps"] == STEPS
    assert f"ended after {STEPS} steps" in told
    assert re.search(r"the loss falls on '\d+\.00<\|end\|>' in the first row", told)
    assert re.search(r"model: [\d,]+ parameters, [\d.,]+ MB in memory \(4bit\)", told)
    assert "999 of the prices $1 to $999: $1 to $999" in told


def test_the_saved_adapter_gives_the_loss_that_was_told(
    trained: tuple[Path, dict[str, Any], str], demo_run: Path, base: Path
) -> None:
    out, found, _ = trained
    assert found["measured"]["perplexity"] == pytest.approx(math.exp(found["measured"]["loss"]))
    rows = opened.open_dataset(str(demo_run)).read("validation", 0, 12)
    model, tokenizer, _ = local.load(str(out), bits=4)
    told = [one.evidence for one in scoring.score(model, tokenizer, rows)]
    mean = sum(one.loss or 0 for one in told) / sum(one.tokens or 0 for one in told)
    # The trainer fills batches up, here rows come one by one: in 4-bit weights and bfloat16 that shows.
    assert found["measured"]["loss"] == pytest.approx(mean, rel=1e-2)
    untrained, _, _ = local.load(str(base), bits=4)
    before = [one.evidence.loss or 0 for one in scoring.score(untrained, tokenizer, rows)]
    assert sum(before) / sum(one.tokens or 0 for one in told) > 1.2 * mean


def test_the_card_names_dataset_hash_and_recipe(trained: tuple[Path, dict[str, Any], str], demo_run: Path) -> None:
    import hashlib

    out, found, _ = trained
    card = (out / "README.md").read_text("utf-8")
    assert hashlib.sha256((demo_run / "dataset" / "manifest.json").read_bytes()).hexdigest() in card
    assert f"| loss, mean over the tokens of the answers (nats) | {found['measured']['loss']:.4f} |" in card
    for line in ("| recipe | `pricer` |", "| quantize | 4bit |", "| lora r | 8 |", "| learning rate | 0.03 |"):
        assert line in card
    assert "library_name: peft" in card
    assert str(out.parent) not in card
    assert str(demo_run.parent) not in card


def test_the_page_shows_both_losses(trained: tuple[Path, dict[str, Any], str]) -> None:
    out, found, _ = trained
    page = (out / "training.html").read_text("utf-8")
    assert f"Ended after {STEPS} steps: validation loss {found['measured']['loss']:.4f}" in page
    assert "validation loss" in page
    assert "train loss" in page
    assert str(out.parent) not in page


def test_evaluations_change_nothing_that_is_learned(tmp_path: Path, demo_run: Path, base: Path) -> None:
    """bitsandbytes rearranges 4-bit weights in an evaluation on some CPUs, after which gradients would be lost."""
    found = []
    small = ["--batch-size", "2", "--validation-rows", "2"]
    for every in (1, 3):
        arguments = [*ARGUMENTS, "--lora-dropout", "0", "--max-steps", "3", "--eval-steps", every, *small]
        done = command(demo_run, "--base", base, "--out", tmp_path / str(every), *arguments, "--json")
        assert done.exit_code == 0, done.output
        found.append([row["train_loss"] for row in json.loads(done.stdout)["losses"]])
    assert found[0] == pytest.approx(found[1])


# -- killed and resumed, with a dataset and a repository of the Hub


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: Any, demo_run: Path, base: Path) -> Iterator[tuple[Any, Path, dict[str, Any], str]]:
    """A training from a dataset of the Hub, killed in its first push and resumed: Hub, folder, JSON, what it told.

    Two processes that load torch: what needs them is run by scripts/acceptance.
    """
    home = tmp_path_factory.mktemp("resumed")
    dataset = demo_run / "dataset"
    files = {path.relative_to(dataset).as_posix(): path.read_bytes() for path in dataset.rglob("*") if path.is_file()}
    with stand_in.hub(files, home=home / "hf", repo="tester/prices", token="hf_secret") as server:
        server.add("tester/open", {}, kind="model")
        environment = server.environment(
            HF_TOKEN="hf_secret",
            HF_HUB_DISABLE_TELEMETRY=None,
            OMP_NUM_THREADS="1",
            PYTHONUTF8="1",
            WANDB_SILENT="true",
            PYTHONPATH=str(Path(llama_command.__file__).parents[2]),
            WANDB_MODE="offline",
            WANDB_DIR=str(home),
        )
        tracker = ["--report-to", "wandb"] if _has("wandb") else []
        out = home / "out"
        call = [sys.executable, "-m", "curator", "train", "llama", "tester/prices", "--base", str(base)]
        call += ["--out", str(out), *ARGUMENTS, "--push-to", "tester/pricer", "--run-name", "named-run"]
        server.hang("/api/models/tester/pricer/commit/")
        with (home / "told").open("w") as told:
            process = subprocess.Popen(call, env=environment, stdout=told, stderr=told, start_new_session=True)
            try:
                hung = server.hanging.wait(120)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        assert hung, (home / "told").read_text("utf-8")
        assert (out / f"checkpoint-{SAVED}" / "trainer_state.json").is_file()
        assert not (out / "adapter_model.safetensors").exists()
        # A checkpoint that was being written when the process died.
        (out / "checkpoint-9").mkdir()
        (out / "checkpoint-9" / "adapter_model.safetensors").write_bytes(b"torn")
        server.well()
        done = subprocess.run(
            [*call, *tracker, "--resume", "--json"], env=environment, capture_output=True, encoding="utf-8", timeout=120
        )
        assert done.returncode == 0, done.stderr
        yield server, out, json.loads(done.stdout), done.stderr


def _has(library: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(library) is not None


@pytest.mark.acceptance
def test_resumed_it_ends_as_if_it_had_not_been_killed(
    resumed: tuple[Any, Path, dict[str, Any], str], trained: tuple[Path, dict[str, Any], str]
) -> None:
    _, out, found, told = resumed
    assert f"going on from {out / f'checkpoint-{SAVED}'}" in told
    assert found["steps"] == STEPS
    assert [row["step"] for row in found["losses"]] == list(range(1, STEPS + 1))
    straight = trained[1]
    for key in ("train_loss", "valid_loss"):
        mine, other = ([row[key] for row in one["losses"] if key in row] for one in (found, straight))
        assert mine == pytest.approx(other, rel=0.02)


@pytest.mark.acceptance
def test_each_checkpoint_is_pushed_to_a_private_repository(resumed: tuple[Any, Path, dict[str, Any], str]) -> None:
    server, out, found, _ = resumed
    repository = server.repositories["model", "tester/pricer"]
    assert repository.private
    assert repository.titles[1:] == ["Step 4", "Step 8", "Step 12", "Step 16", f"End of training, step {STEPS}"]
    in_training = repository.commits[1][1]["README.md"].decode()
    assert "these are the weights after step 4" in in_training
    card = repository.files["README.md"].decode()
    assert f"{found['measured']['loss']:.4f}" in card
    assert "- tester/prices" in card
    assert server.repositories["dataset", "tester/prices"].sha in card
    for name, content in repository.files.items():
        assert re.fullmatch(r"README\.md|adapter_config\.json|adapter_model\.safetensors|tokenizer\w*\.json", name)
        assert str(out.parents[1]).encode() not in content
    assert not [one for one in server.requests if "telemetry" in one.path]


@pytest.mark.acceptance
def test_what_was_pushed_loads_with_peft(
    resumed: tuple[Any, Path, dict[str, Any], str], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    import peft
    from safetensors.torch import load_file

    server, out, _, told = resumed
    where = f"{server.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", where)
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", server.address)  # of the functions that are no methods
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing` is deprecated", FutureWarning)
        model = peft.PeftModel.from_pretrained(
            transformers.LlamaForCausalLM.from_pretrained(base), "tester/pricer", cache_dir=tmp_path
        )
    mine = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    saved = load_file(out / "adapter_model.safetensors")
    assert mine.keys() == saved.keys()
    assert all(torch.equal(mine[key].float(), saved[key].float()) for key in saved)
    assert "hf_secret" not in told


@pytest.mark.skipif(not _has("wandb"), reason="wandb is not installed")
@pytest.mark.acceptance
def test_the_tracker_gets_the_named_run(resumed: tuple[Any, Path, dict[str, Any], str]) -> None:
    _, out, _, _ = resumed
    (log,) = (out.parent / "wandb").glob("offline-run-*/*.wandb")
    content = log.read_bytes()
    assert b"named-run" in content
    assert b"train/loss" in content
    assert b"eval/loss" in content


def test_a_training_that_has_ended_makes_no_further_step(
    trained: tuple[Path, dict[str, Any], str], demo_run: Path, base: Path, tmp_path: Path
) -> None:
    import shutil

    out, found, _ = trained
    shutil.copytree(out, tmp_path / "copy")
    done = command(demo_run, "--base", base, "--out", tmp_path / "copy", *ARGUMENTS, "--resume", "--json")
    assert done.exit_code == 0, done.output
    again = json.loads(done.stdout)
    assert again["steps"] == STEPS
    assert again["measured"]["loss"] == pytest.approx(found["measured"]["loss"], rel=1e-3)
    assert again["losses"] == [pytest.approx(row, rel=1e-3) for row in found["losses"]]


# -- refusals before the first step


def test_rows_that_are_too_long_are_refused_with_their_ids(demo_run: Path, base: Path, tmp_path: Path) -> None:
    frame = opened.open_dataset(str(demo_run)).read("train", 0, 80)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base)
    sizes = [
        len(ids)
        for ids in tokenizer([p + c + END for p, c in frame.select("prompt", "completion").iter_rows()])["input_ids"]
    ]
    limit = sorted(sizes)[-3]
    long = [
        (asin, at, size)
        for at, (asin, size) in enumerate(zip(frame["parent_asin"], sizes, strict=True))
        if size > limit
    ]
    assert 0 < len(long) < 3
    arguments = (*ARGUMENTS, "--validation-rows", "0")
    refused = command(demo_run, "--base", base, "--out", tmp_path / "out", *arguments, "--max-length", limit)
    assert refused.exit_code == 3
    for asin, at, size in long:
        assert f"{asin} (train row {at}, {size} tokens)" in refused.stderr
    assert (
        f"{len(long)} of 80 rows have more tokens than --max-length {limit}, the longest {max(sizes)}" in refused.stderr
    )
    assert not (tmp_path / "out").exists()
    taken = command(demo_run, "--base", base, "--out", tmp_path, *arguments, "--max-length", max(sizes), "--dry-run")
    assert taken.exit_code == 0, taken.output
    assert f"max length  {max(sizes)} tokens: no row is cut" in taken.stdout


def test_rows_that_the_model_has_no_room_for_are_refused(demo_run: Path, prompts: list[str], tmp_path: Path) -> None:
    small = make_base(tmp_path / "small", make_tokenizer(prompts), room=64)
    refused = command(demo_run, "--base", small, "--out", tmp_path / "out", *ARGUMENTS)
    assert refused.exit_code == 3
    assert re.search(r"(8|9)[0-9] of 92 rows have more tokens than the model's room, 64", refused.stderr)
    assert not (tmp_path / "out").exists()


def test_prices_that_are_not_one_token_are_reported(demo_run: Path, prompts: list[str], tmp_path: Path) -> None:
    digits = make_base(tmp_path / "digits", make_tokenizer(prompts, r"\p{N}"))
    done = command(demo_run, "--base", digits, "--out", tmp_path / "out", *ARGUMENTS, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "1 token     9 of the prices $1 to $999: $1 to $9" in done.stdout
    assert "3 tokens    900 of the prices $1 to $999: $100 to $999" in done.stdout
    assert "Warning: 990 of the prices $1 to $999 are not one token" in done.stdout
    assert not (tmp_path / "out").exists()


def test_an_answer_that_is_no_token_of_its_own_is_refused(demo_run: Path, prompts: list[str], tmp_path: Path) -> None:
    glued = make_base(tmp_path / "glued", make_tokenizer(prompts[:20], r"\$?\p{N}{1,3}|\s?\p{L}+", words=False))
    refused = command(demo_run, "--base", glued, "--out", tmp_path / "out", *ARGUMENTS, "--dry-run")
    assert refused.exit_code == 3
    assert "92 of 92 rows: under this tokenizer the answer is not made of tokens of its own" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "a training lies there; go on with it by --resume"),
        (("--resume", "--lora-r", "9"), "lora_r was 8 and is 9"),
        (("--resume", "--train-rows", "60"), "train_rows was 80 and is 60"),
    ],
)
def test_a_folder_with_another_training_is_left_alone(
    trained: tuple[Path, dict[str, Any], str], demo_run: Path, base: Path, arguments: tuple[str, ...], said: str
) -> None:
    out = trained[0]
    before = (out / "README.md").read_bytes()
    refused = command(demo_run, "--base", base, "--out", out, *ARGUMENTS, *arguments)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert (out / "README.md").read_bytes() == before


def test_wrong_usage_is_named(
    trained: tuple[Path, dict[str, Any], str], demo_run: Path, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    for arguments, said in (
        (("--base", trained[0], "--out", tmp_path / "a"), "that is an adapter"),
        (("--base", base, "--out", tmp_path / "full"), "no training of curator lies there"),
        (("--base", base, "--out", tmp_path / "b", "--resume"), "leave --resume out"),
        (("--base", base, "--out", tmp_path / "c", "--max-length", "many"), "neither auto nor a number"),
        (("--base", tmp_path / "none", "--out", tmp_path / "d"), "there is no folder"),
        (("--base", base, "--out", tmp_path / "e", "--report-to", "wnadb"), "Did you mean 'wandb'? There are"),
        (("--base", base, "--out", tmp_path / "f", "--target", "q_porj"), "Did you mean 'q_proj'? It has"),
        (("--base", base, "--out", tmp_path / "g", "--target", "q_proj", "--target", "all-linear"), "no such layer"),
        (("--base", base, "--out", tmp_path / "h", "--target", "self_attn", "--dry-run"), "has no such layer"),
    ):
        refused = command(demo_run, *ARGUMENTS, *arguments)
        assert refused.exit_code == 2, refused.output
        assert said in refused.stderr
        assert refused.stdout == ""  # no row was read
    assert {path.name for path in tmp_path.iterdir()} == {"full"}


@pytest.mark.acceptance
def test_a_public_repository_is_refused(
    resumed: tuple[Any, Path, dict[str, Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    from curator.train.llama import trainer as llama

    server = resumed[0]
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.address)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with pytest.raises(UsageError, match="tester/open: that repository is public"):
        llama.create_repository("tester/open")


def test_a_checkpoint_that_cannot_be_sent_is_said_and_stops_nothing(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from curator.train.llama import trainer as llama

    def refuse(folder: Path, step: int) -> None:
        raise HubError(f"no way to send {folder.name}")

    said: list[str] = []
    options = Options("base", tmp_path, push_to="tester/pricer")
    llama.Watch(options, lambda rows, status: None, refuse, said.append).on_save(
        None, SimpleNamespace(global_step=4), None
    )
    assert said == ["Warning: the checkpoint of step 4 was not sent: no way to send checkpoint-4"]


# -- rows


def test_without_validation_the_train_rows_after_those_used_serve(
    build_run: Callable[..., Any], write_rows: Callable[..., Path], raw_row: Callable[..., Any], tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "meta_Tools.parquet", [raw_row(number) for number in range(60)])
    build_run(source, tmp_path / "run", split__train=40, split__test=5)
    found = llama_rows.choose(str(tmp_path / "run"), 20, 8)
    assert found.sources == {"train": "train, rows 0 to 19", "validation": "train, rows 20 to 27"}
    shared = pl.concat(found.splits.values())["prompt"]
    assert shared.n_unique() == shared.len() == 28
    assert llama_rows.choose(str(tmp_path / "run"), 0, 8).sources["train"] == "train, rows 0 to 31"
    assert llama_rows.choose(str(tmp_path / "run"), 0, 0).splits.keys() == {"train"}


def test_data_that_was_changed_is_refused(demo_run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "dataset"
    shutil.copytree(demo_run / "dataset", copy)
    (file,) = copy.glob("data/train-*.parquet")
    file.write_bytes(file.read_bytes().replace(b"pandas", b"panda_") + b" ")
    with pytest.raises(CheckError, match="the data files are those of the manifest"):
        llama_rows.choose(str(copy), 10, 0)


def test_each_option_shows_its_default() -> None:
    shown = " ".join(command("--help").stdout.split())
    for option, default in (
        ("--quantize", "4bit"),
        ("--lora-r", "32"),
        ("--lora-alpha", "64"),
        ("--lora-dropout", "0.1"),
        ("--target", "q_proj, k_proj, v_proj, o_proj"),
        ("--epochs", "1"),
        ("--batch-size", "16"),
        ("--accumulation", "1"),
        ("--learning-rate", "0.0001"),
        ("--scheduler", "cosine"),
        ("--warmup", "0.03"),
        ("--max-length", "auto"),
        ("--max-steps", "0"),
        ("--save-steps", "5000"),
        ("--seed", "42"),
    ):
        assert re.search(rf"{option} [^\[]*(\[[^\]]*\] [^\[]*)?\[default: {re.escape(default)}[;\]]", shown), option


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_folder_that_holds_something_else_is_refused_before_any_row_is_read(
    demo_run: Path, tmp_path: Path, dry: tuple[str, ...]
) -> None:
    # The base does not exist either: that would be found next.
    for out, more, said in (
        (demo_run, (), "is not an empty folder, and no training of curator lies there"),
        (demo_run / "recipe.toml", (), "is not an empty folder"),
        (tmp_path / "none", ("--resume",), "leave --resume out to start one"),
    ):
        refused = command(demo_run, "--base", tmp_path / "nothing", "--out", out, *more, *dry)
        assert refused.exit_code == 2
        assert said in refused.stderr
