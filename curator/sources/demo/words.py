"""What the demo catalogue is put together from, as its TOML files have it: words, shelves and sentences."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("curator").joinpath("sources", "demo", name).read_text("utf-8"))


def split(text: str) -> list[str]:
    """Return the phrases of a semicolon-parted list."""
    return [phrase.strip() for phrase in text.split(";")]


def weighted(text: str) -> list[tuple[str, float]]:
    """Return the (phrase, number) pairs of a list such as `"linen:1.2; viscose:0.9"`."""
    pairs = (phrase.rpartition(":") for phrase in split(text))
    return [(name, float(number)) for name, _, number in pairs]


@dataclass(frozen=True)
class Category:
    """A category of the catalogue.

    Attributes:
        name: Its `main_category`.
        top: The first of its `categories`.
        group: Which sentences, titles and details suit it: ``goods``, ``powered``, ``wear``, ``care`` or ``book``.
        weight: Relative number of rows.
        shelves: The second level of `categories`, and the nouns on it with their usual price (USD).
        materials: Materials with their factor on the price.
        sizes: Sizes with their factor on the price.
        uses: What the goods are used for.
        parts: What they have.
    """

    name: str
    top: str
    group: str
    weight: float
    shelves: dict[str, str]
    materials: str
    sizes: str
    uses: str
    parts: str


_WORDS, _TEMPLATES = _read("words.toml"), _read("sentences.toml")

QUIRKS = _read("quirks.toml")
"""What makes real listings awkward; the file says what is in it."""

SHELVES = tuple(Category(**category) for category in _read("shelves.toml")["category"])
"""The categories of the catalogue, with what each sells."""

POOLS = {slot: split(text) for slot, text in _WORDS["pools"].items()}
"""Words by slot."""

COLORS = split(_WORDS["colors"])
"""Colours of variants."""

GRADES = [(word, factor) for word, factor in _WORDS["grades"]]
"""How a word in the title moves the price: (word, factor)."""

PACKS: list[int] = _WORDS["packs"]
"""Items in a pack."""

_SENTENCES = {name: text.splitlines() for name, text in _TEMPLATES["sentences"].items()}
_TITLES = {group: text.splitlines() for group, text in _TEMPLATES["titles"].items()}

SENTENCES: dict[str, list[str]] = {
    "goods": _SENTENCES["any_goods"],
    **{group: _SENTENCES["any_goods"] + _SENTENCES[group] for group in ("powered", "wear", "care")},
    "book": _SENTENCES["book"],
}
"""The sentences of each group of categories."""

TITLES: dict[str, list[str]] = {group: _TITLES.get(group, _TITLES["goods"]) for group in SENTENCES}
"""The forms of titles of each group of categories."""

SHOP_TEXTS = [" ".join(paragraph.split()) for paragraph in _TEMPLATES["shop"]["texts"].split("\n\n")]
"""Shop paragraphs that some sellers paste into every listing, whatever it sells."""


def brands(count: int) -> list[str]:
    """Return `count` different invented brand names."""
    starts, ends, tails = split(_WORDS["brands"]["starts"]), split(_WORDS["brands"]["ends"]), _WORDS["brands"]["tails"]
    names: dict[str, None] = {}
    step = 0
    while len(names) < count:
        name = starts[step * 7 % len(starts)] + ends[(step * 11 + step // 44) % len(ends)]
        names[name + tails[step * 5 % len(tails)]] = None
        step += 1
    return list(names)


def authors(count: int) -> list[str]:
    """Return `count` different invented author names (at most 165)."""
    first, last = split(_WORDS["authors"]["first"]), split(_WORDS["authors"]["last"])
    return [f"{first[i % len(first)]} {last[i % len(last)]}" for i in range(count)]
