"""The texts of a block: which templates each row's title, features, description and details are made of.

Everything drawn here is drawn for all rows and then taken from each row's root, so repeated rows repeat the
text. Each column draws from a stream of its own, so the order in which they are made does not matter.
"""

from collections.abc import Callable
from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from curator.kernels.types import Flags, Floats, Int64s
from curator.sources.demo import prices
from curator.sources.demo.draws import Draws, below, mix, pick
from curator.sources.demo.render import ITEM_END, as_items, weave
from curator.sources.demo.stock import STOCK
from curator.sources.demo.words import QUIRKS, SENTENCES, SHOP_TEXTS, TITLES

if TYPE_CHECKING:
    from curator.sources.demo.products import Products

_LEX = STOCK.lexicon

# Titles and sentences of each category, end to end, with starts and lengths.
_title_lists = [_LEX.templates(TITLES[group]) for group in STOCK.groups]
_sentence_lists = [_LEX.templates(SENTENCES[group], sentence=True) for group in STOCK.groups]
_TITLES, _SENTENCES = np.concatenate(_title_lists), np.concatenate(_sentence_lists)
_TITLE_SIZE = np.array([len(part) for part in _title_lists])
_SENTENCE_SIZE = np.array([len(part) for part in _sentence_lists])
_TITLE_START, _SENTENCE_START = (np.cumsum(size) - size for size in (_TITLE_SIZE, _SENTENCE_SIZE))
# Strides that share no divisor with a category's number of sentences: walking by one meets each just once.
_sizes: list[int] = _SENTENCE_SIZE.tolist()
_stride_lists = [[step for step in range(1, size) if gcd(step, size) == 1] for size in _sizes]
_STRIDES = np.array([(strides * 60)[:60] for strides in _stride_lists])

# What tells a variant from its root must be in its title; titles that lack it get one of these at their end.
_all_titles = [text for listed in TITLES.values() for text in listed]
_SHOWS_MODEL = _LEX.templates([text for text in _all_titles if "{model}" in text])
_SHOWS_BINDING = _LEX.templates([text for text in TITLES["book"] if "{Mat}" in text])
_SHOWS_COLOUR = _LEX.templates([text for text in _all_titles if "{colour}" in text])
_SUFFIX, _BOOK_SUFFIX, _NOTHING = _LEX.templates([" ({model})", ", {Mat} {model}", ""])

_END = _LEX.template(ITEM_END)
_HEADS = _LEX.templates(["", "{Head}: ", "{HEAD} - ", "【{Head}】", "★ {Head}: ", "✔ {HEAD}: ", "• ", "{Head} – "])
_HEAD_SHARES = [0.50, 0.25, 0.10, 0.03, 0.015, 0.015, 0.02, 0.07]
_GAPS = _LEX.templates([" ", "  ", "\u00a0 ", "<br>", " \n", "\u3000"])
_GAP_SHARES = [0.82, 0.04, 0.125, 0.004, 0.009, 0.002]
_SHOP = _LEX.templates(SHOP_TEXTS)
_MONEY = QUIRKS["money"]
_MONEY_TEXTS = _LEX.templates([*_MONEY["texts"], _MONEY["rare"]], sentence=True)

_FEATURE_COUNTS = np.array([2, 3, 4, 5, 5, 5, 5, 6, 7, 8])
_SENTENCE_COUNTS = np.array([2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 12])
_LONG = [(1 / 8000, 1150), (1 / 2500, 230), (1 / 300, 45)]  # share of rows, sentences of about 90 characters

_LEVELS = ["", "{top}\x1f", "{top}\x1f{shelf}\x1f", "{top}\x1f{shelf}\x1f{leaf}\x1f"]
_LEVEL_TEMPLATES = _LEX.templates(_LEVELS)
_LEVEL_SHARES = [0.06, 0.02, 0.20, 0.72]


def _quirk_table(entries: list[dict[str, Any]]) -> tuple[list[float], Int64s]:
    """Return the share and the number of every template; the one past the end means no quirk."""
    shares = [entry["rate"] / len(entry["texts"]) for entry in entries for _ in entry["texts"]]
    return shares, _LEX.templates([text for entry in entries for text in entry["texts"]])


_TITLE_QUIRK_SHARES, _TITLE_QUIRKS = _quirk_table(QUIRKS["titles"])
_TEXT_QUIRK_SHARES, _TEXT_QUIRKS = _quirk_table(QUIRKS["texts"])


class _DetailTable:
    """The members of details: for each category the interval of a key's random number that takes a member."""

    def __init__(self) -> None:
        members = sorted({(place, text) for listed in QUIRKS["details"].values() for _, place, text in listed})
        self.first = _LEX.templates(["{{" + text for _, text in members])
        self.later = _LEX.templates([", " + text for _, text in members])
        self.place = np.array([place for place, _ in members])
        keys = [text.split('": ')[0] for _, text in members]
        names = list(dict.fromkeys(keys))
        self.keys = len(names)
        self.key = np.array([names.index(key) for key in keys])
        self.low = np.zeros((len(STOCK.groups), len(members)))
        self.high = np.zeros_like(self.low)
        for number, group in enumerate(STOCK.groups):
            parts = ["any", group] if group == "book" else ["any", group, "made"]
            filled = dict.fromkeys(names, 0.0)
            for share, place, text in (entry for part in parts for entry in QUIRKS["details"][part]):
                column, name = members.index((place, text)), text.split('": ')[0]
                self.low[number, column] = filled[name]
                filled[name] += share
                self.high[number, column] = filled[name]


_DETAILS = _DetailTable()
_DETAILS_EMPTY, _DETAILS_CLOSE = _LEX.templates(["{{}}", "}}"])


class Pages:
    """The texts of one block; each method makes one column.

    Attributes:
        price_leak: whether the row's text states the row's own price.
        shop_text: which shop paragraph stands in the description, or -1.
    """

    def __init__(
        self,
        place: tuple[int, int],
        goods: "Products",
        root: Int64s,
        *,
        variant: Flags,
        unpriced: Flags,
        terse: Flags,
    ) -> None:
        """Draw what the texts have in common.

        Args:
            place: the seed and the number of the block.
            goods: what the rows sell.
            root: the row in the block that each row repeats, or itself.
            variant: rows that differ from their root a little.
            unpriced: rows without a price, which mostly have no description.
            terse: rows with little text of any kind.
        """
        self._place, self._goods, self._root, self._count = place, goods, root, len(root)
        self._variant, self._terse = variant, terse
        unit = self._stream(1)
        has_description = unit() >= np.where(unpriced, 0.80, 0.14)
        has_features = unit() >= np.where(unpriced, 0.25, 0.09)

        full = np.where(terse, 1, _FEATURE_COUNTS[below(unit(), len(_FEATURE_COUNTS))])
        self._features = np.where(has_features, full, 0)
        full = np.where(terse, 1, _SENTENCE_COUNTS[below(unit(), len(_SENTENCE_COUNTS))])
        longer = pick(unit(), [share for share, _ in _LONG])
        long = np.append([sentences for _, sentences in _LONG], 0)[longer]
        self._sentences = np.where(has_description, np.maximum(full, long), 0)

        # Some lists are null. Nothing that the truth tells of may be planted in one of those.
        self._no_features, self._no_description = unit() < 0.001, unit() < 0.001
        category = goods.category
        self._walk = below(unit(), _SENTENCE_SIZE[category])
        self._stride = _STRIDES[category, below(unit(), 60)]
        self._quirk = pick(unit(), _TEXT_QUIRK_SHARES)
        in_features = (unit() < 0.5) | ~has_description
        self._quirk_in_features = in_features

        # A part of the amounts is the row's own price, which a variant states as its own, too.
        money = (unit() < _MONEY["rate"]) & ~np.where(in_features, self._no_features, self._no_description)
        usual = len(_MONEY["texts"])
        kind = below(unit(), usual)
        kind[unit() < _MONEY["rare_share"]] = usual
        self._money = np.where(money, _MONEY_TEXTS[kind], -1)
        own = (unit() < _MONEY["own_share"]) & (goods.state == prices.LISTED) & (kind != _MONEY["saved"])
        other = (1 + below(unit(), 120)) * 100 - below(unit(), 2)
        self._amount = np.where(own, goods.cents, other)
        self.price_leak = money & (self._amount == goods.cents) & (goods.state == prices.LISTED)

        local_brand = goods.brand - STOCK.brand.start[category]
        sells = (local_brand % 9 == 2) & (category != STOCK.books) & (unit() < 0.95)
        sells &= has_description & ~self._no_description
        self.shop_text = np.where(sells, (local_brand + category) % len(_SHOP), -1)
        self._shop_first = unit() < 0.3
        self._product = self._product_words(below(unit(), STOCK.pack_words.shape[1]))

    def _stream(self, stream: int) -> Callable[[], Floats]:
        """Return a function that draws one number in [0, 1) a row, the same for all rows of a family."""
        draws = Draws(*self._place, stream)
        return lambda: draws.units(self._count)[self._root]

    def _product_words(self, style: Int64s) -> Int64s:
        """Return the lexicon's numbers for PRODUCT_SLOTS, in order; `style` is how packs are labelled."""
        goods = self._goods
        return np.stack(
            [
                STOCK.brand.words[goods.brand],
                STOCK.noun.words[goods.noun],
                STOCK.leaf_words[goods.noun],
                STOCK.shelf_words[goods.noun],
                STOCK.top_words[goods.category],
                STOCK.material.words[goods.material],
                STOCK.colours[goods.colour],
                STOCK.size.words[goods.size],
                STOCK.grade_words[goods.grade],
                STOCK.pack_words[goods.pack, style],
                STOCK.count_words[goods.pack],
                *STOCK.model_words(goods.model),
                STOCK.dollar_words[self._amount // 100],
                STOCK.cent_words[self._amount % 100],
            ]
        )

    def _render(self, rows: Int64s, templates: Int64s, field: int, *, escaped: bool = False) -> pl.Series:
        keys = mix(self._goods.keys, np.full(self._count, 1000 + field))
        return _LEX.render(
            rows, templates, keys=keys, category=self._goods.category, product=self._product, escaped=escaped
        )

    def _sentence(self, rows: Int64s, step: Int64s) -> Int64s:
        """Return the step-th sentence of each row's walk through the sentences of its category."""
        category = self._goods.category[rows]
        place = (self._walk[rows] + step * self._stride[rows]) % _SENTENCE_SIZE[category]
        chosen: Int64s = _SENTENCES[_SENTENCE_START[category] + place]
        return chosen

    def title(self) -> pl.Series:
        """Return the titles; a few are empty, null or hostile."""
        unit, category = self._stream(2), self._goods.category
        usual = _TITLES[_TITLE_START[category] + below(unit(), _TITLE_SIZE[category])]
        quirk = pick(unit(), _TITLE_QUIRK_SHARES)
        template = np.where(quirk < len(_TITLE_QUIRKS), np.append(_TITLE_QUIRKS, 0)[quirk], usual)
        other_colour = self._goods.colour != self._goods.colour[self._root]
        other_material = self._goods.material != self._goods.material[self._root]  # a book's binding
        told = np.isin(template, _SHOWS_MODEL) | (other_colour & np.isin(template, _SHOWS_COLOUR))
        told |= other_material & np.isin(template, _SHOWS_BINDING)
        suffix = np.where(category == STOCK.books, _BOOK_SUFFIX, _SUFFIX)
        suffix = np.where(self._variant & ~told, suffix, _NOTHING)
        every = np.arange(self._count)
        texts = self._render(*weave(_strand(every, 0, template), _strand(every, 1, suffix)), 2)
        return texts.set(pl.Series((unit() < 0.0006) & ~self._variant), None)

    def features(self) -> pl.Series:
        """Return the bullets; a few lists are null."""
        rows = np.repeat(np.arange(self._count), self._features)
        step = _ordinal(self._features)
        head = _HEADS[pick(self._stream(3)(), _HEAD_SHARES)]
        quirk_rows = np.flatnonzero((self._quirk < len(_TEXT_QUIRKS)) & self._quirk_in_features)
        money_rows = np.flatnonzero((self._money >= 0) & self._quirk_in_features)
        rows, templates = weave(
            _strand(rows, step * 4 + 4, head[rows]),
            _strand(rows, step * 4 + 5, self._sentence(rows, step)),
            _strand(rows, step * 4 + 6, _END),
            _strand(quirk_rows, 7, _TEXT_QUIRKS[self._quirk[quirk_rows]]),  # second, or the only one
            _strand(quirk_rows, 7, _END),
            _strand(money_rows, 1000, self._money[money_rows]),
            _strand(money_rows, 1001, _END),
            _strand(np.arange(self._count), 2000, _NOTHING),
        )
        return _nulled(as_items(self._render(rows, templates, 3)), self._no_features)

    def description(self) -> pl.Series:
        """Return the descriptions as lists of paragraphs; a few lists are null."""
        unit, count = self._stream(4), self._sentences
        rows = np.repeat(np.arange(self._count), count)
        step = _ordinal(count)
        # One paragraph, a few, or a list item for each sentence.
        layout = unit()
        every = np.where(layout < 0.62, 1 << 19, np.where(layout < 0.82, 3, 1))
        closes = (step % every[rows] == every[rows] - 1) | (step == count[rows] - 1)
        gap = _GAPS[pick(unit(), _GAP_SHARES)]

        quirk_rows = np.flatnonzero((self._quirk < len(_TEXT_QUIRKS)) & ~self._quirk_in_features)
        money_rows = np.flatnonzero((self._money >= 0) & ~self._quirk_in_features)
        shop_rows = np.flatnonzero(self.shop_text >= 0)
        last = (1 << 20) - 8
        shop_order = np.where(self._shop_first[shop_rows], 2, last)
        rows, templates = weave(
            _strand(rows, step * 2 + 6, self._sentence(rows, step + self._features[rows])),
            _strand(rows, step * 2 + 7, np.where(closes, _END, gap[rows])),
            _strand(money_rows, 0, self._money[money_rows]),
            _strand(money_rows, 1, _END),
            _strand(shop_rows, shop_order, _SHOP[self.shop_text[shop_rows]]),
            _strand(shop_rows, shop_order + 1, _END),
            _strand(quirk_rows, 4, _TEXT_QUIRKS[self._quirk[quirk_rows]]),
            _strand(quirk_rows, 5, _END),
            _strand(np.arange(self._count), last + 4, _NOTHING),
        )
        return _nulled(as_items(self._render(rows, templates, 4)), self._no_description)

    def details(self) -> pl.Series:
        """Return the details as JSON objects; some are `{}`, a few empty strings or null."""
        table, width = _DETAILS, len(_DETAILS.key)
        unit, category, draws = self._stream(5), self._goods.category, Draws(*self._place, 6)
        chance = draws.units(self._count * table.keys).reshape(self._count, -1)[self._root][:, table.key]
        chance = chance * np.where(self._terse, 3.0, 1.0)[:, None]  # terse rows have a third of the members
        taken = (chance >= table.low[category]) & (chance < table.high[category])
        shuffle = draws.units(self._count * width).reshape(self._count, width)[self._root]
        taken &= (unit() >= 0.02)[:, None]

        row, column = np.nonzero(taken)
        order = ((table.place[column] + 0.5 * shuffle[row, column]) * 1000).astype(np.int64)
        sequence = np.argsort(row * 4096 + order, kind="stable")
        row, column = row[sequence], column[sequence]
        opens = np.append(True, row[1:] != row[:-1])
        empty = np.flatnonzero(~taken.any(axis=1))
        filled = np.flatnonzero(taken.any(axis=1))
        rows, templates = weave(
            _strand(row, np.arange(len(row)), np.where(opens, table.first[column], table.later[column])),
            _strand(filled, (1 << 20) - 1, _DETAILS_CLOSE),
            _strand(empty, 0, _DETAILS_EMPTY),
        )
        texts = self._render(rows, templates, 5, escaped=True)
        strange = unit()
        return texts.set(pl.Series(strange < 0.003), "").set(pl.Series(strange > 0.997), None)

    def categories(self) -> pl.Series:
        """Return the path of categories, from none to three levels."""
        level = pick(self._stream(7)(), _LEVEL_SHARES)
        return as_items(self._render(np.arange(self._count), _LEVEL_TEMPLATES[level], 7))


def shop(goods: "Products", unnamed: Flags) -> pl.Series:
    """Return the store of each row: its brand, or its author marked as such; null where `unnamed`."""
    name = _LEX.lookup(STOCK.brand.words[goods.brand]).alias("store")
    author = pl.Series(goods.category == STOCK.books)
    return name.set(author, None).fill_null(name + " (Author)").set(pl.Series(unnamed), None)


def _ordinal(counts: Int64s) -> Int64s:
    """Return 0, 1, 2, ... for each count, end to end."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _strand(rows: Int64s, order: Int64s | int, templates: Int64s | int) -> tuple[Int64s, Int64s, Int64s]:
    """Return three arrays as long as `rows`, for `weave`."""
    return rows, np.broadcast_to(order, rows.shape), np.broadcast_to(templates, rows.shape)


def _nulled(lists: pl.Series, where: Flags) -> pl.Series:
    """Return the lists, null in the rows where `where` holds."""
    frame = pl.DataFrame({"lists": lists, "null": where})
    return frame.select(pl.when(~pl.col("null")).then(pl.col("lists")).alias(lists.name)).to_series()
