"""One block of the demo catalogue: what every row is, which earlier row it repeats, and its texts."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl

from curator.arrays import Floats, Ints, Words

from . import prices
from .draws import Draws, asin_halves, below, pick
from .pages import Pages, shop
from .stock import STOCK

BLOCK_ROWS = 4096
"""Rows that are drawn together; each block has its own stream of random numbers."""

_VARIANT_SHARE, _COPY_SHARE = 0.12, 0.02
_NO_CATEGORY = 0.04
_TERSE = 0.14
KINDS = ("original", "variant", "exact_duplicate")
"""How a row came about: as a product of its own, as a variant of one, as a copy of one."""


class Family(NamedTuple):
    """For each row of a block: the row its product was first listed in, and its position in KINDS."""

    root: Ints
    kind: Ints


def families(draws: Draws, count: int) -> Family:
    """Decide which rows repeat an earlier original of the block; the first row never does."""
    kind = pick(draws.units(count), [1 - _VARIANT_SHARE - _COPY_SHARE, _VARIANT_SHARE, _COPY_SHARE])
    kind[0] = 0
    originals = np.flatnonzero(kind == 0)
    earlier = np.searchsorted(originals, np.arange(count))  # how many originals come before a row
    chosen = originals[below(draws.units(count), np.maximum(earlier, 1))]
    return Family(np.where(kind == 0, np.arange(count), chosen), kind)


class Products(NamedTuple):
    """What the rows of a block sell; one array entry a row, numbers point into STOCK."""

    category: Ints
    noun: Ints
    brand: Ints
    material: Ints
    size: Ints
    grade: Ints
    colour: Ints
    pack: Ints
    model: Ints  # three numbers in one, see STOCK.model_words
    cents: Ints
    state: Ints
    keys: Words


def products(draws: Draws, family: Family) -> Products:
    """Draw the products; a repeated row takes everything from its root except what makes it a variant."""
    count, root = len(family.root), family.root
    category = draws.pick(count, STOCK.category_weights)
    noun = STOCK.noun.draw(draws.units(count), category)
    popularity = draws.units(count)
    brand = STOCK.brand.draw(popularity * np.sqrt(popularity), category)
    material = STOCK.material.draw(draws.units(count), category)
    size = STOCK.size.draw(draws.units(count), category)
    grade = draws.below(count, len(STOCK.grade_steps))
    grade[category == STOCK.books] = 0
    packed = (draws.units(count) < 0.24) & (category != STOCK.books)
    pack = np.where(packed, 1 + draws.below(count, len(STOCK.pack_steps) - 1), 0)
    colour = draws.below(count, len(STOCK.colours))
    model = draws.below(count, STOCK.models)
    base = (
        STOCK.noun.steps[noun]
        + STOCK.brand.steps[brand]
        + STOCK.material.steps[material]
        + STOCK.size.steps[size]
        + STOCK.grade_steps[grade]
        + STOCK.pack_steps[pack]
    )
    cents = prices.list_price(draws, base)[root]
    state = prices.states(draws, count)[root]
    keys = draws.words(count)[root]

    # A variant differs in its colour (a book in its binding), its part number or, less often, its pack.
    variant = family.kind == 1
    how = draws.units(count)
    other_colour = (colour[root] + 1 + draws.below(count, len(STOCK.colours) - 1)) % len(STOCK.colours)
    other_binding = STOCK.material.draw(draws.units(count), category[root])
    rebound = variant & (category[root] == STOCK.books) & (how < 0.75)
    other_pack = np.minimum(pack[root] + 1, len(STOCK.pack_steps) - 1)
    return Products(
        category=category[root],
        noun=noun[root],
        brand=brand[root],
        material=np.where(rebound, other_binding, material[root]),
        size=size[root],
        grade=grade[root],
        colour=np.where(variant & (how < 0.75), other_colour, colour[root]),
        pack=np.where(variant & (how > 0.92) & (pack[root] > 0), other_pack, pack[root]),
        model=np.where(variant, draws.below(count, STOCK.models), model[root]),
        cents=np.where(variant, prices.nearly(draws, cents), cents),
        state=state,
        keys=keys,
    )


@lru_cache(maxsize=2)
def block(seed: int, number: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows of one block and the truth about them."""
    draws = Draws(seed, number)
    first = number * BLOCK_ROWS
    index = first + np.arange(BLOCK_ROWS)
    family = families(draws, BLOCK_ROWS)
    goods = products(draws, family)
    root = family.root
    unpriced = goods.state == prices.NO_PRICE
    terse = (draws.units(BLOCK_ROWS) < _TERSE)[root]
    pages = Pages((seed, number), goods, root, variant=family.kind == 1, unpriced=unpriced, terse=terse)

    unnamed = (draws.units(BLOCK_ROWS) < _NO_CATEGORY)[root]
    category = pl.Series(STOCK.category_names, dtype=pl.String).gather(pl.Series(goods.category))
    stars = _stars(draws.units(BLOCK_ROWS))[root]
    ratings = _ratings(draws.units(BLOCK_ROWS))[root]
    rows = pl.DataFrame(
        {
            "main_category": category.set(pl.Series(unnamed), None),
            "title": pages.title(),
            "average_rating": stars,
            "rating_number": ratings,
            "features": pages.features(),
            "description": pages.description(),
            "price": prices.written(goods.cents, goods.state),
            "store": shop(goods, (draws.units(BLOCK_ROWS) < 0.02)[root]),
            "categories": pages.categories(),
            "details": pages.details(),
            "parent_asin": _asins(seed, index),
        }
    )
    truth = pl.DataFrame(
        {
            "row": index,
            "family": first + root,
            "kind": pl.Series(KINDS, dtype=pl.String).gather(pl.Series(family.kind)),
            "price_leak": pages.price_leak,
            "boilerplate": pages.shop_text >= 0,
        }
    )
    return rows, truth


def _stars(unit: Floats) -> Floats:
    """Return average ratings from 1.0 to 5.0, most of them above 4."""
    return (50 - (unit * unit * 40).astype(np.int64)) / 10


def _ratings(unit: Floats) -> Ints:
    """Return numbers of ratings: half below ten, a few in the tens of thousands."""
    rest = 1 - unit
    return np.minimum(3 / (rest * np.sqrt(rest)), 90_000).astype(np.int64)


def _asins(seed: int, index: Ints) -> pl.Series:
    """Return `B0` and eight characters for each row number of the catalogue, all different."""
    left, right = asin_halves(seed, index)
    pair = 36 * 36
    parts = [left // pair, left % pair, right // pair, right % pair]
    table = STOCK.base36_pairs
    frame = pl.DataFrame({str(i): table.gather(pl.Series(part)) for i, part in enumerate(parts)})
    return frame.select(pl.concat_str(pl.lit("B0"), pl.all())).to_series()
