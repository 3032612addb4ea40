"""Clean titles and contents as the course does, together and in one pass.

`scrub.COURSE_RULES` say what the cleaning is. Here it is done on all bytes of a batch at once: a table makes spaces of
the noise, and one regular expression closes runs of spaces and drops part numbers. The few rows that hold what that
cannot see, such as digits beyond ASCII, go through the rules themselves.
"""

from __future__ import annotations

from functools import lru_cache

import polars as pl
import pyarrow as pa

from curator import scrub

# Stands between title and contents; neither noise nor part of a word. Rows that hold it go through the rules.
_SEAM = "\0"
_NOISE = b':[]"{}\t\n\v\f\r\x1c\x1d\x1e\x1f'
_SPACES = bytes.maketrans(_NOISE, b" " * len(_NOISE))
_WIDE_NOISE = r"[\s【】&&[^\x00-\x7f]]"
# A word of at least seven characters, one of them an ASCII digit; each branch runs to the word's end.
_LONG = "|".join([*(f"[^ ]{{{at}}}[0-9][^ ]{{{6 - at},}}" for at in range(6)), "[^ ]{6,}[0-9][^ ]*"])
_SPACES_AND_LONG = f" (?:(?:{_LONG})? )+"


def scrub_together(titles: pl.Series, contents: pl.Series) -> pl.Series:
    """Return the cleaned title, a newline and the cleaned contents of each row.

    Args:
        titles: Strings without null.
        contents: As many strings without null.
    """
    joined = pl.select(
        pl.concat_str(pl.lit(" "), pl.lit(titles), pl.lit(f" {_SEAM} "), pl.lit(contents), pl.lit(" "))
    ).to_series()
    odd = titles.str.contains(_SEAM, literal=True) | contents.str.contains(_SEAM, literal=True)
    wide = (joined.str.len_bytes() != joined.str.len_chars()).arg_true()
    wide = wide.filter(joined.gather(wide).str.contains(_wide_noise_or_digit()))
    if len(wide):
        some = joined.gather(wide).str.replace_all(_WIDE_NOISE, " ")
        joined = joined.scatter(wide, some)
        odd = odd.scatter(wide.filter(some.str.contains(_wide_noise_or_digit())), True)
    spaced = _noise_to_spaces(joined)
    commas = (spaced.str.contains(" ,", literal=True) | spaced.str.contains(",,", literal=True)).arg_true()
    if len(commas):
        some = spaced.gather(commas).str.replace_all(" +,", ",")
        # The rules strip a text before they look at its commas.
        leading = some.str.starts_with(",") | some.str.contains(f"{_SEAM},", literal=True)
        odd = odd.scatter(commas.filter(leading), True)
        spaced = spaced.scatter(commas, scrub.shorten_commas(some))
    clean = spaced.str.replace_all(_SPACES_AND_LONG, " ").str.replace(f" {_SEAM} ", "\n").str.strip_chars(" ")
    rows = odd.arg_true()
    if len(rows):
        clean = clean.scatter(rows, _by_the_rules(titles.gather(rows), contents.gather(rows)))
    return clean


def _by_the_rules(titles: pl.Series, contents: pl.Series) -> pl.Series:
    title, text = (scrub.course_scrub(pl.lit(part)) for part in (titles, contents))
    return pl.select(pl.concat_str(title, pl.lit("\n"), text)).to_series()


def _noise_to_spaces(texts: pl.Series) -> pl.Series:
    """Make a space of each character of ASCII noise."""
    plain = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = plain.buffers()
    if data is None:
        return texts
    spaced = pa.py_buffer(data.to_pybytes().translate(_SPACES))
    made = pl.from_arrow(pa.LargeStringArray.from_buffers(len(plain), offsets, spaced, offset=plain.offset))
    assert isinstance(made, pl.Series)
    return made


@lru_cache(maxsize=1)
def _wide_noise_or_digit() -> str:
    """Return a class of the characters beyond ASCII that the rules take for noise or for a digit."""
    digits = "".join(one for one in map(chr, range(0x80, scrub.DIGITS_END)) if one.isdigit())
    return f"[{_WIDE_NOISE}{digits}]"
