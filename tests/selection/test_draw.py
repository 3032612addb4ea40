"""The sample: edges of the price slots, weights, and equality with the draw written naively."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.recipe.load import load_recipe
from curator.recipe.settings import SlotSettings
from curator.selection import draw
from curator.selection.select import select


def sample(slot: list[int], weight: list[float] | None = None, **changes: Any) -> list[int]:
    weights, category = np.unique(weight or [5.0] * len(slot), return_inverse=True)
    return draw.sample(np.array(slot, np.int32), category, weights, SlotSettings(**changes)).chosen.tolist()


def naive(slot: list[int], weight: list[float], cap: int, whole_from: int = 240, seed: int = 42) -> list[int]:
    """The course's loop: one legacy generator, seeded once, over lists."""
    np.random.seed(seed)
    chosen: list[int] = []
    for price in range(1, 1000):
        members = [number for number, one in enumerate(slot) if one == price]
        if price >= whole_from or len(members) <= cap:
            chosen += members
        else:
            weights = np.array([weight[number] for number in members])
            drawn = np.random.choice(len(members), size=cap, replace=False, p=weights / np.sum(weights))
            chosen += [members[number] for number in drawn]
    return chosen


@pytest.mark.parametrize(("size", "taken"), [(2, 2), (3, 3), (4, 3)])
def test_a_slot_around_its_cap(size: int, taken: int) -> None:
    chosen = sample([7] * size, cap=3)
    assert len(chosen) == len(set(chosen)) == taken
    if size <= 3:
        # whole, in source order
        assert chosen == list(range(size))
    else:
        assert chosen == naive([7] * size, [5.0] * size, cap=3)


@pytest.mark.parametrize(("slot", "whole"), [(239, False), (240, True), (241, True), (999, True), (1, False)])
def test_dear_slots_are_taken_whole(slot: int, whole: bool) -> None:
    chosen = sample([slot] * 9, cap=3)
    assert chosen == list(range(9)) if whole else len(chosen) == 3


def test_whole_from_1000_leaves_no_slot_whole() -> None:
    assert len(sample([999] * 9, cap=3, whole_from=1000)) == 3
    assert len(sample([1] * 9, cap=3, whole_from=1)) == 9


def test_only_slots_1_to_999_are_chosen() -> None:
    assert sample([0, 1, 999, 1000, -1, 5000], cap=3) == [1, 2]


def test_nothing_to_choose_from() -> None:
    assert sample([]) == []
    assert sample([0, 0]) == []


def test_slots_come_in_their_order_and_small_ones_in_source_order() -> None:
    assert sample([5, 3, 5, 3, 300, 240], cap=3) == [1, 3, 0, 2, 5, 4]


def test_available_counts_what_was_there() -> None:
    made = draw.sample(np.array([0, 1, 1, 999, 1000]), np.zeros(5, np.int64), np.ones(1), SlotSettings(cap=1))
    assert made.available.shape == (1000,)
    assert (made.available[1], made.available[999], made.available.sum()) == (2, 1, 3)


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 7, 238, 239, 240, 999]), st.sampled_from([1.0, 5.0])), max_size=80),
    st.integers(1, 12),
    st.sampled_from([0, 42, 2**32 - 1]),
)
@settings(max_examples=60)
def test_the_draw_is_numpys_legacy_one(rows: list[tuple[int, float]], cap: int, seed: int) -> None:
    slot, weight = [row[0] for row in rows], [row[1] for row in rows]
    assert sample(slot, weight, cap=cap, seed=seed) == naive(slot, weight, cap, seed=seed)


def test_the_draw_of_a_large_slot() -> None:
    dice = random.Random(1)
    slot = [dice.choice([10, 20, 30]) for _ in range(9_000)]
    weight = [dice.choice([1.0, 5.0]) for _ in slot]
    assert sample(slot, weight, cap=1200) == naive(slot, weight, cap=1200)


def test_weights_matter_only_as_shares() -> None:
    slot, weight = [4] * 50, [1.0, 5.0] * 25
    assert sample(slot, weight, cap=9) == sample(slot, [8 * one for one in weight], cap=9)


def test_the_heavier_are_taken_more_often() -> None:
    taken = [number for seed in range(60) for number in sample([4] * 40, [1.0, 5.0] * 20, cap=10, seed=seed)]
    heavy = sum(number % 2 for number in taken)
    assert 0.7 < heavy / len(taken) < 0.9


# -- prices and categories through `select`


def parts_of(tmp_path: Any, rows: list[tuple[float, str | None]], pieces: int = 1) -> list[Any]:
    """Items as the map step writes them, in so many parts."""
    frame = pl.DataFrame(
        {
            "shard": pl.Series([0] * len(rows), dtype=pl.UInt32),
            "row": pl.Series(range(len(rows)), dtype=pl.Int64),
            "slot": pl.Series([round(price) for price, _ in rows], dtype=pl.Int32),
            "category": pl.Series([category for _, category in rows], dtype=pl.String),
        }
    )
    paths = []
    for number in range(pieces):
        start, stop = len(rows) * number // pieces, len(rows) * (number + 1) // pieces
        paths.append(tmp_path / f"part-{number:05d}.parquet")
        frame[start:stop].with_columns(shard=pl.lit(number, pl.UInt32)).write_parquet(paths[-1])
    return paths


def test_the_edges_of_the_price_range(build_run: Any, raw_row: Any, write_rows: Any, tmp_path: Any) -> None:
    prices = ["0.50", "0.51", "1.49", "1.50", "2.50", "998.50", "999.49", "999.4901", "0.499"]
    source = write_rows(tmp_path / "rows.parquet", [raw_row(n, price=price) for n, price in enumerate(prices)])
    build_run(source, tmp_path / "run")
    fates = pl.read_parquet(tmp_path / "run" / "ledger" / "*.parquet")["fate"].to_list()
    assert fates == ["no_slot", *["train"] * 6, "price_out_of_range", "price_out_of_range"]
    items = pl.read_parquet(tmp_path / "run" / "items" / "*.parquet")
    assert items["slot"].to_list() == [0, 1, 1, 2, 2, 998, 999]
    answers = items["prompt"].str.extract(r"\$(\d+\.00)\z").to_list()
    assert answers == [f"{slot}.00" for slot in (0, 1, 1, 2, 2, 998, 999)]


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_select_agrees_with_the_row_at_a_time_code(oracle: Any, tmp_path: Any, seed: int, pieces: int) -> None:
    dice = random.Random(seed)
    categories = ["Automotive", "Tools", "automotive", "", None]
    # many halves, the ends of the range, and crowded slots
    rows = [
        (
            dice.choice([0.5, 1.49, 2.5, 999.49, 239.5, 240.5, dice.randrange(1, 40) / 2, dice.uniform(0.5, 999)]),
            dice.choice(categories),
        )
        for _ in range(600)
    ]
    sizes = {"cap": dice.randrange(1, 40), "train": dice.choice([50, 200, 900]), "test": dice.choice([5, 30])}
    recipe = load_recipe(
        "course-v1",
        {"slots.cap": sizes["cap"], "split.train": sizes["train"], "split.test": sizes["test"], "tokenizer": "x/y"},
    )
    made = select(parts_of(tmp_path, rows, pieces), recipe).items
    expected = oracle.select([oracle.Item("", price, category, "", 0) for price, category in rows], **sizes)
    assert made["fate"].cast(pl.String).to_list() == expected.fates
    assert made["position"].to_list() == expected.positions
    assert made["sampled"].to_list() == [position is not None for position in expected.positions]


@pytest.mark.parametrize("weights", [{}, {"Automotive": 1.0}, {"Tools": 0.001, "Toys": 1000.0}])
def test_select_weights_by_category(tmp_path: Any, weights: dict[str, float]) -> None:
    categories = [random.Random(3).choice(["Automotive", "Tools", "Toys", None]) for _ in range(200)]
    categories = [random.Random(n).choice(["Automotive", "Tools", "Toys", None]) for n in range(200)]
    recipe = load_recipe("course-v1", {"slots.weights": weights, "slots.cap": 20, "split.train": 20, "split.test": 1})
    made = select(parts_of(tmp_path, [(9.0, category) for category in categories]), recipe).items
    drawn = naive([9] * 200, [weights.get(str(category), 5.0) for category in categories], cap=20)
    assert made["sampled"].arg_true().to_list() == sorted(drawn)
