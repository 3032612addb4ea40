"""What errors amount to: each metric with its formula and a 95 % interval.

Notation: n rows, p the true price (USD, as listed), g the guessed price (USD), e = g - p. A row without an answer has
no g: metrics of size leave it out, metrics that are shares of rows count it (as neither green, amber nor red).

Intervals are of four kinds (see `intervals`). All models on the same rows get the same draws, so that the differences
of two models are a paired bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from curator.evaluate.intervals import of_mean, of_median, percentile, resamples, wilson
from curator.evaluate.predictor import Answer
from curator.kernels.types import Floats

GREEN_USD, GREEN_SHARE = 40.0, 0.2
"""A guess is green if it is off by less than so many USD, or by less than this share of the price."""
AMBER_USD, AMBER_SHARE = 80.0, 0.4
"""A guess that is not green is amber if it is off by less than these, else red."""


@dataclass(frozen=True)
class Scored:
    """Rows with what was guessed; NaN where there is nothing. Shape (..., rows); metrics reduce the last axis.

    Attributes:
        price: The true price (USD).
        guess: The guessed price (USD).
        loss: Sum of -ln p over the tokens of the right answer (nats).
        tokens: How many tokens that answer has.
        first: 1 where its first token was the likeliest, else 0.
        slot: Probability mass on the right slot.
    """

    price: Floats
    guess: Floats
    loss: Floats
    tokens: Floats
    first: Floats
    slot: Floats

    def take(self, places: NDArray[np.int64]) -> Scored:
        """Return the rows at `places`, which may have any shape."""
        columns = {one.name: getattr(self, one.name) for one in fields(self)}
        # Most models give no evidence: a column of nothing need not be gathered.
        empty = np.broadcast_to(np.nan, places.shape)
        return Scored(**{name: empty if np.isnan(one).all() else one[places] for name, one in columns.items()})


def scored(prices: Sequence[float], answers: Sequence[Answer]) -> Scored:
    """Put true prices (USD) and answers side by side."""

    def column(values: Sequence[float | None]) -> Floats:
        return np.array([np.nan if value is None else value for value in values], np.float64)

    evidence = [answer.evidence for answer in answers]
    return Scored(
        price=np.asarray(prices, np.float64),
        guess=column([answer.price for answer in answers]),
        loss=column([None if one is None else one.loss for one in evidence]),
        tokens=column([None if one is None else one.tokens for one in evidence]),
        first=column([None if one is None else one.first_right for one in evidence]),
        slot=column([None if one is None else one.slot_probability for one in evidence]),
    )


def _mae(rows: Scored) -> Floats:
    return _mean(_absolute(rows))


def _median_ae(rows: Scored) -> Floats:
    ordered = np.sort(_absolute(rows), axis=-1)
    there = np.sum(~np.isnan(ordered), axis=-1, keepdims=True)
    low, high = (np.clip(at, 0, None) // 2 for at in (there - 1, there))
    high = np.minimum(high, ordered.shape[-1] - 1)
    middle: Floats = (np.take_along_axis(ordered, low, -1) + np.take_along_axis(ordered, high, -1))[..., 0] / 2
    return middle


def _rmse(rows: Scored) -> Floats:
    return np.sqrt(_mean(_squared(rows)))


def _rmsle(rows: Scored) -> Floats:
    return np.sqrt(_mean(_squared_log(rows)))


def _r2(rows: Scored) -> Floats:
    truth = np.where(np.isnan(rows.guess), np.nan, rows.price)
    spread = _mean((truth - _mean(truth)[..., None]) ** 2)
    error = _mean((rows.guess - rows.price) ** 2)
    return 1 - np.divide(error, spread, out=np.full_like(error, np.nan), where=spread > 0)


def _bias(rows: Scored) -> Floats:
    return _mean(rows.guess - rows.price)


def _hit_rate(rows: Scored) -> Floats:
    return _share(_within(rows, GREEN_USD, GREEN_SHARE))


def _amber_rate(rows: Scored) -> Floats:
    wide = _within(rows, AMBER_USD, AMBER_SHARE)
    return _share(wide & ~_within(rows, GREEN_USD, GREEN_SHARE))


def _red_rate(rows: Scored) -> Floats:
    return _share(~np.isnan(rows.guess) & ~_within(rows, AMBER_USD, AMBER_SHARE))


def _no_answer_rate(rows: Scored) -> Floats:
    return _share(np.isnan(rows.guess))


def _answer_loss(rows: Scored) -> Floats:
    return _mean(rows.loss)


def _cross_entropy(rows: Scored) -> Floats:
    return _mean(rows.loss) / _mean(np.where(np.isnan(rows.loss), np.nan, rows.tokens))


def _perplexity(rows: Scored) -> Floats:
    return np.exp(_cross_entropy(rows))


def _first_token_accuracy(rows: Scored) -> Floats:
    return _mean(rows.first)


def _slot_probability(rows: Scored) -> Floats:
    return _mean(rows.slot)


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        key: Its key in JSON.
        name: What it is called.
        unit: What it is measured in.
        better: Which way is better.
        sentence: What it is, with its formula and where it is from.
        of: What it is of rows.
        language: Whether it is of language models alone.
        counts: Whether it is a share of rows, with Wilson's interval.
        each: What of each row it is the mean of, or the root of the mean (`root`), or the median (`middle`); metrics
            without it have the percentile bootstrap's interval.
    """

    key: str
    name: str
    unit: Literal["usd", "share", "number"]
    better: Literal["lower", "higher", "zero"]
    sentence: str
    of: Callable[[Scored], Floats]
    language: bool = False
    counts: bool = False
    each: Callable[[Scored], Floats] | None = None
    root: bool = False
    middle: bool = False


def _absolute(rows: Scored) -> Floats:
    return np.abs(rows.guess - rows.price)


def _squared(rows: Scored) -> Floats:
    return (rows.guess - rows.price) ** 2


def _squared_log(rows: Scored) -> Floats:
    return (np.log1p(rows.guess) - np.log1p(rows.price)) ** 2


METRICS = (
    Metric(
        "mae",
        "mean absolute error",
        "usd",
        "lower",
        "Mean absolute error, Σ|e| / n (USD). Willmott and Matsuura, Climate Research 30 (2005).",
        _mae,
        each=_absolute,
    ),
    Metric(
        "median_ae",
        "median absolute error",
        "usd",
        "lower",
        "Median absolute error, the median of |e| (USD). Hyndman and Koehler, Int. J. Forecasting 22 (2006).",
        _median_ae,
        each=_absolute,
        middle=True,
    ),
    Metric(
        "rmse",
        "RMSE",
        "usd",
        "lower",
        "Root mean squared error, √(Σe² / n) (USD). Hyndman and Koehler, Int. J. Forecasting 22 (2006).",
        _rmse,
        each=_squared,
        root=True,
    ),
    Metric(
        "rmsle",
        "RMSLE",
        "number",
        "lower",
        "Root mean squared log error, √(Σ(ln(1 + g) - ln(1 + p))² / n): the course's, and Kaggle's definition.",
        _rmsle,
        each=_squared_log,
        root=True,
    ),
    Metric(
        "r2",
        "r²",
        "number",
        "higher",
        "Coefficient of determination, 1 - Σe² / Σ(p - mean p)² over answered rows. Kvålseth, Am. Stat. 39 (1985).",
        _r2,
    ),
    Metric(
        "bias",
        "bias",
        "usd",
        "zero",
        "Mean error, Σe / n (USD): above 0 where guesses are too high. Hyndman and Koehler (2006).",
        _bias,
    ),
    Metric(
        "hit_rate",
        "hit rate (green)",
        "share",
        "higher",
        "Share of all rows with |e| < $40 or |e| / p < 20 %: the course's green.",
        _hit_rate,
        counts=True,
    ),
    Metric(
        "amber_rate",
        "amber",
        "share",
        "higher",
        "Share of all rows with |e| < $80 or |e| / p < 40 % that are not green: the course's amber.",
        _amber_rate,
        counts=True,
    ),
    Metric(
        "red_rate",
        "red",
        "share",
        "lower",
        "Share of all rows with an answer that is neither green nor amber: the course's red.",
        _red_rate,
        counts=True,
    ),
    Metric(
        "no_answer_rate",
        "no answer",
        "share",
        "lower",
        "Share of all rows whose answer has no price (see `reading`).",
        _no_answer_rate,
        counts=True,
    ),
    Metric(
        "cross_entropy",
        "cross-entropy",
        "number",
        "lower",
        "Cross-entropy of the right answers, Σ loss / Σ tokens (nats a token). Shannon (1948); rows that "
        "report it. Answers end with end-of-sequence, as in training (see `scoring`). It compares models with "
        "the same tokenizer: one that cuts prices into more tokens has a lower cross-entropy for as likely "
        "answers.",
        _cross_entropy,
        language=True,
    ),
    Metric(
        "perplexity",
        "perplexity",
        "number",
        "lower",
        "Perplexity of the right answers, exp(cross-entropy). Jelinek et al., JASA 62 S1 (1977).",
        _perplexity,
        language=True,
    ),
    Metric(
        "answer_loss",
        "loss of an answer",
        "number",
        "lower",
        "Mean loss of a whole right answer, Σ loss / n (nats): comparable between tokenizers; rows that report it.",
        _answer_loss,
        language=True,
        each=lambda rows: rows.loss,
    ),
    Metric(
        "first_token_accuracy",
        "first token right",
        "share",
        "higher",
        "Share of the rows that report it whose right first answer token was the likeliest (top-1 accuracy).",
        _first_token_accuracy,
        language=True,
        counts=True,
    ),
    Metric(
        "slot_probability",
        "probability of the slot",
        "share",
        "higher",
        "Mean probability mass on the right whole-dollar price, over the rows that report it.",
        _slot_probability,
        language=True,
    ),
)
"""All metrics, in the order of the tables."""
BY_KEY = {metric.key: metric for metric in METRICS}
"""The metrics by their keys."""
COMPARED = ("mae", "rmsle", "hit_rate")
"""The metrics by which two models are compared."""


def measure(rows: Scored, keys: Sequence[str] | None = None) -> dict[str, Any]:
    """Return metrics with intervals: each by its key (None if it can't be had), and `intervals` by the same keys.

    Args:
        rows: One model's answers; shape (rows,), at least one row.
        keys: Which metrics; by default all, those of language models only if there is evidence.
    """
    measured = not (np.isnan(rows.loss).all() and np.isnan(rows.first).all())
    chosen = [BY_KEY[key] for key in keys or BY_KEY if keys or measured or not BY_KEY[key].language]
    spread = [metric for metric in chosen if metric.each is None and not metric.counts]
    drawn: dict[str, list[Floats]] = {metric.key: [] for metric in spread}
    with np.errstate(invalid="ignore", divide="ignore"):
        for places in resamples(len(rows.price)) if spread else ():
            again = rows.take(places)
            for metric in spread:
                drawn[metric.key].append(metric.of(again))
        values: dict[str, Any] = {metric.key: plain(metric.of(rows)) for metric in chosen}
        spans = {
            metric.key: percentile(np.concatenate(drawn[metric.key])) if metric in spread else _span(metric, rows)
            for metric in chosen
        }
    return values | {"intervals": spans}


def _span(metric: Metric, rows: Scored) -> list[float] | None:
    """Return the interval of a metric that needs no draws of whole rows."""
    if metric.each is None:
        of = int(np.sum(~np.isnan(rows.first))) if metric.language else len(rows.price)
        return wilson(plain(metric.of(rows)), of)
    values = metric.each(rows)
    ends = of_median(values) if metric.middle else of_mean(values)
    return [math.sqrt(end) for end in ends] if metric.root and ends is not None else ends


def differences(first: Scored, second: Scored, keys: Sequence[str] = COMPARED) -> dict[str, dict[str, Any]]:
    """Return by how much metrics of two models differ (first minus second) on the same rows: a paired bootstrap.

    Rows that one of the two did not answer are left out of metrics of size, and count in shares.

    Args:
        first: Answers of the one; shape (rows,).
        second: Answers of the other to the same rows.
        keys: Which metrics.

    Returns:
        By metric: `difference`, its `interval`, `real` (the interval excludes 0), `better` (0 or 1; None if not real).
    """
    both = ~np.isnan(first.guess) & ~np.isnan(second.guess)
    found: dict[str, dict[str, Any]] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for metric in (BY_KEY[key] for key in keys):
            whole = metric.unit == "share"
            pair = [one if whole else one.take(np.flatnonzero(both)) for one in (first, second)]
            if not len(pair[0].price):
                found[metric.key] = {"difference": None, "interval": None, "real": False, "better": None}
                continue
            drawn = np.concatenate(
                [metric.of(pair[0].take(at)) - metric.of(pair[1].take(at)) for at in resamples(len(pair[0].price))]
            )
            difference, span = plain(metric.of(pair[0]) - metric.of(pair[1])), percentile(drawn)
            real = span is not None and (span[0] > 0 or span[1] < 0)
            lower = real and span is not None and span[1] < 0
            better = int(lower != (metric.better == "lower")) if real else None
            found[metric.key] = {"difference": difference, "interval": span, "real": real, "better": better}
    return found


def colours(price: Floats, guess: Floats) -> list[str | None]:
    """Return `green`, `amber` or `red` for each row, None where there is no answer."""
    nothing = np.full_like(price, np.nan)
    rows = Scored(price, guess, nothing, nothing, nothing, nothing)
    green, wide = _within(rows, GREEN_USD, GREEN_SHARE), _within(rows, AMBER_USD, AMBER_SHARE)
    named = np.where(green, "green", np.where(wide, "amber", "red")).tolist()
    return [None if missing else name for name, missing in zip(named, np.isnan(guess), strict=True)]


def plain(value: Any) -> float | None:
    """Return a number as JSON can hold it: None for NaN and infinity."""
    return float(value) if np.isfinite(value) else None


def _mean(values: Floats) -> Floats:
    """Return the mean over the last axis of what is there."""
    there = ~np.isnan(values)
    total: Floats = np.where(there, values, 0.0).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / there.sum(axis=-1), np.float64)


def _share(holds: NDArray[np.bool_]) -> Floats:
    return np.asarray(np.mean(holds, axis=-1), np.float64)


def _within(rows: Scored, usd: float, share: float) -> NDArray[np.bool_]:
    # A comparison with NaN is false: what was not answered is in no colour.
    error = np.abs(rows.guess - rows.price)
    near: NDArray[np.bool_] = (error < usd) | (error < share * rows.price)
    return near
