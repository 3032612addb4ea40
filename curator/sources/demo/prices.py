"""What a product of the demo catalogue costs, and how its price is written.

Prices are made on a ladder of half-percent steps: a product's words add up to a step, and every rung is
reached by repeated multiplication, so no logarithm or exponential can differ between machines. Amounts are
whole US cents.
"""

import math

import numpy as np
import polars as pl

from curator.kernels.types import Int64s
from curator.sources.demo.draws import Draws, below, pick

_RUNG = 1.005
_LADDER = np.cumprod(np.full(2600, _RUNG)) * 10  # cents: from 10 cents to more than 40,000 USD
_BOTTOM = math.log(0.10) / math.log(_RUNG)
_LEVEL = -128  # steps that bring the median near 20 USD
_SPREAD = 63  # steps; a standard deviation of about 0.3 in the logarithm

_ENDINGS = [99, 95, 0, 98, 49, 97, 89, 88, 59, 50]
_ENDING_SHARES = [0.43, 0.10, 0.11, 0.03, 0.03, 0.02, 0.02, 0.02, 0.02, 0.008]  # the rest is any amount
_HUNDREDS_SHARE = 0.45
_ODD_CENTS = [50, 149, 250, 850, 1050, 1250, 1150, 99949, 99950, 99900, 99849]
_ODD_SHARE = 0.004
_ANYWHERE_SHARE = 0.02  # closing-out stock and collectors' items: any price
_DEAR_SHARE = 0.005
_DEAREST = 799_999

_STATES = ["listed", "None", "0.0", "from", "—"]
_STATE_SHARES = [0.0, 0.44, 0.004, 0.0035, 0.0025]
LISTED, NO_PRICE, FROM = 0, 1, 3
"""Positions in the states of a price: listed, absent, and the lowest of several."""


def steps(factor: float) -> int:
    """Return the number of ladder steps of a factor."""
    return round(math.log(factor) / math.log(_RUNG))


def steps_of_price(dollars: float) -> int:
    """Return the ladder step of a price."""
    return round(math.log(dollars) / math.log(_RUNG) - _BOTTOM)


def list_price(draws: Draws, base: Int64s) -> Int64s:
    """Return prices in cents around the given ladder steps, with the endings that shops like."""
    count = len(base)
    bell = draws.units(count) + draws.units(count) + draws.units(count) - 1.5
    wild = np.where(draws.units(count) < 0.05, 3, 1)
    rung = base + _LEVEL + np.rint(bell * 2 * _SPREAD * wild).astype(np.int64)
    cents = _LADDER[np.clip(rung, 0, len(_LADDER) - 1)].astype(np.int64)

    place = draws.units(count)
    anywhere, dear = place < _ANYWHERE_SHARE, place > 1 - _DEAR_SHARE
    cents = np.where(anywhere, 100 + draws.below(count, 99_900), cents)
    cents = np.where(dear, 100_000 + draws.below(count, 900) * draws.below(count, 700), cents)
    cents = np.minimum(cents, _DEAREST)

    dollars = cents // 100
    hundred = (dollars + 50) // 100 * 100 - 1
    close = (dollars > 80) & (np.abs(dollars - hundred) * 14 < dollars)
    near = close & (draws.units(count) < _HUNDREDS_SHARE)
    dollars = np.where(near, np.maximum(hundred, 99), dollars)
    ending = pick(draws.units(count), _ENDING_SHARES)
    cents = dollars * 100 + np.append(_ENDINGS, 0)[ending]
    cents = np.where(ending == len(_ENDINGS), dollars * 100 + draws.below(count, 100), cents)
    odd = draws.units(count) < _ODD_SHARE
    cents = np.where(odd, np.array(_ODD_CENTS)[draws.below(count, len(_ODD_CENTS))], cents)
    return np.maximum(cents, 50)


def nearly(draws: Draws, cents: Int64s) -> Int64s:
    """Return a variant's price: often the same, else a few percent away with the same ending."""
    count = len(cents)
    dollars = cents // 100
    shift = below(draws.units(count), dollars // 15 + 2) - dollars // 30
    moved = np.maximum(dollars + shift, 0) * 100 + cents % 100
    return np.where(draws.units(count) < 0.55, cents, np.maximum(moved, 50))


def states(draws: Draws, count: int) -> Int64s:
    """Return how each price is given: LISTED, NO_PRICE, FROM or another position in the list of states."""
    shares = [1 - sum(_STATE_SHARES), *_STATE_SHARES[1:]]
    return pick(draws.units(count), shares)


def written(cents: Int64s, state: Int64s) -> pl.Series:
    """Return the price strings: as Python writes a float (`12.5`), or a quirk (`from 12.50`, `None`)."""
    frame = pl.DataFrame({"cents": cents, "state": state})
    whole = (pl.col("cents") // 100).cast(pl.String)
    decimals = (pl.col("cents") % 100).cast(pl.String).str.zfill(2)
    text = (
        pl.when(pl.col("state") == LISTED)
        .then(whole + "." + decimals.str.replace(r"(\d)0$", "${1}"))
        .when(pl.col("state") == FROM)
        .then("from " + whole + "." + decimals)
        .otherwise(pl.col("state").replace_strict(list(range(len(_STATES))), _STATES, return_dtype=pl.String))
    )
    return frame.select(text.alias("price")).to_series()
