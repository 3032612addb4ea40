"""Find and mask the amounts by which a text gives its own item's price away.

What counts as given away: an amount of US dollars, equal to the price to the cent, or a whole number of dollars that
the price rounds to, said of the item itself, or of one size, edition, pack or unit of it: price, list price or MSRP,
sale price, value, "under $15". What does not: a number without a sign or a word of money (a size, a count, a model
number), another currency, a part of a larger amount ("$2 million"), and an amount of something else (savings,
shipping, the least order, a part that comes with it, a coin's or a note's face, pay, what happens in a story).

Polars finds the few texts that hold the price's digits and a hint of money; only those are looked at amount by amount.
Every pattern that looks around a number sees a bounded stretch of text, so the time is linear in the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import polars as pl

MARK = "[price]"
"""What stands in a masked text in the place of each amount."""

# Several patterns of few words each: the regex engine finds those by their rarest bytes, which it can't of many.
_HINTS = (r"[$＄¢]", r"(?i)srp|rrp|price", r"(?i)usd|dollar|buck", r"(?i)retail|cents|cent ")
_NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]{2}(?![0-9])")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+")
_BEFORE, _AFTER = 90, 40
"""Characters that are looked at on either side of a number."""
_SIGNS = 24
"""Characters that are looked at for a sign and what is glued to it."""

# -- what makes a number an amount of US dollars

_SIGN = re.compile(
    r"(?i)(?:(?P<glued>[A-Za-z0-9-]*)[$＄]|(?<![A-Za-z0-9])USD ?[$＄]?|(?<![A-Za-z0-9])US ?[$＄]"
    r"|\bU\.S\. ?[$＄]|\bUS dollars?:?)[ \t]?$"
)
_SIGN_AFTER = re.compile(
    r"(?i)[ \t]?(?:[$＄](?![ \t]?[\w])|USD\b|US[ \t]?[$＄]|-?[ \t]?(?:U\.?S\.? )?(?:dollars?|bucks?)\b)"
)
_CENTS_AFTER = re.compile(r"(?i)[ \t-]?(?:¢|cents?\b)")
# Cents that stand after the dollars: "$19 99", "19 dollars and 99 cents".
_SPLIT = re.compile(r"[ \t]([0-9]{2})(?![0-9A-Za-z.,%\"'/-])")
_SPOKEN = re.compile(r"(?i)[ \t](?:dollars?|bucks?),?[ \t](?:and[ \t])?([0-9]{1,2})[ \t]?(?:cents?\b|¢)")
# A price's name, with whole dollars or not; and words after which only an amount with cents is taken for money.
_NAMED = re.compile(
    r"(?i)\b(?:MSRP|M\.S\.R\.P\.?|RRP|SRP|(?:retail|list|sale|cover|original|regular|suggested|our) price"
    r"|retails?(?: value)?(?: for| at| of|(?=[ \t]*[:=]))|price(?=[ \t]*[:=]|[ \t]+(?:is|at|was)\b)|priced at)"
    r"[ \t]*(?:[:=-]|is\b|of\b|at\b|was\b)?[ \t]*(?:only|just|about|around|approx\.?)?[ \t]*$"
)
_WORDED = re.compile(
    r"(?i)\b(?:prices?|priced|costs?|pay(?:ing)?|sells?|sold|worth|valued?|only|just|now|was|for|at|from|under|below"
    r"|than)[ \t]*:?[ \t]*(?:is|of|at|only|just|for)?[ \t]*$"
)
_PRICED = re.compile(r"(?i)\b(?:under|below|for|only|just|at|than|costs?|is)[ \t]+$")
_ONE_DOLLAR = re.compile(r"(?i)(?:dollar|buck)$")
_OTHER_DOLLARS = frozenset(("AU", "AUD", "CA", "CAD", "CDN", "HK", "HKD", "MX", "NT", "NZ", "NZD", "SG", "SGD", "TT"))
_NO_MONEY_BEFORE = frozenset(".,#/_£€¥₹")
_DECIMAL_COMMA = re.compile(r"[0-9]{1,3},[0-9]{2}")
_LONGEST = 14
"""Characters of a number that is still read as an amount."""
_CENTS = re.compile(r"[0-9][0-9,]*\.[0-9]{2}")
# What stands after a number that is no money, or not all of it.
_MORE_NUMBER = re.compile(
    r",?[ \t][0-9]|[0-9%\"'°″”’×*#]|[.,/:-][0-9]|[ \t]?[-–][ \t]?[0-9]|[ \t]?[x×*][ \t]?[0-9]|[A-Za-z]"
)
_UNIT = re.compile(
    r"(?i)[ \t]?-?(?:[%\"°]|(?:in(?:ch(?:es)?)?|ft|feet|foot|yards?|yds?|[cmk]?m|meters?|miles?|oz|ounces?|lbs?|pounds?"
    r"|[mk]?g|grams?|kilo\w*|fl|qt|quarts?|gal\w*|m?l|lit\w+|ml|x|by|pcs?|pieces?|pk|packs?|sets?|counts?|ct|pairs?"
    r"|sheets?|pages?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?|yrs?|seconds?|percent|volts?|v|watts?|w"
    r"|[mkg]?hz|amps?|mah|degrees?|mp|gb|mb|tb|mbps|gbps|stars?|diameter|wide|long|tall|thick|deep|high|size|and up"
    r"|generation|edition|version|ghz|usb|square|sq|cubic|cu|cal\w*|gauge|ga|mil|hp|rpm|psi|dpi)\b)"
)

# -- what makes an amount one of something else

_LARGER = re.compile(r"(?i)[ \t]?[-+]?[ \t]?(?:(?:million|billion|trillion|thousand|hundred|mil|bn)\b|[MBK]\b|'?s\b)")
_THINGS = (
    r"(?:off|discounts?|rebates?|sav(?:ings?|ed)|coupons?|vouchers?|credits?|cash|bonus|gift (?:cards?|certificates?)"
    r"|bills?|notes?|coins?|rewards?|prizes?|fees?|deposits?|donations?|tips|stakes?|bail|bets?|wagers?|bount(?:y|ies)"
    r"|checks?|loans?|salar(?:y|ies)|wages?|income|debts?|fines?|rent|grants?|scholarships?|budgets?|fortunes?|ransoms?"
    r"|investments?|settlements?|minimum|orders|purchases|additional|extra (?:for|charge|cost)|surcharges?|stamps?)"
)
# Up to the end of a sentence; a full stop ends one only before white space.
_ON = r"(?:[^.!?;\n]|\.\S)"
_THING_AFTER = re.compile(
    rf"(?i)[ \t]?(?:USD)?[ \t+-]*(?:in |or more |towards? )?(?:of )?(?:free )?{_THINGS}\b"
    r"|[ \t](?:worth of|of (?:the|each|every|your)\b)"
    # "$19.99 with free shipping" is a price, "$4.99 shipping" is not.
    rf"|(?!{_ON}{{0,20}}(?:\b(?:free|plus|with|includ\w+)|\+)[ \t]){_ON}{{0,12}}\b(?:shipping|postage|delivery|S&H)\b"
    r"|[^?\n]{0,25}\btheir (?:web ?)?site\b"
    r"|[ \t]?(?:/|per|an?|each|every)[ \t]?(?:hour|hr|day|night|week|month|mo|square|sq|mile|share|plate|person)\b"
)
# Words that may stand between a thing and its amount.
_FILL = (
    r"(?:[ \t:]+(?:you|up|to|over|as|much|an?|additional|extra|more|than|about|around|at|least|of|is|are|only|just|the"
    r"|US|for|from|or|it|generally|rate|and|handling|setup|costs?|charges?|fees?|remains?|per|order|orders|was|will|be))"
    r"{0,6}[ \t:(+-]*"
)
_THING_BEFORE = re.compile(
    rf"(?i)(?:\b(?:sav(?:e[sd]?|ings?)|discounts?|rebates?|coupons?|credits?|earn\w*|donat\w+|donations?|rewards?|bonus"
    rf"|gift (?:cards?|certificates?)|fee|deposit|rent|salary|tune|commemorative(?: gold| silver)?|denominations?"
    rf"|face value|shell(?:ed)? out|additional|(?<!free )(?:shipping|delivery|handling|postage|freight)){_FILL}"
    r"|\b(?:orders?|purchases?|items|spend)(?: of| over| above| totall?ing| more than| exceeding)[ \t]*(?:US )?"
    r"|\bprice (?:is )?(?:over|above|more than|exceeding)[ \t]*(?:US )?"
    r"|\b(?:purchase|spend|extra)[ \t]*|\+[ \t]*"
    rf"|\b(?:could|would|can|might|may) cost\b{_ON}{{0,30}}"
    r"|\b(?:alone|many|most|other|similar)[ \t](?:\w+[ \t]){0,4}(?:sell|cost|retail|go|charge)s?\b(?:[ \t]\w+){0,2}"
    r"(?:[ \t](?:for|at))?[ \t]*"
    r"|\bvs\.?[ \t]*\(?|\b(?:versus|competitors?|elsewhere|along ?side|knock[ -]?offs?)\b[^!?\n]{0,30}"
    rf"|\b(?:he|she)\b{_ON}{{0,60}}"
    r"|\bprices (?:start|starting|begin|as low as|from)(?:[ \t]+(?:at|from|only|just))*[ \t]*"
    r"|\b(?:gifts|everything|ideas|labels|styles|looks|meals|finds)(?: for)? under[ \t]*"
    rf"|\b(?:protection|warranty|service|insurance|care|replacement) plan\b{_ON}{{0,20}})$"
)
# "a $500 reward", "the $4 healthy meal": an amount that describes the next word.
_ARTICLE = re.compile(r"(?i)\b(?:an?|the|pair of)[ \t]+$")
_DESCRIBED = re.compile(r"(?i)(?:[ \t]?-?dollar)?[ \t](?!(?:value|price|retail|msrp|list|tag|sale|deal)\b)[A-Za-z]")
# Three amounts or more with nothing between them are an account; two are an old and a new price.
_AMOUNT_BEFORE = re.compile(r"[$＄][0-9.,]+[ \t]+$")
_AMOUNT_AFTER = re.compile(r"[ \t]+[$＄][0-9.,]+")
_TWO_BEFORE = re.compile(r"(?:[$＄][0-9.,]+[ \t]+){2}$")
_TWO_AFTER = re.compile(r"(?:[ \t]+[$＄][0-9.,]+){2}")
# "$25.95 value" among what comes with the item.
_VALUE = re.compile(r"(?i)[ \t]?value\b")
_COMES_WITH = re.compile(r"(?i)\b(?:includ\w+|free|bonus|plus)\b|\b[0-9]+[ \t]?ea\b")


def states_own_price(text: pl.Series, price: pl.Series) -> pl.Series:
    """Tell which texts hold an amount of money that is the item's own price.

    Args:
        text: The product texts.
        price: Their prices (USD).

    >>> texts = pl.Series(["only $24.99!", "24.99 inches", "MSRP 25"])
    >>> states_own_price(texts, pl.Series([24.99, 24.99, 24.99])).to_list()
    [True, False, True]
    """
    rows = _candidates(text, price)
    if rows.is_empty():
        return pl.repeat(value=False, n=len(text), eager=True)
    own = [
        next(own_amounts(one, its), None) is not None
        for one, its in zip(text.gather(rows), price.gather(rows), strict=True)
    ]
    return pl.repeat(value=False, n=len(text), eager=True).scatter(rows.filter(pl.Series(own)), True)


def mask_own_price(text: pl.Series, price: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Put `MARK` in the place of each amount that is the item's own price.

    Args:
        text: The product texts.
        price: Their prices (USD).

    Returns:
        The texts, and which of them were changed.

    >>> [texts.to_list() for texts in mask_own_price(pl.Series(["MSRP $24.99, 10 oz"]), pl.Series([24.99]))]
    [['MSRP [price], 10 oz'], [True]]
    """
    rows = _candidates(text, price)
    changed = pl.repeat(value=False, n=len(text), eager=True)
    if rows.is_empty():
        return text, changed
    found = text.gather(rows)
    masked = pl.Series([_mask(one, its) for one, its in zip(found, price.gather(rows), strict=True)], dtype=pl.String)
    return text.scatter(rows, masked), changed.scatter(rows.filter(masked != found), True)


def own_amounts(text: str, price: float) -> Iterator[tuple[int, int]]:
    """Yield where in a text (start and end, characters) amounts stand that are the price (USD) of its item."""
    end = 0
    # Most numbers differ in their first digit already; below a dollar an amount may begin with 0, "." or its cents.
    first = f"{math.floor(price)}"[0] + f"{math.ceil(price)}"[0] if price >= 1 else ".0123456789"
    for match in _NUMBER.finditer(text):
        if match.start() < end or match.group()[0] not in first:
            continue
        number = match.group().rstrip(",")
        start, stop = match.start(), match.start() + len(number)
        value = _value(number)
        # Of dollars whose cents stand apart the number is up to a dollar off; of cents alone it is the hundredfold.
        if value is None or (abs(value - price) >= 1 and abs(value / 100 - price) >= 0.005):
            continue
        before, after = text[max(0, start - _BEFORE) : start], text[stop : stop + _AFTER]
        around = _amount(number, value, price, before, after)
        if around is None:
            continue
        ahead, behind = around
        if not _of_something_else(before[: len(before) - ahead], after[behind:], after[:behind]):
            end = stop + behind
            yield start - ahead, end


def _candidates(text: pl.Series, price: pl.Series) -> pl.Series:
    """Return the rows whose text holds the price's digits, with its cents or with a hint of money somewhere."""
    near = pl.col("price").floor()
    # Of thousands the last three digits, which a comma leaves together; prices below a dollar may stand as cents.
    digits = [
        pl.when(pl.col("price") < 999)
        .then(dollars.cast(pl.Int64).cast(pl.String))
        .otherwise((dollars.cast(pl.Int64) % 1000).cast(pl.String).str.zfill(3))
        for dollars in (near, pl.col("price").ceil())
    ]
    cents = ((pl.col("price") * 100).round(0).cast(pl.Int64) % 100).cast(pl.String).str.zfill(2)
    held = [pl.col("text").str.contains(one, literal=True) for one in digits]
    rows = (
        pl.DataFrame({"text": text, "price": price})
        .with_row_index("row")
        .filter(pl.any_horizontal(*held) | (pl.col("price") < 1))
        .filter(
            pl.any_horizontal(pl.col("text").str.contains(hint) for hint in _HINTS)
            | pl.col("text").str.contains(pl.concat_str(digits[0], pl.lit("."), cents), literal=True)
        )
    )
    return rows["row"]


def _value(number: str) -> float | None:
    """Read a number; ``19,99`` has a decimal comma. None if its commas make no sense."""
    dollars, _, cents = number.partition(".")
    if _DECIMAL_COMMA.fullmatch(number):
        dollars, _, cents = number.partition(",")
    if len(number) > _LONGEST or (dollars and not _GROUPED.fullmatch(dollars)):
        return None
    return float(f"{dollars.replace(',', '') or '0'}.{cents or '0'}")


def _is(value: float, price: float) -> bool:
    """Tell whether an amount (USD) is a price, or the whole number of dollars that it rounds to."""
    gap = abs(value - price)
    return gap < 0.005 or (gap <= 0.5 and value >= 1 and value == int(value))


def _amount(number: str, value: float, price: float, before: str, after: str) -> tuple[int, int] | None:
    """Return how many characters before and after a number belong to the amount that is the price, if it is one."""
    if sign := _SIGN.search(before[-_SIGNS:]):
        if not _is_us_dollar(sign.group("glued") or ""):
            return None
        glued = len(sign.group("glued") or "")
        ahead = len(sign.group()) - (glued if (sign.group("glued") or "").upper() not in ("US", "USD") else 0)
        spoken, split = _SPOKEN.match(after), _SPLIT.match(after)
        if split and abs(value + int(split.group(1)) / 100 - price) < 0.005:
            return ahead, split.end()
        if spoken:
            return (ahead, spoken.end()) if abs(value + int(spoken.group(1)) / 100 - price) < 0.005 else None
        named = _SIGN_AFTER.match(after)
        return (ahead, named.end() if named else 0) if _is(value, price) else None
    if before[-1:].isalnum() or before[-1:] in _NO_MONEY_BEFORE:
        return None
    if spoken := _SPOKEN.match(after):
        return (0, spoken.end()) if abs(value + int(spoken.group(1)) / 100 - price) < 0.005 else None
    if cents := _CENTS_AFTER.match(after):
        return (0, cents.end()) if min(abs(value / 100 - price), abs(value - price)) < 0.005 and price < 1 else None
    if not _is(value, price):
        return None
    if named := _SIGN_AFTER.match(after):
        return 0, named.end()
    if _MORE_NUMBER.match(after) or _UNIT.match(after):
        return None
    if _NAMED.search(before) or (_CENTS.fullmatch(number) and abs(value - price) < 0.005 and _WORDED.search(before)):
        return 0, 0
    return None


def _is_us_dollar(glued: str) -> bool:
    """Tell whether a dollar sign with these letters before it is one: not so in a part number or ``CA$``."""
    letters = sum(character.isalpha() for character in glued)
    if letters == 1 or glued.upper() in _OTHER_DOLLARS:
        return False
    return not letters or not any(character.isdigit() for character in glued)


def _of_something_else(before: str, after: str, word: str) -> bool:
    """Tell whether an amount is said of something else than the item; `word` is what followed the number."""
    if _LARGER.match(after) or _THING_AFTER.match(after) or _THING_BEFORE.search(before):
        return True
    adjective = _ARTICLE.search(before) or (_ONE_DOLLAR.search(word) and not _PRICED.search(before))
    if adjective and _DESCRIBED.match(after):
        return True
    if _TWO_BEFORE.search(before) or _TWO_AFTER.match(after):
        return True
    if _AMOUNT_BEFORE.search(before) and _AMOUNT_AFTER.match(after):
        return True
    return bool(_VALUE.match(after) and _COMES_WITH.search(before))


def _mask(text: str, price: float) -> str:
    """Return a text in which no amount is left that is the price."""
    while spans := list(own_amounts(text, price)):
        ends = [0, *(end for _, end in spans)]
        kept = [text[end:start] for end, (start, _) in zip(ends, spans, strict=False)]
        text = MARK.join([*kept, text[ends[-1] :]])
    return text
