"""Reading a verdict, and files that are changed for it: what the tests in `verify` share."""

import polars as pl
import pyarrow.parquet as pq

COURSE = {"tokenizer": "o200k_base", "split.train": 200, "split.test": 40, "slots.cap": 5}


def failures(verdict):
    """Id of each check that fails, with its problems in one text."""
    return {one.id: "\n".join(one.problems) for one in verdict.checks if one.state == "fails"}


def states(verdict):
    return {one.id: one.state for one in verdict.checks}


def change(path, edit):
    """Rewrite a Parquet file, its schema kept, with what `edit` makes of its rows."""
    schema = pq.read_schema(path)
    pq.write_table(edit(pl.read_parquet(path)).to_arrow().cast(schema), path)


def set_at(column, row, value):
    here = pl.int_range(pl.len()) == row
    return lambda table: table.with_columns(pl.when(here).then(pl.lit(value)).otherwise(column).alias(column))
