"""`--model llama:PATH`: loss, answers and errors, with tiny random models made on the spot."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from curator.dataset import opened
from curator.errors import CuratorError, UsageError
from curator.evaluate.predictor import Setting, make
from curator.llm import local, scoring
from curator.pipeline import build
from curator.recipe.load import load_recipe

torch = pytest.importorskip("torch", reason="torch is not installed (extra `llama`)")
peft = pytest.importorskip("peft", reason="peft is not installed (extra `llama`)")
transformers = pytest.importorskip("transformers")

BEGIN, END = "<|begin|>", "<|end|>"
OF_LIBRARIES = "ignore:`(is_)?gradient_checkpointing` is deprecated:FutureWarning"  # peft and trl, about transformers


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of torch wait for each other busily, which takes far longer where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_tokenizer(digits: str = r"\p{N}{1,3}") -> Any:
    """A byte-level BPE, trained on invented texts, in which each price is one token if `digits` lets it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    engine = Tokenizer(models.BPE())
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(digits), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    engine.decoder = decoders.ByteLevel()
    special = [BEGIN, END]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2_000, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    texts = [f"How much does a steel bracket cost?\n\nPrice is ${price}.00" for price in range(1, 1_000) for _ in "ab"]
    engine.train_from_iterator(texts, trainer)
    engine.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 0)])
    return transformers.PreTrainedTokenizerFast(tokenizer_object=engine, bos_token=BEGIN, eos_token=END)


def make_model(folder: Path, tokenizer: Any, seed: int = 0) -> Path:
    """A random Llama whose answers differ from row to row, saved with its tokenizer."""
    torch.manual_seed(seed)
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
        max_position_embeddings=1_024,
    )
    model = transformers.LlamaForCausalLM(config)
    # A model's own settings for sampling must make no difference.
    model.generation_config.update(do_sample=True, temperature=5.0, repetition_penalty=3.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(scope="module")
def base(tmp_path_factory: Any, tokenizer: Any) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "base", tokenizer)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: Any, base: Path) -> Path:
    folder: Path = tmp_path_factory.mktemp("models") / "adapter"
    torch.manual_seed(1)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", OF_LIBRARIES.split(":")[1], FutureWarning)
        peft.get_peft_model(transformers.LlamaForCausalLM.from_pretrained(base), config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: Any) -> Path:
    out: Path = tmp_path_factory.mktemp("llama") / "run"
    build(["demo:1500:7"], load_recipe("pricer"), out, workers=1)
    return out


@pytest.fixture(scope="module")
def rows(run: Path) -> pl.DataFrame:
    return opened.open_dataset(str(run)).read("test", 0, 10)


def setting(folder: Path, **options: Any) -> Setting:
    named = {f"llama.{key}": value for key, value in options.items()}
    return Setting(folder, load_recipe("pricer"), options=named)


def by_hand(folder: Path, rows: pl.DataFrame, adapter: Path | None = None) -> list[tuple[float, int, bool, float]]:
    """Loss, tokens, whether the first is the likeliest, and the slot's probability, row by row with labels."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    if adapter is not None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", OF_LIBRARIES.split(":")[1], FutureWarning)
            model = peft.PeftModel.from_pretrained(model, adapter).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = []
    for row in rows.iter_rows(named=True):
        prompt = tokenizer(row["prompt"], return_tensors="pt")["input_ids"]
        whole = tokenizer(row["prompt"] + row["completion"] + END, return_tensors="pt")["input_ids"]
        labels = whole.clone()
        labels[:, : prompt.shape[1]] = -100
        tokens = whole.shape[1] - prompt.shape[1]
        with torch.no_grad():
            loss = float(model(input_ids=whole, labels=labels).loss) * tokens
            after = model(input_ids=prompt).logits[0, -1].softmax(-1)
        slot = tokenizer.convert_tokens_to_ids(str(row["slot"]))
        right = int(after.argmax()) == int(whole[0, prompt.shape[1]])
        found.append((loss, tokens, right, float(after[slot])))
    return found


def evidence(told: scoring.Scores) -> tuple[float, int, bool, float | None]:
    one = told.evidence
    return one.loss, one.tokens, one.first_right, one.slot_probability


def same(told: list[Any], expected: list[Any]) -> None:
    assert [one[1:3] for one in told] == [one[1:3] for one in expected]
    for column in (0, 3):
        assert [one[column] for one in told] == pytest.approx([one[column] for one in expected], rel=1e-4)


# -- loss and evidence


@pytest.mark.parametrize("batch", [1, 3, 8])
def test_the_loss_is_that_of_transformers_on_ten_rows(base: Path, rows: pl.DataFrame, batch: int) -> None:
    model, tokenizer, words = local.load(str(base), device="cpu")
    assert len(set(rows["prompt"].str.len_chars())) > 3  # so that rows are filled up
    told = [evidence(one) for one in scoring.score(model, tokenizer, rows, batch=batch)]
    expected = by_hand(base, rows)
    same(told, expected)
    assert len({round(one[0], 3) for one in told}) == 10
    assert {one[1] for one in told} == {4}
    assert words.endswith("float32, on cpu")


def test_an_adapter_counts(base: Path, adapter: Path, rows: pl.DataFrame) -> None:
    model, tokenizer, words = local.load(str(adapter), device="cpu")
    told = [evidence(one) for one in scoring.score(model, tokenizer, rows, batch=4)]
    same(told, by_hand(base, rows, adapter))
    plain = [one[0] for one in by_hand(base, rows)]
    assert min(abs(one[0] - other) for one, other in zip(told, plain, strict=True)) > 1e-3
    assert words.startswith("adapter on ")


@pytest.mark.filterwarnings(OF_LIBRARIES)
def test_the_positions_are_those_of_the_trainer(tokenizer: Any, rows: pl.DataFrame, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="trl is not installed (extra `llama`)")
    datasets = pytest.importorskip("datasets")
    model = transformers.LlamaForCausalLM.from_pretrained(make_model(tmp_path / "model", tokenizer))
    arguments = trl.SFTConfig(
        output_dir=str(tmp_path / "out"),
        report_to="none",
        use_cpu=True,
        bf16=False,
        max_length=None,
        per_device_eval_batch_size=16,
        disable_tqdm=True,
    )
    dataset = datasets.Dataset.from_list(rows.select("prompt", "completion").to_dicts())
    trainer = trl.SFTTrainer(model, arguments, train_dataset=dataset, eval_dataset=dataset, processing_class=tokenizer)
    prepared = trainer.eval_dataset
    encoded = scoring.encode(tokenizer, rows["prompt"].to_list(), rows["completion"].to_list())
    assert [one.ids for one in encoded] == [list(ids) for ids in prepared["input_ids"]]
    for one, labels in zip(encoded, prepared["labels"], strict=True):
        assert [label != -100 for label in labels] == [at >= one.start for at in range(len(one.ids))]
    told = [one.evidence for one in scoring.score(model, tokenizer, rows)]
    loss = sum(one.loss for one in told) / sum(one.tokens for one in told)
    assert loss == pytest.approx(trainer.evaluate()["eval_loss"], rel=1e-4)


def test_the_side_of_padding_makes_no_difference(base: Path, rows: pl.DataFrame) -> None:
    model, tokenizer, _ = local.load(str(base), device="cpu")
    prompts = rows["prompt"].to_list()
    found = []
    for side in ("left", "right"):
        tokenizer.padding_side = side
        told = [evidence(one) for one in scoring.score(model, tokenizer, rows, batch=5)]
        found.append((told, list(scoring.generate(model, tokenizer, prompts, batch=5))))
    assert found[0] == found[1]


def test_places_are_counted_without_what_fills_rows_up(tokenizer: Any, rows: pl.DataFrame) -> None:
    """GPT-2 has a vector for each place: unlike Llama, which sees only distances, it tells if they are shifted."""
    torch.manual_seed(2)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=1_024, initializer_range=0.3
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    one_by_one, together = (
        [evidence(one) for one in scoring.score(model, tokenizer, rows, batch=batch)] for batch in (1, 10)
    )
    same(together, one_by_one)
    prompts = rows["prompt"].to_list()
    said = [list(scoring.generate(model, tokenizer, prompts, batch=batch)) for batch in (1, 10)]
    assert said[0] == said[1]


def test_a_model_in_training_goes_on_training(base: Path, rows: pl.DataFrame) -> None:
    model, tokenizer, _ = local.load(str(base), device="cpu")
    model.train()
    list(scoring.score(model, tokenizer, rows.head(2)))
    assert model.training
    assert torch.is_grad_enabled()
    assert all(one.requires_grad and not one.is_inference() for one in model.parameters())


def test_prices_of_one_token_each(tokenizer: Any) -> None:
    tokens = scoring.price_tokens(tokenizer, "Price is $")
    assert tokens is not None
    assert tokenizer.convert_ids_to_tokens(tokens) == [str(slot) for slot in range(1, 1_000)]
    assert scoring.price_tokens(make_tokenizer(r"\p{N}"), "Price is $") is None


def test_llama_3_has_one_token_a_price(shared_data: Path) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(shared_data / "llama-3-tokenizer")
    tokens = scoring.price_tokens(tokenizer, "Price is $")
    assert tokens is not None
    assert tokenizer.decode(tokens[128]) == "129"
    (one,) = scoring.encode(tokenizer, ["Price is $"], ["129.00"])
    assert [tokenizer.decode(token) for token in one.ids[one.start :]] == ["129", ".", "00", tokenizer.eos_token]


def test_without_one_token_a_price_no_slot_has_a_probability(rows: pl.DataFrame, tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model", make_tokenizer(r"\p{N}"))
    model, tokenizer, _ = local.load(str(folder), device="cpu")
    told = list(scoring.score(model, tokenizer, rows))
    assert all(one.prices is None and one.evidence.slot_probability is None for one in told)
    assert [one.evidence.tokens for one in told] == [len(str(slot)) + 4 for slot in rows["slot"]]
    with pytest.raises(UsageError, match="not one token for each price"):
        list(make(f"llama:{folder}", setting(tmp_path, guess="median")).predict(rows))


# -- answers


@pytest.mark.parametrize("batch", [1, 4])
def test_greedy_answers_are_those_of_transformers(base: Path, rows: pl.DataFrame, batch: int) -> None:
    model, tokenizer, _ = local.load(str(base), device="cpu")
    prompts = rows["prompt"].to_list()
    expected = []
    for prompt in prompts:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        mask = torch.ones_like(ids)
        out = model.generate(
            ids,
            attention_mask=mask,
            do_sample=False,
            temperature=None,
            repetition_penalty=1.0,
            max_new_tokens=6,
            pad_token_id=0,
        )
        expected.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))
    assert list(scoring.generate(model, tokenizer, prompts, batch=batch, most=6)) == expected
    assert len(set(expected)) > 5


class Scripted(torch.nn.Module):
    """A model that goes on with the tokens it is told to, whatever it is asked."""

    def __init__(self, tokenizer: Any, answers: list[str]) -> None:
        super().__init__()
        self.config = transformers.LlamaConfig(max_position_embeddings=1_024)
        self.embeddings = torch.nn.Embedding(len(tokenizer), 1)
        self.script = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in answers]
        self.size = len(tokenizer)

    def get_input_embeddings(self) -> Any:
        return self.embeddings

    def forward(self, input_ids: Any, cache: Any = None, past_key_values: Any = None, **_: Any) -> Any:
        step = cache or past_key_values or 0
        logits = torch.zeros(len(input_ids), 1, self.size)
        for row, script in enumerate(self.script):
            logits[row, 0, script[min(step, len(script) - 1)]] = 1
        output = transformers.modeling_outputs.CausalLMOutputWithPast
        # The name changed in transformers 5.24.
        (name,) = {"cache", "past_key_values"} & {field.name for field in fields(output)}
        return output(logits=logits, **{name: step + 1})


def test_answers_end_where_they_end(tokenizer: Any) -> None:
    model = Scripted(tokenizer, [f"129.00{END}77", "5.00\n\nHow much", f"{END}", f"7{BEGIN}8"])
    said = list(scoring.generate(model, tokenizer, ["Price is $"] * 4))
    assert [said[0], said[2], said[3]] == ["129.00", "", "7"]
    assert said[1].startswith("5.00\n\nHow")


def test_the_price_is_read_from_the_first_line(base: Path, monkeypatch: pytest.MonkeyPatch, rows: pl.DataFrame) -> None:
    said = ["129.00", "5.00\n\nHow much does 3", "", "\n7.00", "12.99 for 2", "much", "1,299.00", "20-30", "4", "5"]
    monkeypatch.setattr(scoring, "generate", lambda *_, **__: iter(said))
    answers = list(make(f"llama:{base}", setting(base)).predict(rows))
    assert [answer.price for answer in answers] == [129, 5, None, None, 12.99, None, 1299, None, 4, 5]
    reasons = [answer.reason for answer in answers if answer.price is None]
    assert reasons == ["empty", "empty", "no_number", "several_prices"]
    assert all(answer.evidence is not None for answer in answers)


def test_middles_of_the_next_token(base: Path, rows: pl.DataFrame) -> None:
    model, tokenizer, _ = local.load(str(base), device="cpu")
    told = list(scoring.score(model, tokenizer, rows))
    for what in ("median", "mean"):
        answers = list(make(f"llama:{base}", setting(base, guess=what)).predict(rows))
        for answer, one in zip(answers, told, strict=True):
            assert one.prices is not None
            chances = one.prices / one.prices.sum()
            value = answer.price or 0.0
            if what == "mean":
                assert value == pytest.approx(float(np.sum(chances * np.arange(1, 1_000))))
            else:
                at = int(value)
                assert chances[: at - 1].sum() < 0.5 <= chances[:at].sum() + 1e-12


def test_the_command_tells_loss_and_perplexity(
    invoke: Callable[..., Any], run: Path, base: Path, adapter: Path, tmp_path: Path
) -> None:
    models = ["--model", f"llama:{base}", "--model", f"llama:{adapter}", "--model", "constant"]
    done = invoke("evaluate", run, *models, "--limit", 12, "--set", "llama.device=cpu", "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)["models"]
    expected = by_hand(base, opened.open_dataset(str(run)).read("test", 0, 12))
    loss = sum(one[0] for one in expected) / sum(one[1] for one in expected)
    one = found[f"llama:{base}"]
    assert one["cross_entropy"] == pytest.approx(loss, rel=1e-4)
    assert one["perplexity"] == pytest.approx(math.exp(loss), rel=1e-3)
    assert one["slot_probability"] == pytest.approx(np.mean([row[3] for row in expected]), rel=1e-3)
    assert one["first_token_accuracy"] == np.mean([row[2] for row in expected])
    assert found[f"llama:{adapter}"]["cross_entropy"] != one["cross_entropy"]
    assert "cross_entropy" not in found["constant"]
    page = (tmp_path / "evaluation.html").read_text("utf-8")
    assert "What language models gave the right answer" in page
    # One model of three tells, and its answers go word by word into the file.
    lines = [json.loads(line) for line in next(tmp_path.glob("answers-llama*.jsonl")).read_text("utf-8").splitlines()]
    assert {"loss", "tokens", "first_right", "slot_probability", "text", "reason"} <= lines[0].keys()


# -- 4 bits


def test_four_bits(base: Path, rows: pl.DataFrame) -> None:
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (extra `llama`)")
    model, tokenizer, words = local.load(str(base), bits=4, device="cpu")
    told = [evidence(one) for one in scoring.score(model, tokenizer, rows)]
    plain = by_hand(base, rows)
    assert "4-bit" in words
    assert [one[0] for one in told] != pytest.approx([one[0] for one in plain], rel=1e-4)
    assert np.mean([one[0] for one in told]) == pytest.approx(np.mean([one[0] for one in plain]), rel=0.3)


# -- mistakes


def copied(source: Path, folder: Path, *left_out: str) -> Path:
    folder.mkdir()
    for path in source.iterdir():
        if path.name not in left_out:
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_what_is_no_model_is_said_before_anything_is_asked(base: Path, adapter: Path, tmp_path: Path) -> None:
    pickled = copied(base, tmp_path / "pickled", "model.safetensors")
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04")
    old = copied(adapter, tmp_path / "old", "adapter_model.safetensors")
    (old / "adapter_model.bin").write_bytes(b"\x80\x04")
    lost = copied(adapter, tmp_path / "lost")
    config = json.loads((lost / "adapter_config.json").read_text("utf-8"))
    (lost / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "/nowhere/base"}))
    other = copied(adapter, tmp_path / "other")
    (other / "adapter_config.json").write_text(json.dumps(config | {"peft_type": "IA3"}))
    broken = copied(adapter, tmp_path / "broken")
    (broken / "adapter_config.json").write_text("{")
    (tmp_path / "empty").mkdir()
    for name, message in {
        str(pickled): "pickles",
        str(old): "no adapter_model.safetensors; weights in pickles",
        str(lost): r"base model of .*lost.*no folder '/nowhere/base'.*llama.base=PATH",
        str(other): "type IA3",
        str(broken): "can't be read",
        str(tmp_path / "empty"): "no config.json",
        str(base / "config.json"): "is a file",
        "nowhere": "no folder 'nowhere'",
    }.items():
        with pytest.raises(UsageError, match=message):
            make(f"llama:{name}", setting(tmp_path))
    found = local.find(str(lost), str(base))
    assert (found.base, found.adapter) == (base, lost)


@pytest.mark.parametrize(
    ("option", "value"),
    [("guess", "best"), ("batch", 0), ("batch", "x"), ("device", "tpu9"), ("dtype", "int8"), ("base", "x/y")],
)
def test_an_option_that_makes_no_sense(base: Path, tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"llama.{option}"):
        make(f"llama:{base}", setting(tmp_path, **{option: value}))


def test_bits_are_four(base: Path) -> None:
    with pytest.raises(UsageError, match="only 4"):
        local.load(str(base), bits=3)


def test_code_of_a_repository_is_not_run(base: Path, tmp_path: Path) -> None:
    folder = copied(base, tmp_path / "code")
    trace = tmp_path / "ran"
    (folder / "modeling_mine.py").write_text(f"import pathlib\npathlib.Path({str(trace)!r}).touch()\nclass M: pass\n")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    mapped = dict.fromkeys(("AutoConfig", "AutoModelForCausalLM"), "modeling_mine.M")
    config |= {"model_type": "mine", "auto_map": mapped}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CuratorError, match="can't be loaded"):
        local.load(str(folder), device="cpu")
    assert not trace.exists()


def test_a_tokenizer_of_another_model(base: Path, tokenizer: Any, rows: pl.DataFrame, tmp_path: Path) -> None:
    model, _, _ = local.load(str(base), device="cpu")
    tokenizer = make_tokenizer()
    tokenizer.add_tokens(["bracket"])
    with pytest.raises(CuratorError, match="don't belong together"):
        list(scoring.score(model, tokenizer, rows.with_columns(prompt=pl.lit("bracket Price is $"))))
    model.config.max_position_embeddings = 20
    with pytest.raises(CuratorError, match="room for 20"):
        list(scoring.generate(model, tokenizer, ["steel " * 30]))
    tokenizer.eos_token = None
    with pytest.raises(CuratorError, match="end-of-sequence"):
        scoring.price_tokens(tokenizer, "Price is $")


def test_numbers_that_are_none(base: Path, rows: pl.DataFrame) -> None:
    model, tokenizer, _ = local.load(str(base), device="cpu")
    model.lm_head.weight.data.fill_(float("nan"))
    with pytest.raises(CuratorError, match="not numbers"):
        list(scoring.score(model, tokenizer, rows))


def test_without_torch_it_says_what_to_install(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CuratorError, match=r"pip install 'price-curator\[llama\]'"):
        make(f"llama:{base}", setting(tmp_path))
