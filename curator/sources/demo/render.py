"""Templates and words to texts, for a whole block of rows at once.

A template is a run of pieces: literal text, or a slot. Every piece of every row is one number in a lexicon,
so making texts means building one long array of numbers, looking them all up, joining them into a single
string and cutting that at the marks that end a row. No Python code runs once a row.

Slots are of two kinds. Product slots (`brand`, `noun`, `mat`, ...) have one word for a row, given to
`render`; pool slots (`adj`, `use`, `n`, ...) are drawn anew at each place. A capital (`{Noun}`) asks for
title case, all capitals (`{HEAD}`) for upper case; a slot that opens a sentence gets its first letter
capitalised. `{adj1}` and `{adj2}` draw from the first and the second half of a pool.
"""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from string import Formatter

import numpy as np
import polars as pl

from curator.kernels.types import Int64s, UInt64s
from curator.sources.demo.draws import below, mix, units

ROW_END = "\x1e"
"""What ends a row's texts while they are rendered in one piece."""
ITEM_END = "\x1f"
"""What ends one item of a row's list."""

MACROS = {
    "model": "{ma}{mb}{mc}",
    "model2": "{ma}{z4}",
    "amount": "{dollars}.{cents}",
    "rank": "{i999}{z3}",
}
"""Slots that stand for a run of other slots."""
PRODUCT_SLOTS = "brand noun leaf shelf top mat colour size grade pack count ma mb mc dollars cents".split()
"""Slots that have one value for a whole product."""
_SMALL_WORDS = frozenset("a and at by for from in of on or the to with x ft oz".split())


def title_case(text: str) -> str:
    """Return `text` in title case, small words left alone."""
    words = text.split(" ")
    return " ".join(w if i and w in _SMALL_WORDS else w[:1].upper() + w[1:] for i, w in enumerate(words))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


_STYLES: tuple[Callable[[str], str], ...] = (str, title_case, _capital, str.upper)
_PLAIN, _TITLE, _CAPITAL, _UPPER = range(4)


class Lexicon:
    """All pieces of text by number, and the templates made of them.

    Fill it with `words` and `template`; the first `render` closes it.
    """

    def __init__(self, pools: dict[str, list[Sequence[str]]], categories: int) -> None:
        """Take the pools: a name's list holds one sequence of phrases, or one for each category."""
        self._ids: dict[str, int] = {}
        self._pools: dict[str, list[Int64s]] = {}
        for name, lists in pools.items():
            numbers = [self.words(phrases) for phrases in lists]
            self._pools[name] = numbers * (categories if len(numbers) == 1 else 1)
        self._slots: dict[tuple[str, int], int] = {}
        self._templates: dict[tuple[str, bool], int] = {}
        self._codes: list[list[int]] = []

    def words(self, phrases: Sequence[str]) -> Int64s:
        """Return the numbers of phrases, new ones added."""
        return np.array([self._ids.setdefault(text, len(self._ids)) for text in phrases], dtype=np.int64)

    def template(self, text: str, *, sentence: bool = False) -> int:
        """Return the number of a template; as a sentence, its first letter is capitalised."""
        key = (text, sentence)
        if key not in self._templates:
            self._templates[key] = len(self._codes)
            self._codes.append(self._compile(text, sentence))
        return self._templates[key]

    def templates(self, texts: Sequence[str], *, sentence: bool = False) -> Int64s:
        """Return the numbers of several templates."""
        return np.array([self.template(text, sentence=sentence) for text in texts], dtype=np.int64)

    def _compile(self, text: str, sentence: bool) -> list[int]:
        """Return the codes of a template: a literal's number, or -1 minus the slot's number."""
        for name, pieces in MACROS.items():
            text = text.replace("{" + name + "}", pieces)
        codes: list[int] = []
        for literal, field, _, _ in Formatter().parse(text):
            if literal:
                codes.append(int(self.words([literal])[0]))
            if field is not None:
                opens = sentence and not codes
                codes.append(-1 - self._slot(field, opens))
        return codes

    def _slot(self, field: str, opens: bool) -> int:
        name, style = field, _PLAIN
        if field.isupper():
            name, style = field.lower(), _UPPER
        elif field[0].isupper():
            name, style = field.lower(), _TITLE
        elif opens:
            style = _CAPITAL
        if name not in PRODUCT_SLOTS and name not in self._pools:
            self._halve(name)
        return self._slots.setdefault((name, style), len(self._slots))

    def _halve(self, name: str) -> None:
        """Add the half of a pool that `adj1` or `adj2` means; raise KeyError for an unknown name."""
        whole = self._pools[name[:-1]]
        first = name[-1] == "1"
        self._pools[name] = [ids[: len(ids) // 2] if first else ids[len(ids) // 2 :] for ids in whole]

    @cached_property
    def _table(self) -> pl.Series:
        """Every piece in every style, then the same escaped as inside a JSON string."""
        styled = [style(text) for style in _STYLES for text in self._ids]
        return pl.Series(styled + [_json(text) for text in styled], dtype=pl.String)

    @cached_property
    def _flat(self) -> tuple[Int64s, Int64s, Int64s]:
        """All codes end to end, with each template's start and length."""
        lengths = np.array([len(codes) for codes in self._codes], dtype=np.int64)
        flat = np.array([code for codes in self._codes for code in codes], dtype=np.int64)
        return flat, np.cumsum(lengths) - lengths, lengths

    @cached_property
    def _slot_table(self) -> tuple[Int64s, Int64s, Int64s, Int64s, Int64s]:
        """For each slot: product slot or -1, style offset, start and size of its pool by category; pools."""
        names = list(self._slots)
        product = [PRODUCT_SLOTS.index(name) if name in PRODUCT_SLOTS else -1 for name, _ in names]
        offset = [style * len(self._ids) for _, style in names]
        starts: dict[str, list[int]] = {}
        flat: list[Int64s] = []
        filled = 0
        for name, lists in self._pools.items():
            starts[name] = []
            for ids in lists:
                starts[name].append(filled)
                flat.append(ids)
                filled += len(ids)
        none = [0] * len(next(iter(self._pools.values())))
        start = [starts.get(name, none) for name, _ in names]
        size = [[len(ids) for ids in self._pools[name]] if name in self._pools else none for name, _ in names]
        return (np.array(product), np.array(offset), np.array(start), np.array(size), np.concatenate(flat))

    def lookup(self, ids: Int64s) -> pl.Series:
        """Return the phrases with these numbers."""
        return self._table.gather(pl.Series(ids))

    def render(
        self,
        rows: Int64s,
        templates: Int64s,
        *,
        keys: UInt64s,
        category: Int64s,
        product: Int64s,
        escaped: bool = False,
    ) -> pl.Series:
        """Return one string a row: its templates filled in and joined.

        Args:
            rows: for each template, the row it belongs to; sorted, and every row has at least one.
            templates: numbers from `template`.
            keys: one random number a row, from which the pool slots are drawn.
            category: the number of each row's category.
            product: a word's number for each of PRODUCT_SLOTS (first axis) and each row (second).
            escaped: whether slots are written as inside a JSON string; literals never change.
        """
        rows, templates = self._with_ends(rows, templates)
        flat, start, lengths = self._flat
        length = lengths[templates]
        ends = np.cumsum(length)
        piece = np.arange(ends[-1])
        codes = flat[piece + np.repeat(start[templates] - (ends - length), length)]
        owner = np.repeat(rows, length)

        slotted = np.flatnonzero(codes < 0)
        slot, row = -1 - codes[slotted], owner[slotted]
        kind, offset, pool_start, pool_size, pool_ids = self._slot_table
        one = kind[slot]
        ids = product[one, row]  # of the pool slots this is rubbish, replaced below
        pooled = np.flatnonzero(one < 0)
        slot_p, row_p = slot[pooled], row[pooled]
        first = np.searchsorted(owner, np.arange(len(keys)))
        step = slotted[pooled] - first[row_p]
        place = category[row_p]
        chance = units(mix(keys[row_p], step + 1))
        ids[pooled] = pool_ids[pool_start[slot_p, place] + below(chance, pool_size[slot_p, place])]
        codes[slotted] = ids + offset[slot] + (len(_STYLES) * len(self._ids) if escaped else 0)
        whole = self._table.gather(pl.Series(codes)).str.join("")
        return whole.str.split(ROW_END).explode().head(len(keys))

    def _with_ends(self, rows: Int64s, templates: Int64s) -> tuple[Int64s, Int64s]:
        """Put the row mark after the last template of each row."""
        last = np.flatnonzero(np.append(rows[1:] != rows[:-1], True)) + 1
        end = self.template(ROW_END)
        return np.insert(rows, last, rows[last - 1]), np.insert(templates, last, end)


def weave(*strands: tuple[Int64s, Int64s, Int64s]) -> tuple[Int64s, Int64s]:
    """Merge strands of (row, order below 2**20, template) into rows and templates sorted by row and order."""
    rows, orders, templates = (np.concatenate(parts) for parts in zip(*strands, strict=True))
    sequence = np.argsort(rows * (1 << 20) + orders, kind="stable")
    return rows[sequence], templates[sequence]


def as_items(texts: pl.Series) -> pl.Series:
    """Cut texts whose items all end with ITEM_END into lists; an empty text becomes an empty list."""
    items = pl.col("text").str.split(ITEM_END)
    return texts.alias("text").to_frame().select(items.list.head(items.list.len() - 1)).to_series()
