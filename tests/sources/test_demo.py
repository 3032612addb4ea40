"""The demo catalogue: reproducible, in the Hub's schema, with the quirks and duplicates it promises."""

import hashlib
import itertools
import json
import random
import re
import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.sources import demo
from curator.sources.demo.catalogue import BLOCK_ROWS

ROWS, SEED = 20_000, 42
FLOAT = re.compile(r"\d+\.\d+")

# The sha256 of 5,000 rows of seed 42, so that no change of their bytes goes unnoticed: see test_version.
VERSION, DIGEST = 2, "574ebd27172b4bcc977694ad1c65412f196b6129327b9edc175f6d5278a8a6fa"


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return demo.rows(SEED, 0, ROWS)


@pytest.fixture(scope="module")
def truth() -> pl.DataFrame:
    return demo.truth(SEED, 0, ROWS)


@pytest.fixture(scope="module")
def texts(rows: pl.DataFrame) -> list[str]:
    """Title, description, features and details of each row."""
    items = [pl.col(name).list.join("\n").fill_null("") for name in ("description", "features")]
    title, details = pl.col("title").fill_null(""), pl.col("details").fill_null("")
    return rows.select(pl.concat_str(title, *items, details, separator="\n")).to_series().to_list()


def digest(frame: pl.DataFrame) -> str:
    return hashlib.sha256(frame.write_ndjson().encode()).hexdigest()


def grams(text: str) -> set[tuple[str, str, str]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def jaccard(one: set, other: set) -> float:
    return len(one & other) / max(len(one | other), 1)


def test_schema(rows: pl.DataFrame, truth: pl.DataFrame) -> None:
    assert rows.schema == demo.SCHEMA
    assert truth.schema == demo.TRUTH_SCHEMA
    assert rows.height == truth.height == ROWS
    assert demo.rows(0, 5, 5).schema == demo.SCHEMA
    assert demo.truth(0, 5, 5).schema == demo.TRUTH_SCHEMA


def test_version() -> None:
    """Whoever changes the bytes of a row raises RAW_DEMO_VERSION and writes both numbers here."""
    assert (demo.RAW_DEMO_VERSION, digest(demo.rows(SEED, 0, 5_000))) == (VERSION, DIGEST)


def test_same_rows_in_another_process() -> None:
    code = (
        "import hashlib; from curator.sources import demo;"
        "print(hashlib.sha256(demo.rows(7, 4000, 4200).write_ndjson().encode()).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": "12345", "POLARS_MAX_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == digest(demo.rows(7, 4000, 4200))


@settings(max_examples=25, deadline=None)
@given(
    start=st.one_of(st.integers(0, 9_000), st.integers(-40, 40).map(lambda step: BLOCK_ROWS + step)),
    length=st.one_of(st.integers(0, 60), st.integers(0, 5_000)),
)
def test_a_row_depends_on_its_number_alone(start: int, length: int) -> None:
    stop = start + length
    assert demo.rows(3, start, stop).equals(demo.rows(3, 0, stop)[start:])
    assert demo.truth(3, start, stop).equals(demo.truth(3, 0, stop)[start:])


def test_far_rows_and_other_seeds() -> None:
    far = 10**9
    assert demo.rows(1, far, far + 3).equals(demo.rows(1, far - 5, far + 5)[5:8])
    assert not demo.rows(1, 0, 50).equals(demo.rows(2, 0, 50))
    assert demo.rows(2**64 - 1, 0, 2).height == 2


@pytest.mark.parametrize(
    ("seed", "start", "stop"), [(-1, 0, 1), (2**64, 0, 1), (0, -1, 1), (0, 2, 1), (0, 0, 36**8 + 1)]
)
def test_numbers_out_of_range(seed: int, start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="demo"):
        demo.rows(seed, start, stop)
    with pytest.raises(ValueError, match="demo"):
        demo.truth(seed, start, stop)


def test_parent_asins(rows: pl.DataFrame) -> None:
    assert rows["parent_asin"].n_unique() == ROWS
    assert rows["parent_asin"].str.contains(r"^B0[0-9A-Z]{8}$").all()


def test_details_are_what_json_writes(rows: pl.DataFrame) -> None:
    filled = [text for text in rows["details"] if text]
    kinds = set()
    for text in filled:
        value = json.loads(text)
        assert json.dumps(value) == text
        kinds.update(type(member) for member in value.values())
    assert {str, dict, list} <= kinds


def test_main_categories(rows: pl.DataFrame) -> None:
    assert set(rows["main_category"].drop_nulls()) == set(demo.CATEGORIES)
    assert len(demo.CATEGORIES) == 12
    assert 0.03 < rows["main_category"].null_count() / ROWS < 0.05


def test_prices(rows: pl.DataFrame) -> None:
    prices = rows["price"].to_list()
    numbers = [text for text in prices if FLOAT.fullmatch(text)]
    assert all(str(float(text)) == text for text in numbers)
    for quirk in ("None", "0.0", "—", "0.5", "1.49", "999.49", "999.5"):
        assert quirk in prices, quirk
    assert any(re.fullmatch(r"from \d+\.\d\d", text) for text in prices)
    listed = sorted(float(text) for text in numbers if 0.5 <= float(text) <= 999.49)
    assert 0.45 < len(listed) / ROWS < 0.6
    assert 15 < listed[len(listed) // 2] < 30
    assert sum(text.endswith(".99") for text in numbers) > 0.35 * len(numbers)
    assert sum(float(text) % 1 == 0.5 for text in numbers) > 20
    assert 40 < sum(float(text) > 1000 for text in numbers) < 400
    for spike in (99, 199, 399, 499):
        around = [sum(int(price) == spike + step for price in listed) for step in (-2, -1, 0, 1, 2)]
        assert around[2] > 2 * max(around[:2] + around[3:]), spike


def test_price_slots_are_reached() -> None:
    slots: set[int] = set()
    for start in range(0, 40 * BLOCK_ROWS, BLOCK_ROWS):
        prices = demo.rows(0, start, start + BLOCK_ROWS)["price"].cast(pl.Float64, strict=False)
        slots.update(prices.filter(prices.is_between(0.5, 999.49)).round().cast(pl.Int64))
    assert len(slots & set(range(1, 1000))) > 900


@pytest.mark.parametrize(
    ("least", "most", "pattern"),
    [
        pytest.param(0.05, 0.12, "\u00a0", id="no-break space"),
        pytest.param(0.02, 0.08, "[【】★]", id="marks"),
        pytest.param(0.002, 0.02, "[！-～\u3000]", id="full-width"),
        pytest.param(0.001, 0.02, "[\U0001f300-\U0001faff]", id="emoji"),
        pytest.param(0.001, 0.01, "[\x80-\x9f]", id="C1"),
        pytest.param(0.001, 0.01, "[\u200b\u200d\u2060\ufeff]", id="zero-width"),
        pytest.param(0.001, 0.01, "â€™|Ã©", id="mojibake"),
        pytest.param(0.001, 0.01, "\ufffd", id="replacement character"),
        pytest.param(0.003, 0.02, r"<(?:b|br|p|i|ul|li|a)\b[^>]*>", id="HTML"),
        pytest.param(0.002, 0.02, "&(?:amp|quot|nbsp|gt|deg);", id="entities"),
        pytest.param(0.0002, 0.003, r"<\|\w+\|>", id="special token"),
        pytest.param(0.004, 0.012, r"\$ ?\d", id="amount"),
        pytest.param(0.0001, 0.002, r"Price is \$", id="price phrase"),
        pytest.param(0.0002, 0.002, "to the nearest dollar", id="question phrase"),
        pytest.param(0.0005, 0.005, r"<script>|=HYPERLINK|\{\{7\*7|etc/passwd", id="hostile"),
        pytest.param(0.05, 0.5, r"(?a)\b(?=\w*\d)\w{7,}", id="part number"),
        pytest.param(0.005, 0.05, r"\\ud83d\\ude00|\\u2019", id="escaped character"),
        pytest.param(0.002, 0.1, r'\\"', id="escaped quote"),
        pytest.param(0.001, 0.02, r"C:\\\\", id="escaped backslash"),
        pytest.param(0.02, 0.04, '[{ ]"": ', id="empty key"),
        pytest.param(0.2, 0.5, r'"Best Sellers Rank": \{"', id="nested object"),
        pytest.param(0.003, 0.02, r'": \["', id="list in details"),
        pytest.param(0.05, 0.3, '"Batteries Included\\?": "No"', id="batteries not included"),
        pytest.param(0.01, 0.1, '"Batteries Included\\?": "Yes"', id="batteries included"),
        pytest.param(0.05, 0.3, '"Batteries Required\\?": "No"', id="no batteries"),
        pytest.param(0.01, 0.1, '"Batteries Required\\?": "Yes"', id="batteries"),
        pytest.param(0.2, 0.6, '"Is Discontinued By Manufacturer": ', id="discontinued"),
        pytest.param(0.3, 0.8, '"Date First Available": ', id="date"),
        pytest.param(0.3, 0.8, '"Item model number": ', id="model number"),
        pytest.param(0.3, 0.8, '"Package Dimensions": ', id="package"),
        pytest.param(0.3, 0.8, '"Item Weight": ', id="weight"),
        pytest.param(0.1, 0.5, '"Number of Items": ', id="items"),
    ],
)
def test_quirks_of_the_text(texts: list[str], least: float, most: float, pattern: str) -> None:
    found = re.compile(pattern)
    assert least <= sum(bool(found.search(text)) for text in texts) / ROWS <= most


def test_what_is_missing(rows: pl.DataFrame) -> None:
    for name, empty in (("title", ""), ("details", ""), ("details", "{}")):
        assert rows[name].null_count() and (rows[name] == empty).any(), name
    for name in ("features", "description", "categories"):
        assert (rows[name].list.len() == 0).any(), name
    assert rows["features"].null_count() and rows["description"].null_count() and rows["store"].null_count()
    bare = rows["description"].list.len().fill_null(0) == 0
    unpriced = rows["price"] == "None"
    assert 0.75 < bare.filter(unpriced).mean() < 0.85
    assert 0.1 < bare.filter(~unpriced).mean() < 0.2


def test_lengths(rows: pl.DataFrame, texts: list[str]) -> None:
    described = (rows["price"].str.contains(r"^\d") & (rows["description"].list.len() > 0)).fill_null(False)
    lengths = pl.Series([len(text) for text in texts])
    assert 0.75 < (lengths.filter(described) > 700).mean() < 0.9  # 700 characters are about 150 tokens
    assert (lengths < 100).sum() > 50
    assert (lengths > 15_000).sum() >= 4
    assert lengths.max() > 90_000


def test_families(rows: pl.DataFrame, truth: pl.DataFrame, texts: list[str]) -> None:
    assert truth["row"].to_list() == list(range(ROWS))
    original = truth["kind"] == "original"
    assert (original == (truth["row"] == truth["family"])).all()
    assert original[truth["family"].to_list()].all()
    assert (truth["row"] // BLOCK_ROWS == truth["family"] // BLOCK_ROWS).all()
    shares = dict(truth["kind"].value_counts(normalize=True).iter_rows())
    assert 0.10 < shares["variant"] < 0.14
    assert 0.015 < shares["exact_duplicate"] < 0.025

    copies = truth.filter(kind="exact_duplicate")
    content = rows.drop("parent_asin")
    assert content[copies["row"].to_list()].equals(content[copies["family"].to_list()])

    variants = truth.filter(kind="variant").rows(named=True)
    assert all(texts[pair["row"]] != texts[pair["family"]] for pair in variants)
    alike = [jaccard(grams(texts[pair["row"]]), grams(texts[pair["family"]])) for pair in variants[:600]]
    assert sum(value >= 0.5 for value in alike) > 0.95 * len(alike)
    number = rows["price"].cast(pl.Float64, strict=False).to_list()
    pairs = [(number[pair["row"]], number[pair["family"]]) for pair in variants]
    assert all((one is None) == (other is None) for one, other in pairs)
    assert all(abs(one - other) <= 2 + 0.07 * other for one, other in pairs if other)


def test_price_leaks(rows: pl.DataFrame, truth: pl.DataFrame, texts: list[str]) -> None:
    leaks = truth["price_leak"].to_list()
    assert 0.0005 < sum(leaks) / ROWS < 0.005
    for leak, price, text in zip(leaks, rows["price"], texts, strict=True):
        amounts = [float(amount) for amount in re.findall(r"\$ ?(\d+\.\d\d)", text)] if "$" in text else []
        stated = bool(FLOAT.fullmatch(price)) and float(price) in amounts
        assert stated == leak


def test_boilerplate(truth: pl.DataFrame, texts: list[str]) -> None:
    from curator.sources.demo.words import SHOP_TEXTS

    assert all(60 <= len(text.split()) <= 100 for text in SHOP_TEXTS)
    planted = [any(shop in text for shop in SHOP_TEXTS) for text in texts]
    assert planted == truth["boilerplate"].to_list()
    assert 0.04 < sum(planted) / ROWS < 0.12


def test_originals_are_not_alike(truth: pl.DataFrame, texts: list[str]) -> None:
    kept = (truth["kind"] == "original") & ~truth["boilerplate"]
    chosen = [text for text, keep in zip(texts, kept, strict=True) if keep and len(text) > 300]
    sets = [grams(text) for text in random.Random(5).sample(chosen, 400)]
    assert max(jaccard(one, other) for one, other in itertools.combinations(sets, 2)) < 0.35


def test_text_tells_the_price(rows: pl.DataFrame) -> None:
    """The noun alone explains much of the logarithm of the price, so a model has something to learn."""
    frame = rows.select(
        leaf=pl.col("categories").list.get(2, null_on_oob=True),
        price=pl.col("price").cast(pl.Float64, strict=False).log(),
    ).filter(pl.col("price").is_between(-1, 7), pl.col("leaf").is_not_null())
    within = frame.select((pl.col("price") - pl.col("price").mean().over("leaf")).var()).item()
    assert within < 0.6 * frame["price"].var()
