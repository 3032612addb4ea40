"""One block of the demo catalogue: what every row is, which earlier row it repeats, and its texts."""

from functools import lru_cache

import numpy as np
import polars as pl

from curator.kernels.types import Floats, Int64s
from curator.sources.demo import prices
from curator.sources.demo.draws import Draws, asin_halves
from curator.sources.demo.pages import Pages, shop
from curator.sources.demo.products import KINDS, families, products
from curator.sources.demo.stock import STOCK

BLOCK_ROWS = 4096
"""Rows that are drawn together; each block has its own stream of random numbers."""

_NO_CATEGORY = 0.04
_TERSE = 0.14


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


def _ratings(unit: Floats) -> Int64s:
    """Return numbers of ratings: half below ten, a few in the tens of thousands."""
    rest = 1 - unit
    return np.minimum(3 / (rest * np.sqrt(rest)), 90_000).astype(np.int64)


def _asins(seed: int, index: Int64s) -> pl.Series:
    """Return `B0` and eight characters for each row number of the catalogue, all different."""
    left, right = asin_halves(seed, index)
    pair = 36 * 36
    parts = [left // pair, left % pair, right // pair, right % pair]
    table = STOCK.base36_pairs
    frame = pl.DataFrame({str(i): table.gather(pl.Series(part)) for i, part in enumerate(parts)})
    return frame.select(pl.concat_str(pl.lit("B0"), pl.all())).to_series()
