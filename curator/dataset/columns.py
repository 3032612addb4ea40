"""The published configs and their columns, each described once: files, card, Croissant file and checks follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A published column.

    Attributes:
        name: Its name.
        type: Its type as the Hub names it; for a list of objects the types of their keys.
        sentence: What it holds, with units; may name the recipe's `{answer}`, `{tokenizer}`, `{currency}`.
    """

    name: str
    type: str | Mapping[str, str]
    sentence: str

    @property
    def arrow(self) -> pa.DataType:
        """The type as Arrow has it."""
        if isinstance(self.type, str):
            return pa.type_for_alias(self.type)
        return pa.list_(pa.struct([(key, pa.type_for_alias(kind)) for key, kind in self.type.items()]))


@dataclass(frozen=True)
class Config:
    """A published config: the folder of its Parquet files, and its columns in their order."""

    folder: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    @property
    def schema(self) -> pa.Schema:
        """The schema of the Parquet files."""
        return pa.schema([(column.name, column.arrow) for column in self.columns])


_PRICE = Column("price", "float64", "the price as listed, in {currency}")
_DEFAULT = (
    Column("prompt", "string", "question and product text; ends exactly at {answer}"),
    Column("completion", "string", "the price in whole {currency} and `.00`"),
    _PRICE,
    Column("category", "string", "the category that the source names, or null"),
    Column("title", "string", "the title as the source has it, or null"),
    Column("parent_asin", "string", "the source's id of the product, or null"),
    Column("slot", "int32", "the price in whole {currency}, 1 to 999"),
    Column("tokens", "int32", "tokens of prompt and completion under {tokenizer}"),
)
_TEXT = (Column("text", "string", "prompt and completion; in `test` the prompt up to the first answer words"), _PRICE)
_CHAT = "system, user, assistant; the assistant says the price with two decimals"
_OPENAI = (Column("messages", {"role": "string", "content": "string"}, _CHAT),)

CONFIGS = {"default": Config("data", _DEFAULT), "text": Config("text", _TEXT), "openai": Config("openai", _OPENAI)}
"""The configs by their names."""
