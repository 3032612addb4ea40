"""Count tokens and cut texts at an exact number of them.

`load_tokenizer` gives one of two engines with the same results: `fastokens` for the plain byte-level tokenizers it is
known to read exactly (Llama 3, o200k, cl100k and their kin), Hugging Face `tokenizers` for all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

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

Counts = NDArray[np.int64]
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Encoded:
    """A batch of encoded texts: the ids of text i are ``ids[offsets[i]:offsets[i + 1]]``."""

    texts: pl.Series
    ids: NDArray[np.uint32]
    offsets: Counts

    @property
    def counts(self) -> Counts:
        """Tokens of each text."""
        return np.diff(self.offsets)


@dataclass(frozen=True)
class Cut:
    """The starts of encoded texts.

    Attributes:
        encoded: The whole texts.
        texts: Their starts.
        sizes: Bytes of each start, without the U+FFFD that stands for a character cut in two. Only the byte-level
            engine needs them, the other leaves them empty.
    """

    encoded: Encoded
    texts: pl.Series
    sizes: Counts


class Tokenizer(Protocol):
    """What the pipeline asks of a tokenizer; all counts are exact."""

    vocabulary: Vocabulary
    special: tuple[str, ...]
    """The strings it reads as special tokens."""

    def encode(self, texts: pl.Series) -> Encoded:
        """Encode each text without adding special tokens; strings that spell a special token are read as it."""

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

    def __init__(self, vocabulary: Vocabulary, engine: fastokens.Tokenizer) -> None:
        self.vocabulary = vocabulary
        self._engine = engine
        self._bytes = _bytes_per_id(engine)
        self.special = tuple(token["content"] for token in engine.added_tokens())

    def encode(self, texts: pl.Series) -> Encoded:
        """See `Tokenizer.encode`."""
        ids, offsets = self._engine.encode_batch_flat(texts.to_list())
        return Encoded(texts, np.frombuffer(ids, np.uint32), np.frombuffer(offsets, np.uint64).astype(np.int64))

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Cut:
        """See `Tokenizer.cut`."""
        sums = self._byte_sums(encoded)
        last = encoded.offsets[:-1] + np.minimum(encoded.counts, cap)
        starts, data = _utf8(encoded.texts)
        ends = starts[:-1] + sums[last] - sums[encoded.offsets[:-1]]
        split = (ends < starts[1:]) & _is_continuation(data[ends])
        moving = split
        while moving.any():
            ends = ends - moving
            moving = moving & _is_continuation(data[ends])
        if whole_words:
            ends, split = _word_ends(data, starts, ends), np.zeros_like(split)
        sizes = ends - starts[:-1]
        text = pl.col("text").bin.slice(0, pl.col("size")).cast(pl.String)
        kept = pl.DataFrame({"text": encoded.texts.cast(pl.Binary), "size": sizes}).select(text).to_series()
        if split.any():
            marks = pl.Series(split).replace_strict({True: REPLACEMENT, False: ""}, return_dtype=pl.String)
            kept = kept + marks
        return Cut(encoded, kept, sizes)

    def count_around(self, before: str, cut: Cut, after: pl.Series) -> Counts:
        """See `Tokenizer.count_around`.

        Only what follows the last space of a cut text is encoded again: a new piece of the pre-tokenizer begins there
        whatever comes after it, so the ids before it are those of the whole text.
        """
        offsets = cut.encoded.offsets
        starts, data = _utf8(cut.encoded.texts)
        at = _last_space(data, starts[:-1], cut.sizes)
        known = (at > starts[:-1]) & _is_visible_ascii(data[np.maximum(at - 1, 0)])
        # The start is a piece of its own unless the text begins with what the newlines before it would swallow.
        first = data[starts[:-1]]
        known &= (_is_visible_ascii(first) & (first != ord("/"))) | (first >= 0xC3)
        sums = self._byte_sums(cut.encoded)
        target = sums[offsets[:-1]] + np.where(known, at - starts[:-1], 0)
        position = np.searchsorted(sums, target)
        known &= sums[position] == target
        tail_at = pl.Series(np.where(known, at - starts[:-1], 0))
        tails = pl.DataFrame({"text": cut.texts.cast(pl.Binary), "at": tail_at, "after": after, "known": known}).select(
            pl.concat_str(
                pl.when("known").then(pl.lit("")).otherwise(pl.lit(before)),
                pl.col("text").bin.slice(pl.col("at")).cast(pl.String),
                pl.col("after"),
            )
        )
        counts = self.encode(tails.to_series()).counts
        start = len(self._engine.encode(before).ids)
        return np.where(known, start + position - offsets[:-1] + counts, counts)

    def _byte_sums(self, encoded: Encoded) -> Counts:
        """Return the bytes before each id of the batch, and all of them at the end: shape (ids + 1,)."""
        sums = np.zeros(len(encoded.ids) + 1, np.int64)
        np.cumsum(self._bytes[encoded.ids], out=sums[1:])
        if not np.array_equal(np.diff(sums[encoded.offsets]), encoded.texts.str.len_bytes().to_numpy()):
            raise TokenizerError(
                f"tokenizer {self.vocabulary.name!r} changed the bytes of a text, so it can't be cut exactly"
            )
        return sums


class ReferenceTokenizer:
    """Any fast tokenizer of Hugging Face, through the library `tokenizers` itself."""

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
        return Encoded(texts, flat, offsets)

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Cut:
        """See `Tokenizer.cut`."""
        ends = encoded.offsets[:-1] + np.minimum(encoded.counts, cap)
        kept = [encoded.ids[a:b].tolist() for a, b in zip(encoded.offsets[:-1], ends, strict=True)]
        decoded = self._engine.decode_batch(kept, skip_special_tokens=False)
        texts = pl.Series(encoded.texts.name, decoded, dtype=pl.String)
        if whole_words:
            texts = _whole_words(encoded.texts, texts, pl.Series(encoded.counts > cap))
        return Cut(encoded, texts, np.zeros(0, np.int64))

    def count_around(self, before: str, cut: Cut, after: pl.Series) -> Counts:
        """See `Tokenizer.count_around`."""
        return self.encode(pl.select(pl.concat_str(pl.lit(before), cut.texts, after)).to_series()).counts


def _utf8(texts: pl.Series) -> tuple[Counts, NDArray[np.uint8]]:
    """Return the offsets of the texts, shape (n + 1,), in their UTF-8 bytes, which are followed by one zero byte."""
    raw = texts.rechunk().cast(pl.Binary).to_arrow(compat_level=pl.CompatLevel.oldest())
    if not len(raw):
        return np.zeros(1, np.int64), np.zeros(1, np.uint8)
    _, offsets, data = raw.buffers()
    # The zero byte lets the byte after the last text be looked at.
    bytes_ = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    return np.frombuffer(offsets, np.int64, len(raw) + 1, raw.offset * 8), np.append(bytes_, np.uint8(0))


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


def _is_continuation(byte: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which bytes continue a UTF-8 character (10xxxxxx)."""
    return (byte >= 0x80) & (byte < 0xC0)


def _word_ends(data: NDArray[np.uint8], starts: Counts, ends: Counts) -> Counts:
    """Move each end that lies before its text's end back to the end of a word, if the text has one before it."""

    def is_white(at: Counts) -> NDArray[np.bool_]:
        return np.isin(data[at], (ord(" "), ord("\n")))

    found = ends
    moving = (ends < starts[1:]) & ~is_white(ends)
    while moving.any():
        found = found - moving
        moving &= (found > starts[:-1]) & ~is_white(found)
    # Then back over the white space itself, so that the text ends on a word.
    moving = (found > starts[:-1]) & (found < starts[1:]) & is_white(found - 1)
    while moving.any():
        found = found - moving
        moving &= (found > starts[:-1]) & is_white(found - 1)
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
