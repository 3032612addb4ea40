"""The map step of course-v1 against the row-at-a-time code, on rows that try every edge and on generated ones."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.items import mapper as items
from curator.recipe.load import load_recipe

RAW = ("parent_asin", "title", "description", "features", "details", "price", "store", "categories")

ATOMS = (
    *" \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u180e\u200b\ufeff\x00",
    ",",
    " ,",
    ", ",
    ",,",
    ",,,",
    " , , ,",
    "[",
    "]",
    "{",
    "}",
    '"',
    ":",
    "【",
    "】",
    "(",
    "'",
    "/",
    "\\",
    "$",
    *"7²₃①⑨٣۴९௧𝟗🄀፩½Ⅷ三⑩",
    "1234567",
    "123456",
    "abcdef7",
    "abcde7",
    "x1y2z3w4",
    "12345,6",
    "a:1234567",
    "<|endoftext|>",
    "<|endofprompt|>",
    "<|eot_id|>",
    "<|begin_of_text|>",
    "<|end:oftext|>",
    "<|eot_",
    "id|>",
    "é",
    "e\u0301",
    "日本語",
    "👍🏽",
    "👨\u200d👩\u200d👧",
    "𒀱",
    "🫨",
    "\u0947\u0331",
    "\ufffd",
    "İ",
    "ß",
    "Price is $",
    "to the nearest dollar",
    "Item",
    "Number of",
    "Package",
    "Product ",
    "Date First",
    "it's",
    "DON'T",
    "sturdy",
    "hinge",
    "brass",
    "steel plate",
    "fits every older door",
    "w" * 50,
)
DETAILS = (
    '"Batteries Included?": "No"',
    '"Batteries Required?": "Yes"',
    "By Manufacturer",
    "Item",
    "Date First",
    "Package",
    ":",
    "Number of",
    "Best Sellers",
    "Number",
    "Product ",
    "Num",
    "ber",
    "Pro",
    "duct ",
    '{"Color": "Red"}',
    "\\u00e9",
    "\\n",
    '"',
    ",",
    " ",
    "1234567",
    "x",
)
PRICES = (
    "12.99",
    "0.50",
    "1.50",
    "2.5",
    "998.5",
    "999.49",
    "999.5",
    "None",
    "",
    " 7 ",
    "1_0",
    "１２",
    "nan",
    "-1",
    None,
)


def pieces(atoms: tuple[str, ...], most: int) -> st.SearchStrategy[str]:
    """Atoms run together or with spaces between, repeated so that texts get long enough to live."""
    drawn = st.lists(st.sampled_from(atoms), max_size=most)
    return st.builds(
        lambda made, sign, times: (sign.join(made) + sign) * times,
        drawn,
        st.sampled_from(["", " "]),
        st.integers(0, 12),
    )


LISTS = st.one_of(st.none(), st.lists(st.one_of(st.none(), pieces(ATOMS, 30)), max_size=3))
ROWS = st.fixed_dictionaries(
    {
        "title": st.one_of(st.none(), pieces(ATOMS, 8), st.text(max_size=20)),
        "description": LISTS,
        "features": LISTS,
        "details": st.one_of(st.none(), pieces(DETAILS, 12)),
        "price": st.one_of(st.sampled_from(PRICES), st.floats(0, 1100).map(lambda price: f"{price:.2f}")),
    }
)


class LlamaReference:
    """Llama 3 through `tokenizers` itself, in the two calls that the oracle makes."""

    def __init__(self, path: str) -> None:
        import tokenizers

        self.engine = tokenizers.Tokenizer.from_file(path)

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        return self.engine.encode(text, add_special_tokens=add_special_tokens).ids

    def decode(self, ids: list[int]) -> str:
        return self.engine.decode(ids, skip_special_tokens=False)


@pytest.fixture(scope="session", params=["o200k_base", "llama"])
def sides(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """The map step, and the reference of its tokenizer."""
    if request.param == "llama":
        folder = request.getfixturevalue("shared_data") / "llama-3-tokenizer"
        tokenizer = request.getfixturevalue("llama")
        reference: Any = LlamaReference(str(folder / "tokenizer.json"))
    else:
        tokenizer = request.getfixturevalue("bundled")
        reference = request.getfixturevalue("reference_o200k")
    mapper = items.Mapper(load_recipe("course-v1"))
    mapper.tokenizer = tokenizer
    return mapper, reference


def check(sides: tuple[Any, Any], rows: list[dict[str, Any]], oracle: Any, edges: Any) -> dict[str | None, int]:
    """Assert that both sides say the same of each row, and count the fates."""
    mapper, reference = sides
    frame = pl.DataFrame(pl.from_arrow(edges.edge_table(rows)))
    frame = frame.select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
        *RAW,
        pl.lit(None, pl.String).alias("malformed"),
        pl.col("main_category").alias("category"),
    )
    made, fates = mapper(frame)
    assert fates["row"].to_list() == list(range(len(rows)))
    by_row = {row["row"]: row for row in made.iter_rows(named=True)}
    counts: dict[str | None, int] = {}
    for number, (row, fate) in enumerate(zip(rows, fates["fate"], strict=True)):
        item, expected = oracle.parse(row, reference, row["main_category"])
        counts[expected] = counts.get(expected, 0) + 1
        what = (row.get("store"), number)
        assert (None if fate == "kept" else fate) == expected, what
        assert (number in by_row) == (item is not None), what
        if item is None:
            continue
        got = by_row[number]
        assert got["prompt"] == item.prompt, what
        assert got["tokens"] == item.token_count, what
        assert (got["price"], got["slot"], got["category"]) == (item.price, item.slot, item.category), what
        assert (got["title"] or "", got["parent_asin"]) == (item.title, item.parent_asin), what
    return counts


def test_hand_made_rows(sides: tuple[Any, Any], oracle: Any, edges: Any) -> None:
    _, reference = sides
    rows = edges.edge_rows(lambda text: len(reference.encode(text)))
    counts = check(sides, rows, oracle, edges)
    assert len(rows) > 700
    assert counts[None] > 400
    assert set(counts) == {None, "no_price", "price_out_of_range", "text_too_short", "too_few_tokens"}


@pytest.fixture(scope="session")
def complete(edges: Any) -> Any:
    """Add the columns that generated rows lack."""
    rest = dict.fromkeys(edges.SCHEMA.names)
    return lambda rows: [rest | row | {"parent_asin": str(number)} for number, row in enumerate(rows)]


@given(st.lists(ROWS, min_size=1, max_size=6))
@settings(max_examples=120)
def test_generated_rows(
    sides: tuple[Any, Any], oracle: Any, edges: Any, complete: Any, rows: list[dict[str, Any]]
) -> None:
    check(sides, complete(rows), oracle, edges)


@pytest.mark.parametrize("seed", range(3))
def test_random_rows_long_enough_to_live(
    sides: tuple[Any, Any], oracle: Any, edges: Any, complete: Any, seed: int
) -> None:
    draw = random.Random(seed)
    rows = []
    for _ in range(400):
        atoms = draw.sample(ATOMS, k=draw.randrange(3, 30))
        sign = draw.choice(["", " ", " "])
        text = [sign.join(draw.choices(atoms, k=draw.randrange(60, 260))) for _ in range(draw.randrange(1, 3))]
        rows.append(
            {
                "main_category": draw.choice(["Tools", None]),
                "title": sign.join(draw.choices(ATOMS, k=draw.randrange(0, 12))),
                "description": text,
                "features": draw.choice([None, [], ["".join(draw.choices(ATOMS, k=9)), None]]),
                "details": draw.choice([None, "", "".join(draw.choices(DETAILS, k=40))]),
                "price": f"{draw.uniform(0.4, 1000):.2f}",
            }
        )
    assert check(sides, complete(rows), oracle, edges)[None] > 150


def test_an_empty_batch(sides: tuple[Any, Any], oracle: Any, edges: Any) -> None:
    assert check(sides, [], oracle, edges) == {}


def test_rows_are_treated_alone(sides: tuple[Any, Any], raw_row: Any, oracle: Any, edges: Any) -> None:
    """A batch gives what its rows give one by one."""
    mapper, reference = sides
    rows = edges.edge_rows(lambda text: len(reference.encode(text)))[::37]
    frame = pl.DataFrame(pl.from_arrow(edges.edge_table(rows))).select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
        *RAW,
        pl.lit(None, pl.String).alias("malformed"),
        pl.col("main_category").alias("category"),
    )
    whole, fates = mapper(frame)
    alone = [mapper(frame[number : number + 1]) for number in range(len(rows))]
    assert pl.concat([made for made, _ in alone]).equals(whole)
    assert pl.concat([fate for _, fate in alone]).equals(fates)
