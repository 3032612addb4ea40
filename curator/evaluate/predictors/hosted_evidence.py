"""What the probabilities that an endpoint reports say about the right answer.

An endpoint reports the likeliest tokens at each position of its own answer. Where the price begins, this shows whether
the right first token was the likeliest, and how much probability lay on the right slot. The probability of a whole
right answer can only be had where the model gave that very answer: a cross-entropy over those rows alone would be far
too good, so none is reported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import polars as pl

from curator.llm.scoring import Evidence
from curator.recipe.settings import PriceSettings
from curator.text.prices import round_price

Logprobs = list[tuple[str, float, list[tuple[str, float]]]]
"""For each token of an answer: itself, its log probability (nats), and the likeliest tokens there with theirs."""

MOST_DIGITS = 3
"""Digits that tokenizers with whole numbers (Llama 3, o200k, cl100k) put into one token."""

_NUMBER = re.compile(r"\d[\d,]*(?:\.(\d{1,2})(?!\d))?")


class _Place(NamedTuple):
    """Where a price begins: its token, what of the token stands before it, and the cents that follow."""

    token: int
    before: str
    single: bool
    cents: float


def compact(logprobs: object) -> Logprobs | None:
    """Return the log probabilities of a response (`choices[0].logprobs`) as the cache keeps them.

    None if there are none, or they are not what the interface promises.
    """
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not isinstance(content, list) or not content:
        return None
    kept = []
    for one in content:
        listed = one.get("top_logprobs") if isinstance(one, dict) else None
        if not isinstance(listed, list) or not all(_is_token(other) for other in (one, *listed)):
            return None
        kept.append((one["token"], one["logprob"], [(other["token"], other["logprob"]) for other in listed]))
    return kept


def _is_token(one: object) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("token"), str):
        return False
    value = one.get("logprob")
    # Rounding can leave a certain token just above 0.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value < 1e-3


def evidence(
    logprobs: Sequence[Sequence[Any]], guess: float, price: float, slot: int, settings: PriceSettings
) -> Evidence | None:
    """Return what the tokens of an answer say about the right one, or None if the price has no token of its own.

    `first_right` is about the first token of the right answer as the OpenAI lines say it, a price with cents.
    `slot_probability` is the sum over the listed whole-dollar tokens that make the right slot with the cents that this
    answer has: the cents after another token are not reported. What is not listed counts as 0, so it is a lower bound.

    Args:
        logprobs: See `Logprobs`.
        guess: The price that was read from the answer (USD).
        price: The true price (USD).
        slot: The true slot (USD).
        settings: How the recipe rounds prices to slots.
    """
    place = _find([one[0] for one in logprobs], guess)
    if place is None:
        return None
    listed = [
        (token.removeprefix(place.before), value)
        for token, value in logprobs[place.token][2]
        if token.startswith(place.before)
    ]
    numbers = {token: value for token, value in listed if token.isdecimal() and token.isascii()}
    if not logprobs[place.token][2] or not numbers:
        return None
    whole = f"{price:.2f}".partition(".")[0]
    grouped = max(map(len, numbers)) > 1
    right = whole[:MOST_DIGITS] if grouped else whole[0]
    likeliest = max(logprobs[place.token][2], key=lambda one: one[1])
    first_right = likeliest[0] == place.before + right
    probability = None
    # Where numbers are said digit by digit, the first one is not yet a price.
    if grouped and place.single and len(whole) <= MOST_DIGITS:
        dollars = pl.Series([int(token) for token in numbers], dtype=pl.Float64) + place.cents
        slots = dollars.to_frame("price").select(round_price(pl.col("price"), settings)).to_series()
        mass = sum(math.exp(value) for value, one in zip(numbers.values(), slots, strict=True) if one == slot)
        probability = min(1.0, mass)
    return Evidence(None, None, first_right, probability)


def _find(tokens: Sequence[str], guess: float) -> _Place | None:
    """Return where the number that was read as the price begins."""
    text = "".join(tokens)
    found = next((one for one in _NUMBER.finditer(text) if _is_amount(one, guess)), None)
    if found is None:
        return None
    start = 0
    for at, token in enumerate(tokens):
        end = start + len(token)
        if start <= found.start() < end:
            inside = token[found.start() - start :]
            single = inside.isdecimal() and not re.match(r"[\d,]", text[end : end + 1])
            cents = float(f"0.{found[1]}") if found[1] else 0.0
            return _Place(at, token[: found.start() - start], single, cents)
        start = end
    return None


def _is_amount(found: re.Match[str], guess: float) -> bool:
    return float(found[0].replace(",", "").rstrip(".")) == guess
