"""Exact counts and cuts: the cap's boundary, both engines against each other, and tokenizers that can't be had."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import tokenizers
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.errors import TokenizerError
from curator.items import mapper
from curator.recipe.load import load_recipe
from curator.tokens.encoded import Suffixes
from curator.tokens.tokenizer import ByteLevelTokenizer, ReferenceTokenizer, load_tokenizer
from curator.tokens.vocabulary import SPACE_SPLIT_PATTERNS, find_vocabulary

QUESTION = "How much does this cost to the nearest dollar?\n\n"
ANSWER = "\n\nPrice is $12.00"
SPECIAL = ("<|begin_of_text|>", "<|eot_id|>", "<|eot_id|>x", "brass")
SENTENCES = (
    "A sturdy steel hinge with brass pins for a café door, and for every older gate in the yard.",
    "It's 12 inches (30 cm) wide; we'll send 1,000 of them!!! 日本語のテスト 日本 👍👍🏽 größe über naïve",
    "to the nearest dollar?\n\nPrice is $99.00\n\nPrice is $9.00\r\n// -- ... they'Ve DON'T   three  spaces",
)

ATOMS = (
    "a",
    "brass",
    "brass brass",
    "Hinge",
    "IT'S",
    "'ll",
    "é",
    "e\u0301",
    "日本",
    "👍🏽",
    "🏴\U000e0067",
    "𒀱",
    "\u0947\u0331",
    "1",
    "12345",
    "½",
    "٣",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\t",
    "\xa0",
    "\u3000",
    "\u2028",
    "\u200b",
    "\x00",
    "\x1c",
    "\x85",
    "/",
    "//",
    "?",
    "!!!",
    "...",
    "$",
    "Price is $",
    "-",
    "\ufffd",
    "x" * 45,
    "<|eot_id|>",
    "<|endoftext|>",
    "<|eot_",
    "|>",
    "\u1680",
    "\ufeff",
    "_",
    "'",
    "\N{GREEK CAPITAL LETTER SIGMA}",
    "ﬁ",
    "İ",
)
TEXTS = st.one_of(st.lists(st.sampled_from(ATOMS), max_size=30).map("".join), st.text(max_size=30))
WORDY = st.lists(st.sampled_from(ATOMS), max_size=30).map(" ".join)
BATCHES = st.lists(st.one_of(TEXTS, WORDY), max_size=8).map(lambda texts: [*texts, "the last"])


def tiny(folder: Path, pattern: str, *, ignore_merges: bool = False, **changes: Any) -> Path:
    """A small byte-level BPE in the form of Llama 3's `tokenizer.json`, trained on a few sentences."""
    from tokenizers import decoders, models, pre_tokenizers, trainers

    made = tokenizers.Tokenizer(models.BPE(ignore_merges=ignore_merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=460,
        show_progress=False,
        special_tokens=list(SPECIAL[:2]),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator([*SENTENCES, QUESTION, ANSWER], trainer)
    made.add_special_tokens([SPECIAL[2]])
    made.add_tokens([tokenizers.AddedToken(SPECIAL[3], normalized=False)])
    content = json.loads(made.to_str()) | changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    return folder


PATTERNS = sorted(SPACE_SPLIT_PATTERNS, key=len)


@pytest.fixture(scope="session", params=[(p, m) for p in range(len(PATTERNS)) for m in (False, True)], ids=str)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The same tiny tokenizer on both engines."""
    number, ignore_merges = request.param
    folder = tiny(tmp_path_factory.mktemp("tiny") / "tok", PATTERNS[number], ignore_merges=ignore_merges)
    fast = load_tokenizer(str(folder))
    assert isinstance(fast, ByteLevelTokenizer)
    return fast, ReferenceTokenizer(find_vocabulary(str(folder)))


@pytest.fixture(scope="session")
def llama_pair(llama: Any, shared_data: Path) -> tuple[Any, Any]:
    assert isinstance(llama, ByteLevelTokenizer)
    return llama, ReferenceTokenizer(find_vocabulary(str(shared_data / "llama-3-tokenizer")))


def series(texts: list[str]) -> pl.Series:
    return pl.Series("text", texts, dtype=pl.String)


def answers(texts: list[str]) -> Suffixes:
    return Suffixes(series(texts), np.arange(len(texts)))


# -- the cap at its boundary


def text_of(reference: Any, target: int) -> str:
    """A description that makes a text of exactly so many tokens with the title `T`."""
    for words in range(target + 1):
        text = " ".join(["hinges"] * words)
        if len(reference.encode(f"T\n{text}")) == target:
            return text
    raise AssertionError(target)


@pytest.mark.parametrize("target", [149, 150, 151, 159, 160, 161, 162, 200])
def test_the_cap_at_its_boundary(
    target: int, bundled: Any, reference_o200k: Any, raw_row: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapper, "load_tokenizer", lambda spec: bundled)
    text = text_of(reference_o200k, target)
    rows = pl.DataFrame([raw_row(0, title="T", description=[text], features=[], details=None, price="7")]).with_columns(
        row=pl.lit(0, pl.Int64), malformed=pl.lit(None, pl.String), category=pl.lit(None, pl.String)
    )
    rows = rows.with_columns(pl.col("features").cast(pl.List(pl.String)), pl.col("details").cast(pl.String))
    kept, fates = mapper.Mapper(load_recipe("course-v1", {"tokenizer": "o200k_base"}))(rows)
    assert len(text) < 1120 or target > 161
    if target <= 150:
        assert fates["fate"].to_list() == ["too_few_tokens"]
        return
    shown = reference_o200k.decode(reference_o200k.encode(f"T\n{text}")[:160])
    prompt = f"{QUESTION}{shown}\n\nPrice is $7.00"
    assert kept["prompt"].to_list() == [prompt]
    assert kept["tokens"].to_list() == [len(reference_o200k.encode(prompt))]
    assert (shown == f"T\n{text}") == (target <= 160)


@pytest.mark.parametrize("character", ["𒀱", "🫨", "𠮷", "\U0010fffd", "龘", "ꙮ", "🏴\U000e0067\U000e0062\U000e007f"])
def test_a_cut_inside_a_character_leaves_one_replacement_character(
    character: str, bundled: Any, reference_o200k: Any
) -> None:
    text = f"ab {character * 3} cd"
    ids = reference_o200k.encode(text)
    encoded = bundled.encode(series([text] * (len(ids) + 2)))
    cuts = bundled.cut(encoded, np.arange(len(ids) + 2)).texts.to_list()
    assert cuts == [reference_o200k.decode(ids[:cap]) for cap in range(len(ids) + 2)]
    marks = [cut.count("\ufffd") for cut in cuts]
    assert set(marks) == {0, 1}
    for cut, mark in zip(cuts, marks, strict=True):
        assert text.startswith(cut[:-1] if mark else cut)


def test_a_replacement_character_of_the_text_stays(bundled: Any) -> None:
    encoded = bundled.encode(series(["a\ufffd", "a\ufffd\ufffd𒀱"]))
    assert bundled.cut(encoded, 50).texts.to_list() == ["a\ufffd", "a\ufffd\ufffd𒀱"]


def test_no_texts(bundled: Any) -> None:
    encoded = bundled.encode(series([]))
    cut = bundled.cut(encoded, 160)
    assert cut.texts.to_list() == []
    assert bundled.count_around(QUESTION, cut, answers([])).tolist() == []


def test_only_empty_texts(pair: tuple[Any, Any]) -> None:
    for tokenizer in pair:
        cut = tokenizer.cut(tokenizer.encode(series(["", ""])), 160)
        assert cut.texts.to_list() == ["", ""]
        whole = tokenizer.encode(series([QUESTION + ANSWER])).counts.tolist()
        assert tokenizer.count_around(QUESTION, cut, answers([ANSWER] * 2)).tolist() == whole * 2


def test_empty_texts(bundled: Any, reference_o200k: Any) -> None:
    cut = bundled.cut(bundled.encode(series(["", "", "a", ""])), 160)
    assert cut.texts.to_list() == ["", "", "a", ""]
    expected = [len(reference_o200k.encode(QUESTION + text + ANSWER)) for text in ("", "", "a", "")]
    assert bundled.count_around(QUESTION, cut, answers([ANSWER] * 4)).tolist() == expected


def test_a_slice_of_a_series(bundled: Any, reference_o200k: Any) -> None:
    texts = series(["zero zero", "日本語 one", "two 👍 two", "three"])[1:3]
    encoded = bundled.encode(texts)
    ids = [reference_o200k.encode(text) for text in texts]
    assert encoded.ids.flat.tolist() == [one for each in ids for one in each]
    assert bundled.cut(encoded, 2).texts.to_list() == [reference_o200k.decode(each[:2]) for each in ids]


# -- counts of whole prompts


QUESTIONS = (QUESTION, "What is the price\n\n", "日本\n\n", "Price/\n\n", "9\n\n")


@given(BATCHES, st.integers(1, 25), st.sampled_from(QUESTIONS))
@settings(max_examples=250)
@example(["/start", "\nstart", " start", "\r\nstart", "\n", " ", "/", ""], 3, QUESTION)
@example(["x" * 200, "日" * 90, "👍" * 60, "a b " + "x" * 60], 25, QUESTION)
@example(["brass 👍🏽 brass 𒀱𒀱", "hinge hinge!!!", "ends in a space ", "ends. "], 4, QUESTION)
@example(["\u3000 a b", "\u3000\n a b", "\u2028\u2028 a b", "\x85 a b", "\xa0\n a b"], 25, QUESTION)
def test_count_around_counts_the_whole_prompt(
    bundled: Any, reference_o200k: Any, texts: list[str], cap: int, before: str
) -> None:
    cut = bundled.cut(bundled.encode(series(texts)), cap)
    after = [f"\n\nPrice is ${number * 37}.00" for number in range(len(texts))]
    counts = bundled.count_around(before, cut, answers(after)).tolist()
    whole = [before + text + end for text, end in zip(cut.texts, after, strict=True)]
    assert counts == [len(reference_o200k.encode(text)) for text in whole]


@given(BATCHES)
@settings(max_examples=250)
def test_the_bundled_tokenizer_is_that_of_tiktoken(bundled: Any, reference_o200k: Any, texts: list[str]) -> None:
    encoded = bundled.encode(series(texts))
    ids = [reference_o200k.encode(text) for text in texts]
    assert encoded.ids.flat.tolist() == [one for each in ids for one in each]
    assert encoded.counts.tolist() == [len(each) for each in ids]
    for cap in (1, 3, 7):
        assert bundled.cut(encoded, cap).texts.to_list() == [reference_o200k.decode(each[:cap]) for each in ids]


# -- both engines


def check_pair(pair: tuple[Any, Any], texts: list[str], cap: int, before: str = QUESTION) -> None:
    fast, slow = pair
    a, b = fast.encode(series(texts)), slow.encode(series(texts))
    assert a.ids.flat.tolist() == b.ids.flat.tolist()
    assert a.ids.starts.tolist() == b.ids.starts.tolist()
    assert a.counts.tolist() == b.counts.tolist()
    caps = np.arange(len(texts)) % 5 + cap
    for one in (cap, caps):
        cut_a, cut_b = fast.cut(a, one), slow.cut(b, one)
        assert cut_a.texts.to_list() == cut_b.texts.to_list()
        after = answers([ANSWER] * len(texts))
        counted = fast.count_around(before, cut_a, after).tolist()
        assert counted == slow.count_around(before, cut_b, after).tolist()
        assert counted == fast.encode(before + cut_a.texts + ANSWER).counts.tolist()


@given(BATCHES, st.integers(1, 25))
@settings(max_examples=60)
@example(["<|eot_id|>x <|eot_id|>y brassbrass", "/a b", "\n", "\u3000\n a b"], 3)
def test_both_engines_agree_on_a_tiny_tokenizer(pair: tuple[Any, Any], texts: list[str], cap: int) -> None:
    check_pair(pair, texts, cap)


@given(BATCHES, st.integers(1, 25))
@settings(max_examples=60)
def test_both_engines_agree_on_llama(llama_pair: tuple[Any, Any], texts: list[str], cap: int) -> None:
    check_pair(llama_pair, texts, cap)


@pytest.mark.parametrize("before", ["What is the price\n\n", "9\n\n", "日本\n\n"])
def test_text_that_begins_with_white_space_after_any_question(pair: tuple[Any, Any], before: str) -> None:
    """Newlines of the question swallow white space up to the next newline."""
    texts = [f"{space}\n a b c" for space in ("", " ", "\t", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u3000")]
    check_pair(pair, texts, 20, before)


WORDS = st.lists(st.sampled_from(["hinge", "brass,", "a", "日本", "12345", "👍🏽", "é."]), min_size=1, max_size=20)


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=6), st.integers(1, 20))
@settings(max_examples=60)
def test_both_engines_cut_the_same_whole_words(pair: tuple[Any, Any], texts: list[str], cap: int) -> None:
    fast, slow = pair
    made = fast.cut(fast.encode(series(texts)), cap, whole_words=True)
    assert made.texts.to_list() == slow.cut(slow.encode(series(texts)), cap, whole_words=True).texts.to_list()


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=6), st.integers(1, 20))
@settings(max_examples=60)
def test_whole_words_are_whole(pair: tuple[Any, Any], texts: list[str], cap: int) -> None:
    for tokenizer in pair:
        encoded = tokenizer.encode(series(texts))
        cut = tokenizer.cut(encoded, cap, whole_words=True)
        for text, kept, count in zip(texts, cut.texts, encoded.counts, strict=True):
            assert text.startswith(kept)
            if count <= cap:
                assert kept == text
            elif " " in kept:
                assert text[len(kept)] == " "
        whole = tokenizer.encode(QUESTION + cut.texts + ANSWER).counts.tolist()
        assert tokenizer.count_around(QUESTION, cut, answers([ANSWER] * len(texts))).tolist() == whole


def test_saved_truncation_and_padding_are_ignored(tmp_path: Path) -> None:
    truncation = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": {"Fixed": 64},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": SPECIAL[0],
    }
    folder = tiny(tmp_path / "tok", PATTERNS[0], truncation=truncation, padding=padding)
    texts = series([SENTENCES[0], "a"])
    plain = load_tokenizer(str(tiny(tmp_path / "plain", PATTERNS[0]))).encode(texts)
    for tokenizer in (load_tokenizer(str(folder)), ReferenceTokenizer(find_vocabulary(str(folder)))):
        assert tokenizer.encode(texts).counts.tolist() == plain.counts.tolist()


def test_no_special_tokens_are_added(tmp_path: Path) -> None:
    """Llama 3's file puts `<|begin_of_text|>` in front when asked to."""
    template = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": SPECIAL[0], "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {SPECIAL[0]: {"id": SPECIAL[0], "ids": [0], "tokens": [SPECIAL[0]]}},
    }
    folder = tiny(tmp_path / "tok", PATTERNS[0], post_processor=template)
    for tokenizer in (load_tokenizer(str(folder)), ReferenceTokenizer(find_vocabulary(str(folder)))):
        encoded = tokenizer.encode(series(["a", ""]))
        assert encoded.counts.tolist() == [1, 0]
        cut = tokenizer.cut(encoded, 5)
        expected = tokenizer.encode(QUESTION + cut.texts + series([ANSWER, ANSWER])).counts.tolist()
        assert tokenizer.count_around(QUESTION, cut, answers([ANSWER, ANSWER])).tolist() == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "NFC"}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
        {"decoder": {"type": "Fuse"}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_tokenizers_go_to_the_reference_engine(changes: dict[str, Any], tmp_path: Path) -> None:
    folder = tiny(tmp_path / "tok", PATTERNS[0], **changes)
    tokenizer = load_tokenizer(str(folder))
    assert isinstance(tokenizer, ReferenceTokenizer)
    engine = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = series(["A Hinge of Brass, e\u0301", "B"])
    encoded = tokenizer.encode(texts)
    ids = [engine.encode(text, add_special_tokens=False).ids for text in texts]
    assert encoded.ids.flat.tolist() == [one for each in ids for one in each]
    cut = tokenizer.cut(encoded, 3)
    assert cut.texts.to_list() == [engine.decode(each[:3], skip_special_tokens=False) for each in ids]
    after = answers([ANSWER, ANSWER])
    whole = [len(engine.encode(QUESTION + text + ANSWER, add_special_tokens=False).ids) for text in cut.texts]
    assert tokenizer.count_around(QUESTION, cut, after).tolist() == whole


# -- tokenizers that can't be had


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(TokenizerError, match=r"'\./nowhere' is neither an existing folder") as caught:
        load_tokenizer("./nowhere")
    assert "o200k_base" in str(caught.value)


def test_a_built_in_name_beats_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("o200k_base").mkdir()
    Path("o200k_base", "tokenizer.json").write_text("{}", "utf-8")
    assert find_vocabulary("o200k_base").path is None
    assert find_vocabulary("./o200k_base").path == Path("o200k_base", "tokenizer.json")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(TokenizerError, match=r"Did you mean 'o200k_base'\?"):
        load_tokenizer("o200k-base")


def test_a_folder_without_tokenizer_json(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"has no tokenizer\.json.*save_pretrained"):
        load_tokenizer(str(tmp_path))


TREE = '{"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": %s, "added_tokens": %s}'
SEQUENCE = '{"type": "Sequence", "pretokenizers": %s}'
JUNK = (
    b"",
    b"junk",
    b"\xff\xfe\x00",
    b"[]",
    b"{}",
    b"null",
    b'{"model": 5}',
    b'{"model": {}}',
    b'{"model": {"type": "BPE"}}',
    b"[" * 100_000,
    *((TREE % (steps, "[]")).encode() for steps in ('"x"', "[1]", SEQUENCE % "[1, 2]", SEQUENCE % "5")),
    *((TREE % ("null", tokens)).encode() for tokens in ("[{}]", "5", '[{"id": 0}]')),
)
PARTS = ("pre_tokenizer", "decoder", "added_tokens", "model", "normalizer")


def crash(path: Path) -> str | None:
    """What loading ends in, if it is neither a tokenizer nor the error that it should be."""
    try:
        load_tokenizer(str(path))
    except TokenizerError as error:
        return None if "tokenizer.json" in str(error) else f"no word of the file: {error}"
    except Exception as error:
        return repr(error)[:100]
    return "no error"


@pytest.mark.parametrize("inside", [True, False], ids=["in a folder", "as a file"])
def test_a_junk_file_is_an_error_that_names_it(inside: bool, tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    found = {}
    for content in JUNK:
        file.write_bytes(content)
        found[content[:120]] = crash(tmp_path if inside else file)
    assert {content: what for content, what in found.items() if what} == {}


def test_a_sound_file_with_junk_in_one_part_is_an_error(tmp_path: Path) -> None:
    sound = json.loads((tiny(tmp_path, PATTERNS[0]) / "tokenizer.json").read_text("utf-8"))
    found = {}
    for part in PARTS:
        for junk in (5, "x", [1], {"type": "Nonsense"}, [{}]):
            (tmp_path / "tokenizer.json").write_text(json.dumps(sound | {part: junk}), "utf-8")
            found[part, str(junk)] = crash(tmp_path)
    assert {case: what for case, what in found.items() if what} == {}


def test_a_vocabulary_that_lacks_bytes_is_an_error_and_no_wrong_count(tmp_path: Path) -> None:
    folder = tiny(tmp_path / "tok", PATTERNS[0])
    content = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    vocab, merges = content["model"]["vocab"], content["model"]["merges"]
    content["model"]["merges"] = [merge for merge in merges if "h" not in "".join(merge)]
    content["model"]["vocab"] = {token: number for token, number in vocab.items() if "h" not in token}
    content["added_tokens"] = [token for token in content["added_tokens"] if "h" not in token["content"]]
    (folder / "tokenizer.json").write_text(json.dumps(content), "utf-8")
    try:
        tokenizer = load_tokenizer(str(folder))
        encoded = tokenizer.encode(series(["hinge"]))
        cut = tokenizer.cut(encoded, 2)
    except TokenizerError:
        return
    engine = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = engine.encode("hinge", add_special_tokens=False).ids
    assert encoded.ids.flat.tolist() == ids
    assert cut.texts.to_list() == [engine.decode(ids[:2], skip_special_tokens=False)]


IMPATIENT = """
import time
time.sleep = lambda seconds: None  # the Hub's client waits longer and longer between its attempts
from curator.cli.commands import main
main()
"""


def test_a_hub_name_without_network_names_the_ways_to_get_it(
    environment: dict[str, str], raw_row: Any, write_rows: Any, tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "rows.parquet", [raw_row(0)])
    command = [sys.executable, "-c", IMPATIENT, "build", str(source), "--recipe", "course-v1", "--out", "run"]
    network = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*"}
    done = subprocess.run(
        command, env=environment | network, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert done.stdout == ""
    for part in ("meta-llama/Meta-Llama-3.1-8B", "save_pretrained", "--set tokenizer=", "o200k_base"):
        assert part in done.stderr
    assert not (tmp_path / "run" / "dataset").exists()


def test_a_hub_name_offline_names_the_ways_to_get_it(
    run_cli: Callable[..., Any], raw_row: Any, write_rows: Any, tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "rows.parquet", [raw_row(0)])
    done = run_cli("build", source, "--recipe", "course-v1", "--out", tmp_path / "run", HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "save_pretrained" in done.stderr
