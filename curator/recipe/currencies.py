"""Currencies: their marks, their names, and how an amount of money is written on pages and in messages."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

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


@dataclass(frozen=True)
class Money:
    """How pages and messages write amounts of one recipe or dataset.

    Attributes:
        currency: The currency of its prices.
        unit: How much of it a slot is wide.
        symbol: What is written with an amount; one of letters comes after it.
    """

    currency: Currency
    unit: float
    symbol: str

    @classmethod
    def of(cls, price: Mapping[str, Any]) -> Money:
        """Return the money of a recipe's table `price`; one from before there were currencies has none."""
        own = currency(price.get("currency", "USD"))
        return cls(own, price.get("unit", 1), price.get("symbol", own.symbol))

    @property
    def code(self) -> str:
        """The ISO code."""
        return self.currency.code

    def format(self, decimals: int | None = None) -> str:
        """Return a format string of amounts.

        >>> Money.of({}).format(), Money.of({"currency": "PLN"}).format(0)
        ('${:,.2f}', '{:,.0f} zł')
        """
        number = f"{{:,.{self.currency.decimals if decimals is None else decimals}f}}"
        symbol = self.symbol.strip().replace("{", "{{").replace("}", "}}")
        return f"{number} {symbol}" if symbol[-1:].isalpha() else f"{symbol}{number}"

    def amount(self, amount: float, decimals: int | None = None) -> str:
        """Return an amount of the currency.

        >>> Money.of({}).amount(-12.5), Money.of({"currency": "JPY"}).amount(12800)
        ('-$12.50', '¥12,800')
        """
        return f"{'-' if amount < 0 else ''}{self.format(decimals).format(abs(amount))}"

    def slot(self, slot: float) -> str:
        """Return the amount that a slot stands for.

        >>> Money.of({}).slot(999), Money.of({"currency": "JPY", "unit": 100}).slot(999)
        ('$999', '¥99,900')
        """
        amount = slot * self.unit
        return self.amount(amount, 0 if amount == round(amount) else 2)


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
