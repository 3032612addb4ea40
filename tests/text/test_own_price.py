"""Texts that give their item's price away: found and masked in every usual notation, and nothing else is."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.recipe.load import load_recipe
from curator.text.own_price import MARK, mask_own_price, own_amounts, states_own_price
from repository import ROOT

WORDS = "sturdy oak shelf with brass hooks and felt pads keeps coats tidy in any small hall by the door".split()


def says(text: str, price: float) -> bool:
    return bool(states_own_price(pl.Series([text]), pl.Series([price], dtype=pl.Float64))[0])


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("Now only $24.99!", 24.99),
        ("retail $ 1,024.50 each", 1024.5),
        ("MSRP: 25", 24.99),
        ("MSRP$24.99", 24.99),
        ("USD 24.99", 24.99),
        ("USD10", 10.0),
        ("US $24.99", 24.99),
        ("24.99USD", 24.99),
        ("it costs 25 dollars", 24.99),
        ("Price: $24.99", 24.99),
        ("Price 24.99", 24.99),
        ("price of 10.00", 10.0),
        ("for only 24.99", 24.99),
        ("was 24.99, now 15", 24.99),
        ("24 dollars and 99 cents", 24.99),
        ("$24 99", 24.99),
        ("24,99 $", 24.99),
        ("＄24.99", 24.99),
        ("99 cents", 0.99),
        ("only 99¢", 0.99),
        ("$.99", 0.99),
        ("$1,299", 1299.0),
        ("1,299.00 dollars", 1299.0),
        ("a gift for under $25 (6 pieces)", 24.99),
        ("rings under 5 dollars", 5.0),
        ("a $25 value", 24.99),
        ("$24.99-$39.99", 39.99),
        ("$39.99 $24.99", 24.99),
        ("$24.99 with free shipping", 24.99),
        ("FREE SHIPPING, now only $24.99", 24.99),
        ("Includes a $5 coupon; price $24.99", 24.99),
        ("You save $10 - pay $24.99", 24.99),
        ("extra soft towels only $24.99", 24.99),
        ("sizes: small ($24.99), large ($39.99)", 39.99),
    ],
)
def test_a_price_is_found_and_masked(text: str, price: float) -> None:
    assert says(text, price)
    masked, changed = mask_own_price(pl.Series([text]), pl.Series([price]))
    assert changed.to_list() == [True]
    assert MARK in masked[0]
    assert not says(masked[0], price)


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("24.99 inches, model 2499", 24.99),
        ('24.99" wide', 24.99),
        ("for 12.99 inch pipes", 12.99),
        ("weighs only 7.25 pounds", 7.25),
        ("25 oz, pack of 25, AB25-C, 25% more", 25.0),
        ("(24.99)", 24.99),
        ("fits US 5 and 6", 5.0),
        ("4.99 US", 4.99),
        ("part LB345-AFTH$617, FSPL-16-$P", 617.0),
        ("$24.98", 24.99),
        ("$24.995", 24.99),
        ("$124.99", 24.99),
        ("$24.99", 24.6),
        ("priced to sell 25", 24.99),
        ("price is right, 25 pieces", 24.99),
        ("low price: 20, 25, 30", 20.0),
        ("two for the price of 1", 1.0),
        ("saves 10\n$.10 a piece", 10.0),
        ("£24.99, 24.99 EUR, €25", 24.99),
        ("CA$25, A$25, HK$25", 25.0),
        ("a $2 million house, $2M, $2 billion", 2.0),
        ("100's of dollars", 100.0),
        ("save $25 today, save up to $25", 25.0),
        ("$5 off, over $5 saved, a $5 coupon, $5 rebate", 5.0),
        ("$25 gift card", 25.0),
        ("shipping is only $5.95", 5.95),
        ("shipping: 5.95 USD", 5.95),
        ("ships for $4.99 (shipping cost)", 4.99),
        ("free shipping on orders over $35", 35.0),
        ("$20.00 bill, a 100 dollar note", 20.0),
        ("13-cent stamp, 50 cents", 13.0),
        ("rings can be resized for an additional $27", 27.0),
        ("includes a free spray gun ($34.95 value)", 34.95),
        ("protection plan ($175-$199.99)", 199.99),
        ("monitoring for just $14.99/month", 14.99),
        ("a $500 reward for the horse", 500.0),
        ("fees: $25.00 $7.00 $32.00", 7.0),
    ],
)
def test_what_is_no_price_of_the_item_stays(text: str, price: float) -> None:
    assert not says(text, price)
    masked, changed = mask_own_price(pl.Series([text]), pl.Series([price]))
    assert (masked[0], changed[0]) == (text, False)


def test_no_rows() -> None:
    texts, prices = pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.Float64)
    assert states_own_price(texts, prices).to_list() == []
    assert [made.to_list() for made in mask_own_price(texts, prices)] == [[], []]


def test_each_row_is_asked_about_its_own_price() -> None:
    texts = pl.Series(["$5", "$6", "none", "$5 and $6"])
    prices = pl.Series([5.0, 5.0, 5.0, 6.0])
    assert states_own_price(texts, prices).to_list() == [True, False, False, True]
    assert mask_own_price(texts, prices)[0].to_list() == [MARK, "$6", "none", f"$5 and {MARK}"]


# -- any price in any notation, anywhere in a text


def dollars(price: float) -> str:
    return f"{price:,.2f}"


NOTATIONS = [
    lambda price: f"${dollars(price)}",
    lambda price: f"$ {price:.2f}",
    lambda price: f"US${dollars(price)}",
    lambda price: f"USD {price:.2f}",
    lambda price: f"{dollars(price)} USD",
    lambda price: f"{price:.2f} dollars",
    lambda price: f"{price:.2f}$",
    lambda price: f"MSRP {price:.2f}",
    lambda price: f"MSRP: ${dollars(price)}",
    lambda price: f"list price {price:.2f}",
    lambda price: f"Price: {price:.2f}",
    lambda price: f"only {price:.2f}",
    lambda price: f"{int(price)} dollars and {round(price * 100) % 100:02} cents",
    lambda price: f"${max(1, int(price + 0.5))}",
    lambda price: f"{max(1, int(price + 0.5))} bucks",
    lambda price: f"MSRP {max(1, int(price + 0.5))}",
]
PRICES = st.integers(50, 99_949).map(lambda cents: cents / 100)
SENTENCE = st.lists(st.sampled_from(WORDS), min_size=0, max_size=12).map(" ".join)


@given(SENTENCE, st.sampled_from(NOTATIONS), PRICES, SENTENCE, st.sampled_from([". ", "! ", "\n", " (", ", "]))
def test_any_price_in_any_notation_is_found(before: str, notation: Any, price: float, after: str, gap: str) -> None:
    text = f"{before}{gap}{notation(price)}. {after}"
    assert says(text, price)
    masked, _ = mask_own_price(pl.Series([text]), pl.Series([price]))
    assert not says(masked[0], price)
    # Nothing but the amount goes.
    left, right = masked[0].split(MARK)
    assert text.startswith(left) and text.endswith(right)


UNITS = ["inches", "oz", "lbs", "cm", "pack", "pcs", '"', "mm", "feet", "% cotton", "watts", "x 4 in", " pounds"]


@given(SENTENCE, PRICES, st.sampled_from(UNITS), st.sampled_from(["", "size ", "measures ", "only ", "for ", "just "]))
def test_no_size_is_taken_for_a_price(before: str, price: float, unit: str, word: str) -> None:
    for number in (f"{price:.2f}", f"{int(price + 0.5)}"):
        assert not says(f"{before}. {word}{number} {unit}. Price varies, see $ in store", price)
        assert not says(f"{before}, {word}{number}{unit}", price)


@given(SENTENCE, PRICES, st.sampled_from(["AB{}", "X-{}", "no. {}", "#{}", "{}A", "model {}", "REF/{}/B", "series {}"]))
def test_no_model_number_is_taken_for_a_price(before: str, price: float, model: str) -> None:
    for number in (f"{price:.2f}", f"{int(price + 0.5)}", f"{round(price * 100)}"):
        assert not says(f"{before} {model.format(number)} in dollars", price)


@given(SENTENCE, st.sampled_from(NOTATIONS), PRICES, PRICES)
def test_another_price_stays(before: str, notation: Any, price: float, other: float) -> None:
    if abs(price - other) > 1 and abs(price - other / 100) > 0.01:
        assert not says(f"{before}. {notation(other)}. Best ones", price)


@given(
    st.text(alphabet="$ 0129.,-¢cUSD\npriceMSRP:%xoffsave[]", max_size=60),
    st.sampled_from([0.5, 0.99, 1.0, 9.0, 19.99, 20]),
)
def test_a_masked_text_never_states_its_price(text: str, price: float) -> None:
    texts, prices = pl.Series([text]), pl.Series([price], dtype=pl.Float64)
    masked, changed = mask_own_price(texts, prices)
    assert changed[0] == states_own_price(texts, prices)[0]
    assert not states_own_price(masked, prices)[0]
    assert not list(own_amounts(masked[0], price))


def test_a_hostile_text_takes_no_longer_than_its_length() -> None:
    """A text of fifty thousand characters is read in well under the minutes that backtracking would take."""
    for piece in ("1", "$", "20 ", "$20 ", "save up to ", "9,", "20 dollars and ", "a$", "he "):
        text = piece * (50_000 // len(piece))
        mask_own_price(pl.Series([f"{text} USD 20.00"]), pl.Series([20.0]))


# -- the labelled rows


def test_the_labels_are_many_and_hold_no_text() -> None:
    with (ROOT / "tests" / "data" / "label_leaks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["file"], row["parent_asin"]) for row in rows}) >= 200
    for row in rows:
        assert list(row) == ["file", "parent_asin", "number", "label"]
        assert re.fullmatch(r"[0-9A-Z]{10}", row["parent_asin"])
        assert row["number"].isdigit() and row["label"] in {"0", "1"}


def test_precision_and_recall_on_real_rows(shared_data: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "label_leaks.py"), "--data", str(shared_data)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for half in ("tuning", "held out", "all"):
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(f"| all | {half} |"))
        precision, recall = (float(cell) for cell in line.split("|")[-3:-1])
        assert precision >= 0.95
        assert recall >= 0.95


# -- the recipe key


TOLD = "Sturdy oak shelf with brass hooks. " * 12


def mapped(bundled: Any, own_price: str, *texts: str, **settings: Any) -> tuple[pl.DataFrame, list[str]]:
    """Map rows of 24.99 USD."""
    from curator.items.mapper import Mapper

    mapper = Mapper.__new__(Mapper)  # with the tokenizer that is loaded already
    mapper.recipe, mapper.tokenizer = load_recipe("pricer", {"text.own_price": own_price, **settings}), bundled
    row = dict.fromkeys(("features", "description"), None) | {"details": "{}", "categories": [], "price": "24.99"}
    lists = {"features": pl.List(pl.String), "description": pl.List(pl.String), "categories": pl.List(pl.String)}
    rows = [
        {**row, "row": n, "malformed": None, "parent_asin": f"A{n}", "category": "Home", "title": text}
        for n, text in enumerate(texts)
    ]
    items, fates = mapper(pl.DataFrame(rows, schema_overrides=lists))
    return items, fates.sort("row")["fate"].to_list()


def test_the_recipe_keeps_masks_or_drops(bundled: Any) -> None:
    texts = (f"Only $24.99! {TOLD}", f"Only $19.99! {TOLD} again")
    assert mapped(bundled, "drop", *texts)[1] == ["price_in_text", "kept"]
    items, fates = mapped(bundled, "keep", *texts)
    assert (fates, items["masked"].to_list()) == (["kept", "kept"], [False, False])
    items, fates = mapped(bundled, "mask", *texts)
    assert (fates, items["masked"].to_list()) == (["kept", "kept"], [True, False])
    assert f"Only {MARK}! Sturdy" in items["prompt"][0]
    assert "$24.99" not in items["prompt"][0]
    assert "$19.99" in items["prompt"][1]
    assert items["tokens"].to_list() == bundled.encode(items["prompt"]).counts.tolist()


def test_a_mask_beyond_the_cut_is_not_counted(bundled: Any) -> None:
    items, _ = mapped(bundled, "mask", f"{TOLD}Only $24.99!", **{"tokens.cap": 60})
    assert items["masked"].to_list() == [False]


def test_an_amount_that_the_cut_turns_into_the_price_is_dropped(bundled: Any) -> None:
    """Cut before `million`, an amount of something else reads as the price; no published text may do that."""
    text = f"shelf {'oak ' * 80}$25 million in the making {TOLD}"
    fates = {cap: mapped(bundled, "mask", text, **{"tokens.cap": cap})[1][0] for cap in range(100, 125)}
    assert set(fates.values()) == {"kept", "price_in_text"}


def test_a_run_counts_what_it_masks(tmp_path: Path, invoke: Any) -> None:
    out = tmp_path / "run"
    said = invoke("build", "demo:6000", "--set", "text.own_price=mask", "--out", out, "--workers", "1").stdout
    summary = json.loads((out / "summary.json").read_text())
    published = pl.read_parquet(out / "dataset" / "data" / "*.parquet")
    marked = published.filter(pl.col("prompt").str.contains(MARK, literal=True))
    assert summary["masked"] == marked.height > 0
    assert re.search(rf"^masked prices +{marked.height} of the rows in splits$", said, re.MULTILINE)
    assert f"in {marked.height} of the published rows" in (out / "dataset" / "README.md").read_text("utf-8")
    assert "published with a masked price" in (out / "report.html").read_text("utf-8")
    assert json.loads((out / "dataset" / "manifest.json").read_text())["counts"]["masked"] == marked.height
    assert not states_own_price(published["prompt"], published["price"]).any()
    story = invoke("why", out, marked["parent_asin"][0]).stdout
    assert "own price" in story and MARK in story
    assert "don't give" not in story
    assert invoke("verify", out).exit_code == 0
