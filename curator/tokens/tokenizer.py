"""Count tokens and cut texts at an exact number of them.

`load_tokenizer` gives one of two engines with the same results: `fastokens` for the plain byte-level tokenizers it is
known to read exactly (Llama 3, o200k, cl100k and their kin), Hugging Face `tokenizers` for all others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curator.errors import TokenizerError
from curator.kernels.types import Flags
from curator.tokens.arrays import Counts, Ids, Texts
from curator.tokens.encoded import Encoded, Suffixes, Truncated
from curator.tokens.vocabulary import (
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

    def settled(self, encoded: Encoded, tokens: Counts) -> Flags:
        """Tell which texts begin with so many tokens that stay the same whatever follows their last space."""

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Truncated:
        """Return each text as its first `cap` tokens decode; a character cut in two becomes U+FFFD.

        With `whole_words` a cut goes back to the end of the last whole word instead.
        """

    def count_around(self, before: str, cut: Truncated, answers: Suffixes) -> Counts:
        """Return the tokens of ``before + cut + answer`` for each text.

        Args:
            before: The same start for all; it ends in a blank line.
            cut: What `cut` made.
            answers: The end of each; it begins with a newline.
        """


def load_tokenizer(spec: str) -> Tokenizer:
    """Load the tokenizer that `spec` names (see `vocabulary.find_vocabulary`), once in the life of the process.

    Raises:
        TokenizerError: It can't be had or read.

    >>> tokenizer = load_tokenizer("o200k_base")
    >>> encoded = tokenizer.encode(pl.Series(["Folding bracket of brass", "Lamp"]))
    >>> encoded.counts.tolist()
    [5, 1]
    >>> tokenizer.cut(encoded, 3, whole_words=True).texts.to_list()
    ['Folding bracket', 'Lamp']
    """
    return _loaded(find_vocabulary(spec))


@lru_cache(maxsize=8)
def _loaded(vocabulary: Vocabulary) -> Tokenizer:
    """Load a vocabulary; a file that has changed since is another one, by its digest."""
    import fastokens

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
        from curator.tokens.kernels.cut import spelled

        raw_ids, raw_offsets = self._engine.encode_batch_flat(texts.to_list())
        offsets = np.frombuffer(raw_offsets, np.uint64).astype(np.int64)
        ids = Ids(np.frombuffer(raw_ids, np.uint32), offsets[:-1], np.diff(offsets), self._bytes)
        encoded = Encoded(texts, Texts.of(texts), ids)
        if not spelled(encoded.utf8, ids):
            raise TokenizerError(
                f"tokenizer {self.vocabulary.name!r} changed the bytes of a text, so it can't be cut exactly"
            )
        return encoded

    def settled(self, encoded: Encoded, tokens: Counts) -> Flags:
        """See `Tokenizer.settled`."""
        from curator.tokens.kernels.cut import settled

        return settled(encoded.utf8, encoded.ids, tokens)

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Truncated:
        """See `Tokenizer.cut`."""
        from curator.tokens.kernels.cut import cut

        kept = np.minimum(encoded.counts, cap)
        sizes, broken, held = cut(encoded.utf8, encoded.ids, kept, whole_words)
        return Truncated(encoded, encoded.utf8, sizes, broken, kept, held)

    def count_around(self, before: str, cut: Truncated, answers: Suffixes) -> Counts:
        """See `Tokenizer.count_around`.

        Only what may be read otherwise than in the whole text is encoded again, with what follows it. A start that ends
        in an ASCII letter or digit where its text ends, or goes on with a space or newline, holds whole pieces of the
        pre-tokenizer, and the newline after it begins another. In any other start a piece begins at the last space,
        whatever comes after it. The start is a piece of its own unless the text begins with what the newlines before it
        would swallow.
        """
        from curator.tokens.kernels.cut import seams

        counts, sure = seams(cut.utf8, cut.encoded.ids, cut.sizes, cut.ids, cut.held)
        counts[sure >= 0] += len(self._engine.encode(before).ids)
        # What follows is one of a few answers; each is encoded once.
        whole = sure == cut.sizes
        counts[whole] += self.encode(answers.texts).counts[answers.which[whole]]
        rows = np.flatnonzero(~whole)
        counts[rows] += self.encode(cut.rest(before, answers, rows, sure)).counts
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
        return Encoded(texts, Texts.of(texts), Ids(flat, offsets[:-1], np.diff(offsets), np.zeros(0, np.int32)))

    def settled(self, encoded: Encoded, tokens: Counts) -> Flags:
        """See `Tokenizer.settled`; of a tokenizer in general nothing is known."""
        return np.zeros(len(tokens), np.bool_)

    def cut(self, encoded: Encoded, cap: Counts | int, *, whole_words: bool = False) -> Truncated:
        """See `Tokenizer.cut`."""
        flat, starts, counts, _ = encoded.ids
        kept = [flat[a:b].tolist() for a, b in zip(starts, starts + np.minimum(counts, cap), strict=True)]
        decoded = self._engine.decode_batch(kept, skip_special_tokens=False)
        texts = pl.Series(encoded.texts.name, decoded, dtype=pl.String)
        if whole_words:
            texts = _whole_words(encoded.texts, texts, pl.Series(counts > cap))
        utf8, none = Texts.of(texts), np.zeros(0, np.int64)
        return Truncated(encoded, utf8, utf8.ends - utf8.starts, np.zeros(len(texts), np.bool_), none, none)

    def count_around(self, before: str, cut: Truncated, answers: Suffixes) -> Counts:
        """See `Tokenizer.count_around`."""
        return self.encode(cut.within(before, answers)[1]).counts


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


def _bytes_per_id(engine: fastokens.Tokenizer) -> NDArray[np.int32]:
    """Return the bytes that each id stands for; shape (highest id + 1,)."""
    added = {token["id"]: len(token["content"].encode()) for token in engine.added_tokens()}
    stand_ins = byte_of_character()
    top = max([engine.vocab_size, *added]) + 1
    sizes = np.zeros(top, np.int32)
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
