"""Write weights and sizes one way, so that the same weight is the same words.

Sellers list `0.45 Kilograms`, `1 lb` and `15.9 ounces`, and sizes to a hundredth of an inch. Figures are rounded to two
digits, which is about how exact a listing is; a weight is also given in grams, which grow with it whatever the unit.
"""

from __future__ import annotations

import polars as pl

OUNCES = {
    "pound": 16.0,
    "lb": 16.0,
    "ounce": 1.0,
    "oz": 1.0,
    "kilogram": 35.27396,
    "kg": 35.27396,
    "gram": 0.03527396,
    "g": 0.03527396,
}
"""Ounces of each unit of weight."""
GRAMS = 28.349523
"""Grams of an ounce."""
INCHES = {
    '"': 1.0,
    "inch": 1.0,
    "inche": 1.0,
    "in": 1.0,
    "centimeter": 1 / 2.54,
    "cm": 1 / 2.54,
    "millimeter": 1 / 25.4,
    "mm": 1 / 25.4,
    "feet": 12.0,
    "ft": 12.0,
}
"""Inches of each unit of length."""
_NUMBER = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_WEIGHT = rf"(?i)^{_NUMBER} ?(pound|lb|ounce|oz|kilogram|kg|gram|g)s?\.?$"
_LENGTH = r'("|inche|inch|in|centimeter|cm|millimeter|mm|feet|ft)s?\b?\.?'
_NEXT = rf"{_NUMBER}\s*(?:{_LENGTH})?\s*[LWHD]?"
# Two or three sides; some pages add the weight after a semicolon.
_SIZE = rf"(?i)^{_NEXT}\s*[x×*]\s*{_NEXT}(?:\s*[x×*]\s*{_NEXT})?\s*(?:;.*)?$"


def weight(values: pl.Series) -> pl.Series:
    """Write weights in ounces or, from a pound on, in pounds, and in grams; null for what is no weight.

    >>> weight(pl.Series(["0.45 Kilograms", "2 lbs", "heavy"])).to_list()
    ['16 ounces (450 grams)', '2 pounds (910 grams)', None]
    """
    # Step by step: as one expression the pattern would be matched again wherever a group of it is used.
    found = values.str.extract_groups(_WEIGHT).struct.unnest()
    found.columns = ["number", "unit"]
    unit = pl.col("unit").str.to_lowercase().replace_strict(OUNCES, default=None, return_dtype=pl.Float64)
    ounces = pl.col("ounces")
    measured = found.select(ounces=pl.col("number").cast(pl.Float64, strict=False) * unit)
    # Less than a gram is a slip of the unit more often than a weight. A number that no page means could not be written,
    # so it goes before any is.
    measured = measured.select(pl.when((ounces * GRAMS).is_between(1, 1e7)).then(ounces).alias("ounces"))
    measured = measured.with_columns(
        common=_figures(pl.when(ounces < 16).then(ounces).otherwise(ounces / 16)),
        name=pl.when(ounces < 16).then(pl.lit(" ounces (")).otherwise(pl.lit(" pounds (")),
        grams=ounces * GRAMS,
    )
    written = pl.concat_str("common", "name", _figures(pl.col("grams")), pl.lit(" grams)"))
    return measured.select(written.alias("weight")).to_series()


def size(values: pl.Series) -> pl.Series:
    """Write sizes in inches, the shortest side first; null for what is none.

    >>> size(pl.Series(["12.8 x 25 x 5.31 inches; 2 Pounds", '47"L x 19"W', "XL"])).to_list()
    ['5.3 x 13 x 25 inches', '19 x 47 inches', None]
    """
    found = values.str.extract_groups(_SIZE).struct.unnest()
    found.columns = ["a", "unit_a", "b", "unit_b", "c", "unit_c"]
    units = pl.col("unit_a", "unit_b", "unit_c").str.to_lowercase()
    measured = found.with_columns(
        pl.col("a", "b", "c").cast(pl.Float64, strict=False),
        units.replace_strict(INCHES, default=None, return_dtype=pl.Float64),
    )
    # The unit stands at the end or at each side; a size without any, or with two, is left as it is.
    last = pl.when(pl.col("c").is_not_null()).then("unit_c").otherwise("unit_b")
    measured = measured.with_columns(pl.col("a", "b", "c") * last, last=last)
    measured = measured.with_columns(least=pl.min_horizontal("a", "b", "c"), longest=pl.max_horizontal("a", "b", "c"))
    alike = pl.all_horizontal(pl.col(one).is_null() | (pl.col(one) == pl.col("last")) for one in ("unit_a", "unit_b"))
    fair = alike & pl.col("last").is_not_null() & (pl.col("least") > 0) & (pl.col("longest") <= 1e6)
    # As with weights: what is too large goes before anything is written.
    measured = measured.with_columns(
        pl.when(fair).then(name).alias(name) for name in ("a", "b", "c", "least", "longest")
    )
    # In this order: another could differ in the last bit, and so in a figure.
    middle = pl.col("a") + (pl.col("b") + pl.col("c").fill_null(0)) - pl.col("least") - pl.col("longest")
    written = pl.concat_str(
        _side(pl.col("least")),
        pl.when(pl.col("c").is_null()).then(pl.lit("")).otherwise(pl.lit(" x ") + _side(middle)),
        pl.lit(" x "),
        _side(pl.col("longest")),
        pl.lit(" inches"),
    )
    return measured.select(written.alias("size")).to_series()


def weight_after_size(values: pl.Series) -> pl.Series:
    """Return the weight, as `weight` writes it, that some pages put after a size; null where there is none.

    >>> weight_after_size(pl.Series(["12.8 x 25 inches; 2 Pounds"])).to_list()
    ['2 pounds (910 grams)']
    """
    return weight(values.str.extract(r";\s*([^;]*)$"))


def _side(inches: pl.Expr) -> pl.Expr:
    return pl.when(inches < 10).then(_figures(inches)).otherwise(_plain(inches.round(0)))


def _figures(number: pl.Expr) -> pl.Expr:
    return _plain(number.round_sig_figs(2))


def _plain(number: pl.Expr) -> pl.Expr:
    # In thousandths: as it is, a small float is written 1e-3.
    thousandths = (number * 1000).round(0).cast(pl.Int64)
    whole, rest = thousandths // 1000, thousandths % 1000
    decimals = rest.cast(pl.String).str.zfill(3).str.strip_chars_end("0")
    return (
        pl.when(rest == 0)
        .then(whole.cast(pl.String))
        .otherwise(pl.concat_str(whole.cast(pl.String), pl.lit("."), decimals))
    )
