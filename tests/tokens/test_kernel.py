"""The loops over ids and bytes give what a plain statement of each rule gives, text by text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from curator.tokens.arrays import Ids, Texts
from curator.tokens.encoded import Encoded, Suffixes, Truncated
from curator.tokens.kernels import cut

SIZES = np.arange(10, dtype=np.int32)
"""Each id stands for as many bytes as its number."""

ATOMS = (
    " ",
    "  ",
    "\n",
    "\n\n",
    " \n",
    "a",
    "Z",
    "7",
    "word",
    "long words",
    ".",
    "!?",
    "/",
    ":",
    "Color:",
    "\nColor:",
    "é",
    "日本",
    "👍🏽",
    "\u0301",
    "Ā",
    "\x7f",
    "\x80",
    "\xa0",
    "\0",
    "\ufffd",
    "x" * 45,
    "\n" + "é" * 60 + ":",
)
pieces = st.one_of(st.lists(st.sampled_from(ATOMS), max_size=12).map("".join), st.text(max_size=12))
# A text, the bytes of its ids in turn, and how many of these are kept.
rows = st.lists(st.tuples(pieces, st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(0, 60)), max_size=6)
Row = tuple[str, Sequence[int], int]


def ids_of(text: str, turns: Sequence[int]) -> list[int]:
    """Ids for all bytes of a text; they may end within characters."""
    left, made = len(text.encode()), []
    while left:
        made.append(min(left, turns[len(made) % len(turns)]))
        left -= made[-1]
    return made


def encoded_of(rows: Sequence[Row]) -> Encoded:
    ids = [ids_of(text, turns) for text, turns, _ in rows]
    counts = np.array([len(each) for each in ids], np.int64)
    flat = np.array([one for each in ids for one in each], np.uint32)
    starts = np.cumsum(counts) - counts
    texts = pl.Series("text", [text for text, _, _ in rows], dtype=pl.String)
    return Encoded(texts, Texts.of(texts), Ids(np.frombuffer(flat.tobytes(), np.uint32), starts, counts, SIZES))


def kept_of(rows: Sequence[Row]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([min(kept, len(ids_of(text, turns))) for text, turns, kept in rows], np.int64)


def cut_of(rows: Sequence[Row], *, whole_words: bool = False) -> Truncated:
    encoded, kept = encoded_of(rows), kept_of(rows)
    sizes, broken, held = cut.cut(encoded.utf8, encoded.ids, kept, whole_words)
    return Truncated(encoded, encoded.utf8, sizes, broken, kept, held)


def bytes_kept(row: Row) -> int:
    text, turns, kept = row
    return sum(ids_of(text, turns)[:kept])


def at_word(row: Row) -> str:
    """A start without a last word that is cut and the white space before it, if a word is left."""
    data, size = row[0].encode(), bytes_kept(row)
    start = data[:size].decode(errors="ignore")
    if size == len(data):
        return start
    words = start if row[0][len(start)] in " \n" else re.sub(r"[^ \n]*\Z", "", start)
    return words.rstrip(" \n") or start


@given(rows, st.integers(-1, 1), st.integers(0, 5))
def test_ids_spell_a_text_if_they_have_its_bytes(rows: list[Row], wrong: int, place: int) -> None:
    encoded = encoded_of(rows)
    flat = encoded.ids.flat.copy()
    flat[place : place + 1] = np.clip(flat[place : place + 1].astype(np.int64) + wrong, 0, 9)
    same = flat.tolist() == encoded.ids.flat.tolist()
    changed = encoded.ids._replace(flat=np.frombuffer(flat.tobytes(), np.uint32))
    assert cut.spelled(encoded.utf8, changed) == same


@given(rows)
@example([("日本", [2], 1), ("👍", [3, 1], 1), ("é", [1], 1), ("", [1], 3)])
def test_a_cut_decodes_its_ids(rows: list[Row]) -> None:
    made = cut_of(rows)
    assert made.texts.to_list() == [row[0].encode()[: bytes_kept(row)].decode(errors="replace") for row in rows]
    assert made.held.tolist() == [bytes_kept(row) for row in rows]


@given(rows)
@example([("a long word", [1], 8), (" word", [1], 3), ("a \n b", [1], 4), ("a b", [1], 2), ("日 本", [2], 3)])
def test_a_cut_at_a_word(rows: list[Row]) -> None:
    assert cut_of(rows, whole_words=True).texts.to_list() == [at_word(row) for row in rows]


@given(rows)
@example([(f"a\n{'x' * size}:", [9], 60) for size in (0, 1, 60, 61)])
@example([("\nColor:", [9], 9), ("Color:", [9], 9), ("a\nb:c:", [9], 9), (":", [9], 9), ("a\n:", [9], 9)])
def test_a_last_line_that_is_only_a_label_goes(rows: list[Row]) -> None:
    made = cut_of(rows, whole_words=True).without_labels()
    assert made.texts.to_list() == [re.sub(r"\n[^\n:]{1,60}:\Z", "", at_word(row)) for row in rows]


@given(rows)
@example([("a b", [1], kept) for kept in range(4)])
@example([("a " + "x" * 38, [1], 1), ("a " + "x" * 39, [1], 1), ("a " + "x" * 40, [1], 1), ("é a", [9], 1)])
def test_tokens_before_the_last_space_are_settled(rows: list[Row]) -> None:
    encoded = encoded_of(rows)
    wanted = np.array([kept for _, _, kept in rows], np.int64)
    expected = []
    for text, turns, kept in rows:
        data = text.encode()
        space = data.rfind(b" ", max(len(data) - 40, 0))
        sure = space > 0 and 0x20 < data[space - 1] < 0x7F
        expected.append(sure and kept <= len(ids_of(text, turns)) and bytes_kept((text, turns, kept)) <= space)
    assert cut.settled(encoded.utf8, encoded.ids, wanted).tolist() == expected


def seam_of(row: Row, size: int) -> int:
    """The bytes of a start, of `size`, whose ids stay the same wherever it stands, or -1."""
    data = row[0].encode()
    start = data[:size]
    # The newlines before it would swallow white space or a slash; other ASCII and what is beyond U+00BF they leave.
    if not re.match(rb"[!-.0-~\xc3-\xff]", start):
        return -1
    seam = size
    if not (re.match(rb"[A-Za-z0-9]", start[-1:]) and data[size : size + 1] in (b"", b" ", b"\n")):
        seam = start.rfind(b" ", max(size - 40, 0))
        if seam <= 0 or not 0x20 < data[seam - 1] < 0x7F:
            return -1
    return seam if seam in accumulate(ids_of(row[0], row[1])[: row[2]]) else -1


@given(rows)
@example([("a word", [1], kept) for kept in range(7)])
@example([("a. b!", [1], 5), ("a.\nColor:", [1], 9), ("a b. c", [3, 2], 3), ("/a", [1], 2), ("É a", [1], 4)])
def test_seams(rows: list[Row]) -> None:
    made = cut_of(rows)
    counts, sure = cut.seams(made.utf8, made.encoded.ids, made.sizes, made.ids, made.held)
    assert sure.tolist() == [seam_of(row, size) for row, size in zip(rows, made.sizes.tolist(), strict=True)]
    for row, count, size in zip(rows, counts.tolist(), sure.tolist(), strict=True):
        assert bytes_kept((*row[:2], count)) == max(size, 0)


@given(rows, st.lists(st.text(max_size=5), min_size=1, max_size=3), st.text(max_size=5), st.booleans())
def test_starts_between_a_question_and_answers(rows: list[Row], ends: list[str], before: str, some: bool) -> None:
    made = cut_of(rows)
    starts = made.texts.to_list()
    answers = Suffixes(pl.Series(ends), np.arange(len(rows)) % len(ends))
    wholes = [before + start + ends[place % len(ends)] for place, start in enumerate(starts)]
    kept, whole = made.within(before, answers)
    assert kept.to_list() == starts
    assert whole.to_list() == wholes
    # Some of the rows, without what is known already.
    few = np.flatnonzero(np.arange(len(rows)) % 2 == some)
    sure = np.array([len(start.encode()) if place % 4 < 2 else -1 for place, start in enumerate(starts)], np.int64)
    sure = np.minimum(sure, made.sizes)
    rest = made.rest(before, answers.take(np.arange(len(rows))), few, sure).to_list()
    expected = []
    for place in few:
        end = ends[place % len(ends)]
        ahead = "" if not made.broken[place] else "\ufffd"
        expected.append(wholes[place] if sure[place] < 0 else ahead + end)
    assert rest == expected


@given(rows, st.booleans())
def test_some_starts_replaced_by_shorter_ones(rows: list[Row], of_their_own: bool) -> None:
    made = cut_of(rows)
    few = np.flatnonzero(np.arange(len(rows)) % 2)
    less = kept_of(rows)[few] // 2
    encoded = made.encoded.take(few)
    sizes, broken, held = cut.cut(encoded.utf8, encoded.ids, less, False)
    other = Truncated(encoded, encoded.utf8, sizes, broken, less, held)
    if of_their_own:
        # As of an engine that may write texts otherwise.
        utf8 = Texts.of(other.texts)
        other = Truncated(encoded, utf8, utf8.ends - utf8.starts, np.zeros(len(few), np.bool_), less, held)
    both = made.replaced(few, other)
    expected, ids = made.texts.to_list(), made.ids.tolist()
    for place, text, count in zip(few, other.texts, less.tolist(), strict=True):
        expected[place], ids[place] = text, count
    assert both.texts.to_list() == expected
    assert both.ids.tolist() == ids
    assert both.held.tolist() == [bytes_kept((*row[:2], count)) for row, count in zip(rows, ids, strict=True)]


def test_some_of_the_answers() -> None:
    answers = Suffixes(pl.Series(["a", "b", "c"]), np.array([2, 0, 2, 1]))
    few = answers.take(np.array([0, 2, 3]))
    assert few.texts.gather(few.which).to_list() == ["c", "c", "b"]
    assert few.texts.len() == 2


def test_texts_without_an_end_in_sight_take_no_longer() -> None:
    """Each text is gone through a few times at most, however long its words and white space are."""
    long = 300_000
    texts = ["x" * long, "x" + " " * long + "y", "a " + "é" * long, "\n" + "x" * long + ":", " " * long]
    rows: list[Row] = [(text, [9], len(text.encode()) // 9) for text in texts]
    assert cut_of(rows, whole_words=True).without_labels().texts.to_list() == [at_word(row) for row in rows]
