"""The vocabulary of the demo catalogue in numbers: pools, price steps and the lexicon, built at import."""

import string
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from curator.kernels.types import Floats, Int64s
from curator.sources.demo.draws import below
from curator.sources.demo.prices import steps, steps_of_price
from curator.sources.demo.render import Lexicon, title_case
from curator.sources.demo.words import COLORS, GRADES, PACKS, POOLS, SHELVES, authors, brands, split, weighted

_BRANDS, _AUTHORS = 40, 120  # for a category
# Budget, usual, premium and luxury; every category has each of them among its popular brands.
_TIERS = [1.0, 0.7, 1.0, 1.75, 0.7, 1.0, 0.75, 1.3, 0.9, 2.6]
_PACK_POWER = 0.45  # ten times the count is not quite three times the price
_LETTERS = "BCDFGHJKLMNPRSTVWXZ"


class Ranged(NamedTuple):
    """A list parted by category: each entry's lexicon number and price step, each category's range."""

    words: Int64s
    steps: Int64s
    start: Int64s
    size: Int64s

    def draw(self, unit: Floats, category: Int64s) -> Int64s:
        """Turn numbers in [0, 1) into positions in the category's part of the list."""
        return self.start[category] + below(unit, self.size[category])


def _plural(noun: str) -> str:
    """Return the name of the shelf that holds a noun: its plural in title case."""
    if noun.endswith(("s", "pair")):
        return title_case(noun)
    if noun.endswith(("sh", "ch", "x")):
        return title_case(noun + "es")
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return title_case(noun[:-1] + "ies")
    return title_case(noun + "s")


class Stock:
    """Everything that does not depend on the seed."""

    def __init__(self) -> None:
        self.category_names = [category.name for category in SHELVES]
        self.category_weights = [category.weight for category in SHELVES]
        self.groups = [category.group for category in SHELVES]
        self.books = self.groups.index("book")
        self.lexicon = Lexicon(_pools(), len(SHELVES))

        nouns = [
            [(shelf, noun, price) for shelf, listed in category.shelves.items() for noun, price in weighted(listed)]
            for category in SHELVES
        ]
        priced = [[(noun, steps_of_price(price)) for _, noun, price in part] for part in nouns]
        self.noun = self._ranged(priced)
        self.shelf_words = self.lexicon.words([shelf for part in nouns for shelf, _, _ in part])
        self.leaf_words = self.lexicon.words([_plural(noun) for part in nouns for _, noun, _ in part])
        self.top_words = self.lexicon.words([category.top for category in SHELVES])
        self.material = self._ranged([_stepped(category.materials) for category in SHELVES])
        self.size = self._ranged([_stepped(category.sizes) for category in SHELVES])
        self.brand = self._ranged(_brand_steps())

        self.colours = self.lexicon.words(COLORS)
        self.grade_words = self.lexicon.words([word for word, _ in GRADES])
        self.grade_steps = np.array([steps(factor) for _, factor in GRADES])
        self.pack_steps = np.array([0] + [round(steps(count) * _PACK_POWER) for count in PACKS])
        styles = [" (Pack of {})", ", {} Pack", ", {} Count", " - Set of {}"]
        labels = [""] * len(styles) + [style.format(count) for count in PACKS for style in styles]
        self.pack_words = self.lexicon.words(labels).reshape(-1, len(styles))
        self.count_words = self.lexicon.words(["1", *map(str, PACKS)])

        # A model number is two or three letters, four figures and perhaps a suffix.
        self._heads = self.lexicon.words(_model_heads())
        self._middles = self.lexicon.words([str(number) for number in range(1000, 10_000)])
        self._tails = self.lexicon.words(["", "", "", "A", "B", "-2", "/X", "-BK", "W", "-EU"])
        self.models = len(self._heads) * len(self._middles) * len(self._tails)
        self.dollar_words = self.lexicon.words([str(number) for number in range(10_000)])
        self.cent_words = self.lexicon.words([f"{number:02}" for number in range(100)])

        signs = string.digits + string.ascii_uppercase
        self.base36_pairs = pl.Series([a + b for a in signs for b in signs], dtype=pl.String)

    def model_words(self, model: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """Return the lexicon's numbers of the head, the figures and the tail of model numbers."""
        model, tail = np.divmod(model, len(self._tails))
        head, middle = np.divmod(model, len(self._middles))
        return self._heads[head], self._middles[middle], self._tails[tail]

    def _ranged(self, lists: list[list[tuple[str, int]]]) -> Ranged:
        sizes = np.array([len(part) for part in lists])
        flat = [pair for part in lists for pair in part]
        return Ranged(
            words=self.lexicon.words([word for word, _ in flat]),
            steps=np.array([step for _, step in flat]),
            start=np.cumsum(sizes) - sizes,
            size=sizes,
        )


def _stepped(text: str) -> list[tuple[str, int]]:
    return [(word, steps(factor)) for word, factor in weighted(text)]


def _brand_steps() -> list[list[tuple[str, int]]]:
    """Return each category's brands with the price steps of their tiers, spread a little within a tier."""
    made = iter(brands(_BRANDS * sum(category.group != "book" for category in SHELVES)))
    lists = []
    for category in SHELVES:
        names = authors(_AUTHORS) if category.group == "book" else [next(made) for _ in range(_BRANDS)]
        spread = 0.3 if category.group == "book" else 1.0  # an author's name says less about the price
        factors = [_TIERS[i % 10] * (0.92 + 0.02 * (i * 7 % 9)) for i in range(len(names))]
        lists.append([(name, round(spread * steps(f))) for name, f in zip(names, factors, strict=True)])
    return lists


def _model_heads() -> list[str]:
    """Return starts of model numbers such as `KX-` or `TRM`."""
    count = len(_LETTERS)
    pairs = [_LETTERS[i % count] + _LETTERS[i * 7 // count % count] for i in range(120)]
    ends = [("-", _LETTERS[i * 5 % count], "")[i % 3] for i in range(120)]
    return [pair + end for pair, end in zip(pairs, ends, strict=True)]


def _pools() -> dict[str, list[Sequence[str]]]:
    """Return the pools of the lexicon: shared ones, those of each category, and numbers."""
    pools: dict[str, list[Sequence[str]]] = {name: [phrases] for name, phrases in POOLS.items()}
    pools["use"] = [split(category.uses) for category in SHELVES]
    pools["part"] = [split(category.parts) for category in SHELVES]
    pools["n"] = [[str(number) for number in range(2, 61)]]
    pools["i999"] = [[str(number) for number in range(1, 1000)]]
    pools["day"] = [[str(number) for number in range(1, 29)]]
    pools["year"] = [[f"{number:02}" for number in range(6, 24)]]
    pools["dim"] = [[str(number / 10) for number in range(3, 300)]]
    pools["star"] = [[str(number / 10) for number in range(28, 51)]]
    for width in (2, 3, 4):
        pools[f"z{width}"] = [[f"{number:0{width}}" for number in range(10**width)]]
    return pools


STOCK = Stock()
"""The shelves and words as arrays, made once."""
