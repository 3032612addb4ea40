"""Currencies: their marks, their names, and how an amount of money is written on pages and in messages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Notation = Literal["dot", "comma", "swiss", "indian"]
"""How the shops of a currency write thousands and decimals: 1,299.00; 1.299,00; 1'299.00; 1,29,900.00."""


@dataclass(frozen=True)
class Currency:
    """A currency; one that the table does not have is its code and nothing else.

    Attributes:
        code: ISO 4217.
        unit: The noun of one, in English.
        units: The noun of several.
        symbol: What is written with an amount in prompts and on pages.
        marks: What shops write before or after an amount, code and symbol included; several currencies may share one.
        notation: How its shops write thousands and decimals.
        decimals: Decimals of amounts on pages.
    """

    code: str
    unit: str
    units: str
    symbol: str
    marks: tuple[str, ...]
    notation: Notation = "dot"
    decimals: int = 2

    def format(self, decimals: int | None = None) -> str:
        """Return a format of amounts; a symbol of letters comes after them.

        >>> currency("USD").format().format(1299), currency("PLN").format(0).format(1299)
        ('$1,299.00', '1,299 zł')
        """
        number = f"{{:,.{self.decimals if decimals is None else decimals}f}}"
        return f"{number} {self.symbol}" if self.symbol.isalpha() else f"{self.symbol}{number}"

    def money(self, amount: float, decimals: int | None = None) -> str:
        """Return an amount as pages and messages show it.

        >>> currency("USD").money(-12.5), currency("JPY").money(12800)
        ('-$12.50', '¥12,800')
        """
        return f"{'-' if amount < 0 else ''}{self.format(decimals).format(abs(amount))}"


@cache
def currencies() -> Mapping[str, Currency]:
    """Return the table of currencies by their code."""
    table = tomllib.loads(resources.files("curator").joinpath("recipe", "currencies.toml").read_text("utf-8"))
    return {
        code: Currency(code, **{**entry, "marks": (code, entry["symbol"], *entry["marks"])})
        for code, entry in table.items()
    }


def currency(code: str) -> Currency:
    """Return a currency; of one that is not in the table, mark, symbol and name are the code.

    >>> currency("EUR").symbol, currency("XAF").units
    ('€', 'XAF')
    """
    return currencies().get(code) or Currency(code, code, code, code, (code,))
