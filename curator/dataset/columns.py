"""The columns of the Parquet files that are published."""

from __future__ import annotations

import pyarrow as pa

SCHEMAS = {
    "data": {
        "prompt": pa.string(),
        "completion": pa.string(),
        "price": pa.float64(),
        "category": pa.string(),
        "title": pa.string(),
        "parent_asin": pa.string(),
        "slot": pa.int32(),
        "tokens": pa.int32(),
    },
    "text": {"text": pa.string(), "price": pa.float64()},
    "openai": {"messages": pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))},
}
"""Columns of the Parquet files, by their folder."""
