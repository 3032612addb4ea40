"""Rewrite many texts character by character, in one pass over their bytes, where rules of patterns would take several.

A table says what becomes of each character; it is made by asking the rules about each character alone. The few texts in
which a rule may take more than one character go through the rules themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from curator.kernels.buffers import StringBuffers, to_buffers, to_series

if TYPE_CHECKING:
    from curator.text.kernels.readable import Table

_END = 0x20000
"""The table has the code points below: Unicode's first two planes. Those beyond, rare ideographs, go to the rules."""

Rules = Callable[[pl.Series], pl.Series]
"""What rewrites a column of texts."""


def rewritten(texts: pl.Series | StringBuffers, table: Table, rules: Rules) -> pl.Series:
    """Rewrite texts, by the rules where the table is not enough.

    Args:
        texts: The texts; null counts as empty.
        table: What `table_of` made of the rules.
        rules: What changes texts as the table does, white space and all.
    """
    from curator.text.kernels import readable

    if isinstance(texts, pl.Series):
        texts = to_buffers(texts)
    offsets, data, hard = readable.rewritten(texts, table)
    made = to_series(StringBuffers(offsets, data))
    few = np.flatnonzero(hard)
    if not len(few):
        return made
    whole = np.arange(len(made))
    whole[few] = len(made) + np.arange(len(few))
    return pl.concat([made, rules(to_series(texts).gather(few))]).gather(whole)


def table_of(rules: Rules, special: Mapping[str, int]) -> Table:
    """Return the table for rules that change each character by itself, white space to ``" "`` or a newline.

    Args:
        rules: What changes texts, run on each character alone. White space that they leave at an end or in a row is
            made one space or newline.
        special: Characters with which the rules take others together, and what `kernels.readable` does with each.
    """
    from curator.text.kernels.readable import COPY, FORM, GONE, HARD, NEWLINE, SPACE, WIDE, Table

    codes = [code for code in range(_END) if not 0xD800 <= code <= 0xDFFF]  # halves of surrogate pairs are none
    characters = pl.Series([chr(code) for code in codes])
    known = {" ": SPACE, "\n": NEWLINE, "": GONE}
    forms: dict[str, int] = {}
    actions = np.full(_END, HARD, np.uint16)
    for code, old, new in zip(codes, characters, rules(characters), strict=True):
        if new in known:
            actions[code] = known[new]
        elif new == old:
            actions[code] = COPY
        elif len(new.encode()) <= len(old.encode()):
            actions[code] = forms.setdefault(new, FORM + len(forms))
    for character, action in special.items():
        actions[ord(character)] = action
    texts = list(forms)
    entries = np.full(256, WIDE << 8, np.uint16)
    for code in range(128):
        action, written = int(actions[code]), code
        if action >= FORM:
            # Of ASCII as short as it is.
            action, written = COPY, ord(texts[action - FORM])
        elif action == SPACE:
            written = ord(" ")
        entries[code] = action << 8 | written
    return Table(entries, actions, to_buffers(pl.Series(texts, dtype=pl.String)))
