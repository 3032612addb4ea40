"""Count tokens and cut texts at an exact number of them.

`load_tokenizer` gives one of two engines with the same results: `fastokens` for the plain byte-level tokenizers it is
known to read exactly (Llama 3, o200k, cl100k and their kin), Hugging Face `tokenizers` for all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.encoded import Counts, Cut, Encoded, first_bytes, ids_before, sums
from curator.errors import TokenizerError
from curator.vocabularies import (
    Vocabulary,
    bundled_tokenizer,
    byte_of_character,
    find_vocabulary,
    is_plain_byte_level,
    read_tokenizer_json,
)

if TYPE_CHECKING:
    import fastokens
    import tokenizers

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
"""What stands in place of bytes that are no whole character."""


class Tokenizer(Protocol):
    """What the pipeline asks of a tokenizer; all counts are exact."""

    vocabulary: Vocabulary
    special: tuple[str, ...]
    """The strings it reads as special tokens."""
    settles: bool
    """Whether the start of a text can settle its first tokens."""

    def encode(self, texts: pl.Series) -> Encoded:
        """Encode each text without adding special tokens; strings that spell a special token are read as it."""

    def settled(self, encoded: Encoded, tokens: int) -> NDArray[np.bool_]:
        """Tell which texts begin with `tokens` tokens that stay the same whatever follows their last space."""

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Cut:
        """Return each text as its first `cap` tokens decode; a character cut in two becomes U+FFFD.

        With `whole_words` a cut goes back to the end of the last whole word instead.
        """

    def count_around(self, before: str, cut: Cut, after: pl.Series) -> Counts:
        """Return the tokens of ``before + cut + after`` for each text.

        Args:
            before: The same start for all; it ends in a blank line.
            cut: What `cut` made.
            after: The end of each; it begins with a newline.
        """


def load_tokenizer(spec: str) -> Tokenizer:
    """Load the tokenizer that `spec` names (see `vocabularies.find_vocabulary`).

    Raises:
        TokenizerError: It can't be had or read.

    >>> tokenizer = load_tokenizer("o200k_base")
    >>> encoded = tokenizer.encode(pl.Series(["Folding bracket of brass", "Lamp"]))
    >>> encoded.counts.tolist()
    [5, 1]
    >>> tokenizer.cut(encoded, 3, whole_words=True).texts.to_list()
    ['Folding bracket', 'Lamp']
    """
    import fastokens

    vocabulary = find_vocabulary(spec)
    if vocabulary.path is None:
        return ByteLevelTokenizer(vocabulary, bundled_tokenizer(vocabulary.name))
    try:
        plain = is_plain_byte_level(read_tokenizer_json(vocabulary))
    except (AttributeError, KeyError, TypeError) as error:
        raise TokenizerError(f"{str(vocabulary.path)!r} is not a tokenizer.json: a part has the wrong form") from error
    if not plain:
        return ReferenceTokenizer(vocabulary)
    try:
        engine = fastokens.Tokenizer.from_file(str(vocabulary.path))
    except (ValueError, RuntimeError, OSError) as error:
        raise TokenizerError(f"{str(vocabulary.path)!r} can't be loaded: {error}") from error
    # A file may carry the settings it was last used with; nothing may be cut or filled up behind our back.
    engine.no_truncation()
    engine.no_padding()
    return ByteLevelTokenizer(vocabulary, engine)


class ByteLevelTokenizer:
    """A byte-level BPE on `fastokens`: ids are consecutive bytes of the text."""

    settles = True

    def __init__(self, vocabulary: Vocabulary, engine: fastokens.Tokenizer) -> None:
        self.vocabulary = vocabulary
        self._engine = engine
        self._bytes = _bytes_per_id(engine)
        self.special = tuple(token["content"] for token in engine.added_tokens())

    def encode(self, texts: pl.Series) -> Encoded:
        """See `Tokenizer.encode`."""
        raw_ids, raw_offsets = self._engine.encode_batch_flat(texts.to_list())
        ids, offsets = np.frombuffer(raw_ids, np.uint32), np.frombuffer(raw_offsets, np.uint64).astype(np.int64)
        ends = np.zeros(len(ids) + 1, np.int64)
        # The table has all ids; not checking that again, on indices of the platform's own type, is twice as fast.
        np.take(self._bytes, ids.astype(np.intp), out=ends[1:], mode="clip")
        np.cumsum(ends, out=ends)
        encoded = Encoded(texts, ids, offsets[:-1], np.diff(offsets), ends)
        if not np.array_equal(sums(encoded, encoded.counts), texts.str.len_bytes().to_numpy()):
            raise TokenizerError(
                f"tokenizer {self.vocabulary.name!r} changed the bytes of a text, so it can't be cut exactly"
            )
        return encoded

    def settled(self, encoded: Encoded, tokens: int) -> NDArray[np.bool_]:
        """See `Tokenizer.settled`."""
        starts, data = encoded.utf8
        space = _last_space(data, starts[:-1], np.diff(starts))
        ends = starts[:-1] + sums(encoded, np.minimum(encoded.counts, tokens))
        sure = (space > starts[:-1]) & _is_visible_ascii(data[np.maximum(space - 1, 0)])
        return sure & (encoded.counts >= tokens) & (ends <= space)

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Cut:
        """See `Tokenizer.cut`."""
        kept = np.minimum(encoded.counts, cap)
        starts, data = encoded.utf8
        whole = ends = starts[:-1] + sums(encoded, kept)
        split = (ends < starts[1:]) & _is_continuation(data[ends])
        moving = split
        while moving.any():
            ends = ends - moving
            moving = moving & _is_continuation(data[ends])
        if whole_words:
            ends, split = _word_ends(data, starts, ends), np.zeros_like(split)
        texts = first_bytes(encoded.texts, ends - starts[:-1])
        if len(rows := np.flatnonzero(split)):
            texts = texts.scatter(rows, texts.gather(rows) + REPLACEMENT)
        return Cut(encoded, texts, kept, whole - ends)

    def count_around(self, before: str, cut: Cut, after: pl.Series) -> Counts:
        """See `Tokenizer.count_around`.

        Only what may be read otherwise than in the whole text is encoded again, with what follows it. A start that ends
        in an ASCII letter or digit where its text ends, or goes on with a space or newline, holds whole pieces of the
        pre-tokenizer, and the newline after it begins another. In any other start a piece begins at the last space,
        whatever comes after it.
        """
        encoded = cut.encoded
        starts, data = encoded.utf8
        first, last = starts[:-1], starts[1:]
        ends = first + sums(encoded, cut.ids) - cut.surplus
        closed = (ends > first) & _is_alphanumeric(data[ends - 1]) & ((ends == last) | _is_white(data[ends]))
        seam = np.where(closed, ends, first)
        open_ = np.flatnonzero(~closed)
        seam[open_] = _last_space(data, first[open_], ends[open_] - first[open_])
        known = (seam > first) & (closed | _is_visible_ascii(data[np.maximum(seam - 1, 0)]))
        # The start is a piece of its own unless the text begins with what the newlines before it would swallow.
        begin = data[first]
        known &= (_is_visible_ascii(begin) & (begin != ord("/"))) | (begin >= 0xC3)
        ids, exact = ids_before(encoded, cut.ids, ends + cut.surplus - seam)
        known &= exact
        counts = len(self._engine.encode(before).ids) + ids
        # What follows is one of a few answers; each is encoded once.
        if len(rows := np.flatnonzero(known & closed)):
            answers = after.gather(rows).unique()
            tokens = pl.Series(self.encode(answers).counts)
            counts[rows] += after.gather(rows).replace_strict(answers, tokens, return_dtype=pl.Int64).to_numpy()
        rows = np.flatnonzero(~(known & closed))
        sure = known[rows]
        tail = pl.DataFrame(
            {"text": cut.texts.gather(rows), "at": (seam - first)[rows], "after": after.gather(rows), "sure": sure}
        ).select(
            pl.concat_str(
                pl.when("sure").then(pl.lit("")).otherwise(pl.lit(before)),
                pl.col("text").cast(pl.Binary).bin.slice(pl.when("sure").then("at").otherwise(0)).cast(pl.String),
                pl.col("after"),
            )
        )
        counts[rows] = np.where(sure, counts[rows], 0) + self.encode(tail.to_series()).counts
        return counts


class ReferenceTokenizer:
    """Any fast tokenizer of Hugging Face, through the library `tokenizers` itself."""

    settles = False

    def __init__(self, vocabulary: Vocabulary) -> None:
        import tokenizers

        self.vocabulary = vocabulary
        try:
            self._engine: tokenizers.Tokenizer = tokenizers.Tokenizer.from_file(str(vocabulary.path))
        except Exception as error:  # `tokenizers` raises plain Exception for every bad file.
            raise TokenizerError(f"{str(vocabulary.path)!r} can't be loaded: {error}") from error
        self._engine.no_truncation()
        self._engine.no_padding()
        self.special = tuple(token.content for token in self._engine.get_added_tokens_decoder().values())

    def encode(self, texts: pl.Series) -> Encoded:
        """See `Tokenizer.encode`."""
        ids = [each.ids for each in self._engine.encode_batch_fast(texts.to_list(), add_special_tokens=False)]
        offsets = np.zeros(len(ids) + 1, np.int64)
        np.cumsum([len(each) for each in ids], out=offsets[1:])
        flat = np.fromiter((one for each in ids for one in each), np.uint32, int(offsets[-1]))
        return Encoded(texts, flat, offsets[:-1], np.diff(offsets), np.zeros(0, np.int64))

    def settled(self, encoded: Encoded, tokens: int) -> NDArray[np.bool_]:
        """See `Tokenizer.settled`; of a tokenizer in general nothing is known."""
        return np.zeros(len(encoded.texts), np.bool_)

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Cut:
        """See `Tokenizer.cut`."""
        ends = encoded.starts + np.minimum(encoded.counts, cap)
        kept = [encoded.ids[a:b].tolist() for a, b in zip(encoded.starts, ends, strict=True)]
        decoded = self._engine.decode_batch(kept, skip_special_tokens=False)
        texts = pl.Series(encoded.texts.name, decoded, dtype=pl.String)
        if whole_words:
            texts = _whole_words(encoded.texts, texts, pl.Series(encoded.counts > cap))
        return Cut(encoded, texts, np.zeros(0, np.int64), np.zeros(0, np.int64))

    def count_around(self, before: str, cut: Cut, after: pl.Series) -> Counts:
        """See `Tokenizer.count_around`."""
        return self.encode(pl.select(pl.concat_str(pl.lit(before), cut.texts, after)).to_series()).counts


def _whole_words(texts: pl.Series, starts: pl.Series, shortened: pl.Series) -> pl.Series:
    """Return the starts of shortened texts without a last word that is cut, if they have a word before it."""
    frame = pl.DataFrame({"text": texts, "start": starts, "shortened": shortened})
    # A start need not be a prefix of its text: some tokenizers change what they read.
    follows = pl.col("text").str.strip_prefix(pl.col("start"))
    at_end = pl.col("text").str.starts_with(pl.col("start")) & follows.str.contains(r"^[ \n]")
    start = pl.col("start").str.strip_chars_end(REPLACEMENT)
    trimmed = pl.when(at_end).then(start).otherwise(start.str.replace(r"[ \n][^ \n]*$", "")).str.strip_chars_end(" \n")
    kept = pl.when(trimmed == "").then(start).otherwise(trimmed)
    return frame.select(pl.when("shortened").then(kept).otherwise("start")).to_series().rename(starts.name)


def _is_white(byte: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which bytes are spaces or newlines."""
    found: NDArray[np.bool_] = (byte == ord(" ")) | (byte == ord("\n"))
    return found


def _is_continuation(byte: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which bytes continue a UTF-8 character (10xxxxxx)."""
    return (byte >= 0x80) & (byte < 0xC0)


def _word_ends(data: NDArray[np.uint8], starts: Counts, ends: Counts) -> Counts:
    """Move each end that lies before its text's end back to the end of a word, if the text has one before it."""
    found = ends
    moving = (ends < starts[1:]) & ~_is_white(data[ends])
    while moving.any():
        found = found - moving
        moving &= (found > starts[:-1]) & ~_is_white(data[found])
    # Then back over the white space itself, so that the text ends on a word.
    moving = (found > starts[:-1]) & (found < starts[1:]) & _is_white(data[found - 1])
    while moving.any():
        found = found - moving
        moving &= (found > starts[:-1]) & _is_white(data[found - 1])
    return np.where(found > starts[:-1], found, ends)


def _last_space(data: NDArray[np.uint8], starts: Counts, sizes: Counts) -> Counts:
    """Return where the last space of each start lies in `data`, or where its text starts if there is none near."""
    at: Counts = np.maximum(starts + sizes - 1, starts)
    looking = at > starts
    # Words are short; a start that ends in a longer one is rare, and encoding it whole is right too.
    for _ in range(40):
        looking = looking & (data[at] != ord(" "))
        if not looking.any():
            return at
        at = at - (looking & (at > starts))
    return np.where(looking, starts, at).astype(np.int64)


def _is_alphanumeric(byte: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which bytes are ASCII letters or digits."""
    found: NDArray[np.bool_] = ((byte | 0x20) - ord("a") < 26) | (byte - ord("0") < 10)
    return found


def _is_visible_ascii(byte: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which bytes are ASCII characters other than white space and control characters."""
    return (byte > 0x20) & (byte < 0x7F)


def _bytes_per_id(engine: fastokens.Tokenizer) -> Counts:
    """Return the bytes that each id stands for; shape (highest id + 1,)."""
    added = {token["id"]: len(token["content"].encode()) for token in engine.added_tokens()}
    stand_ins = byte_of_character()
    top = max([engine.vocab_size, *added]) + 1
    sizes = np.zeros(top, np.int64)
    for one in range(top):
        if one in added:
            sizes[one] = added[one]
        elif (token := engine.id_to_token(one)) is not None:
            # A character without a stand-in stands for its own bytes.
            sizes[one] = (
                len(token)
                if token.isascii()
                else sum(1 if letter in stand_ins else len(letter.encode()) for letter in token)
            )
    return sizes
