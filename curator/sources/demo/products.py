"""What the rows of a block of the demo catalogue sell, and which repeat an earlier one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curator.kernels.types import Int64s, UInt64s
from curator.sources.demo import prices
from curator.sources.demo.draws import Draws, below, pick
from curator.sources.demo.stock import STOCK

_VARIANT_SHARE, _COPY_SHARE = 0.12, 0.02

KINDS = ("original", "variant", "exact_duplicate")
"""How a row came about: as a product of its own, as a variant of one, as a copy of one."""


class Family(NamedTuple):
    """For each row of a block: the row its product was first listed in, and its position in KINDS."""

    root: Int64s
    kind: Int64s


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

    category: Int64s
    noun: Int64s
    brand: Int64s
    material: Int64s
    size: Int64s
    grade: Int64s
    colour: Int64s
    pack: Int64s
    model: Int64s  # three numbers in one, see STOCK.model_words
    cents: Int64s
    state: Int64s
    keys: UInt64s


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
