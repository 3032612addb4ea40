"""What changed between two runs: settings, fates, distributions, and which rows were gained and lost, with reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from curator.pages.result import Result, Table, html
from curator.recipe.load import keys
from curator.run.finished import FinishedRun
from curator.run.ledger import FATES, SPLITS
from curator.system.display import visible

SAMPLES = 5
"""Rows shown of each kind of change."""

_ABSENT = "not_read"
"""The fate of a row that only the other run has read."""

_FATE = pl.Enum([*FATES, _ABSENT])

_NARROW: dict[str, pl.DataType | type[pl.DataType]] = {
    "shard": pl.UInt32,
    "row": pl.Int64,
    "parent_asin": pl.String,
    "fate": _FATE,
}


_Key = tuple[str, str, int]
"""A source: its name, its digest, and its ordinal among equal sources."""


@dataclass(frozen=True)
class _Side:
    """One run: its directory, its summary, and the shards of each source."""

    run: FinishedRun
    summary: dict[str, Any]
    sources: dict[_Key, list[int]]


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """What changed from one run to another.

    Attributes:
        a: Overview of the run that is compared to.
        b: Overview of the run that is looked at.
        recipe: The settings that differ, each with its `key`, `sentence`, `a` and `b`.
        versions: The versions that differ.
        fates: Rows of each fate in both.
        matched: Rows matched by `row` and by `parent_asin`, and those of one run alone (`only_a`, `only_b`).
        moves: Rows by their two fates.
        published: Rows in `both`, in the `same_split`, with an `other_prompt`; `gained` and `lost`.
        gained: For each reason in `a` the rows that `b` publishes and `a` does not, with some examples.
        lost: For each reason in `b` the rows that `a` publishes and `b` does not, with some examples.
    """

    a: dict[str, Any]
    b: dict[str, Any]
    recipe: list[dict[str, Any]]
    versions: list[dict[str, Any]]
    fates: list[dict[str, Any]]
    matched: dict[str, int]
    moves: list[dict[str, Any]]
    published: dict[str, int]
    gained: list[dict[str, Any]]
    lost: list[dict[str, Any]]

    @property
    def labels(self) -> tuple[str, str]:
        """What the two runs are called: their recipes, or their folders where these are the same."""
        if self.a["recipe"] != self.b["recipe"]:
            return self.a["recipe"], self.b["recipe"]
        a, b = self.a["run"], self.b["run"]
        return (a, b) if a != b else (f"{a} (first)", f"{b} (second)")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values that JSON can hold."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def __str__(self) -> str:
        rows = [("", *self.labels), *self._counts()]
        wide, first, second = (max(len(row[column]) for row in rows) for column in range(3))
        lines = [f"{name:<{wide}}  {left:>{first}}  {right:>{second}}" for name, left, right in rows]
        return visible("\n".join([*lines, "", *self._changes()]), keep="\n")

    def _repr_html_(self) -> str:
        return html(" → ".join(self.labels), self._changes(), tables=[Table(self._counts(), ("", *self.labels))])

    def _counts(self) -> list[tuple[str, str, str]]:
        """Return the rows of the table: what is counted, in `a` and in `b`."""
        named = (("rows_in", "rows in"), ("sampled", "sampled"))
        rows = [(name, f"{self.a[key]:,}", f"{self.b[key]:,}") for key, name in named]
        return rows + [(f"  {one['fate']}", f"{one['a']:,}", f"{one['b']:,}") for one in self.fates]

    def _changes(self) -> Iterator[str]:
        """Yield what changed, in sentences."""
        yield f"settings that differ: {', '.join(one['key'] for one in self.recipe) or 'none'}"
        yield (
            f"published by both {self.published['both']:,}: {self.published['same_split']:,} in the same split,"
            f" {self.published['other_prompt']:,} with another prompt"
        )
        for kind, where, moved in zip(("gained", "lost"), self.labels, (self.gained, self.lost), strict=True):
            reasons = ", ".join(f"{one['reason']} {one['rows']:,}" for one in moved)
            yield f"{kind} {self.published[kind]:,}" + (f": in {where} {reasons}" if reasons else "")


def compare(path_a: Path, path_b: Path) -> Comparison:
    """Compare two runs row by row.

    Rows are matched by source and row number where both runs read the same content under the same name; all others by
    `parent_asin`, the first row of each. One source is in memory at a time.

    Args:
        path_a: The run that is compared to.
        path_b: The run that is looked at.

    Raises:
        UsageError: One of them is no folder.
        RunError: One of them is not a finished run of this curator.
    """
    a, b = _side(path_a), _side(path_b)
    tally = _Tally(a, b)
    shared = [key for key in a.sources if key in b.sources]
    for key in shared:
        tally.add("row", _rows(a, key), _rows(b, key))
    rest = [[_rows(side, key) for key in side.sources if key not in shared] for side in (a, b)]
    tally.add("parent_asin", *(pl.concat(some) if some else _NO_ROWS for some in rest))
    return Comparison(
        a=_overview(a),
        b=_overview(b),
        recipe=_settings(a.summary["settings"], b.summary["settings"]),
        versions=_differences(_versions(a.summary), _versions(b.summary)),
        fates=[
            {"fate": fate, "a": a.summary["fates"].get(fate, 0), "b": b.summary["fates"].get(fate, 0)}
            for fate in FATES
            if fate in a.summary["fates"] or fate in b.summary["fates"]
        ],
        **tally.result(),
    )


_NO_ROWS = pl.DataFrame(schema=_NARROW)


class _Tally:
    """Counts the rows by their two fates, and keeps a few of each change."""

    def __init__(self, a: _Side, b: _Side) -> None:
        self.a, self.b = a, b
        self.moves: dict[tuple[str, str], int] = {}
        self.matched = {"row": 0, "parent_asin": 0}
        self.changed = 0
        self.examples: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def add(self, way: str, rows_a: pl.DataFrame, rows_b: pl.DataFrame) -> None:
        """Count the rows of both runs, matched by `row` or by `parent_asin`, each of which must be there."""
        repeated: list[pl.DataFrame] = []
        if way == "parent_asin":
            # A product that comes twice has no partner the second time, nor has one without a name.
            first = pl.col("parent_asin").is_not_null() & pl.col("parent_asin").is_first_distinct()
            repeated = [rows_a.filter(~first), rows_b.filter(~first)]
            rows_a, rows_b = rows_a.filter(first), rows_b.filter(first)
        other = rows_b.rename({name: f"{name}_b" for name in rows_b.columns})
        both = rows_a.join(
            other, left_on=way, right_on=f"{way}_b", how="full", coalesce=False, maintain_order="left_right"
        )
        if repeated:
            alone = repeated[1].rename({name: f"{name}_b" for name in rows_b.columns})
            both = pl.concat([both, repeated[0], alone], how="diagonal")
        self.matched[way] += int((both["fate"].is_not_null() & both["fate_b"].is_not_null()).sum())
        both = both.with_columns(pl.col("fate", "fate_b").fill_null(_ABSENT))
        for fate_a, fate_b, rows in both.group_by("fate", "fate_b").agg(pl.len()).iter_rows():
            self.moves[fate_a, fate_b] = self.moves.get((fate_a, fate_b), 0) + rows
        kept_a, kept_b = (pl.col(name).cast(pl.String).is_in(SPLITS) for name in ("fate", "fate_b"))
        self._count_changed(both.filter(kept_a & kept_b))
        changed = both.filter(kept_a != kept_b).group_by("fate", "fate_b", maintain_order=True).head(SAMPLES)
        for row in changed.iter_rows(named=True):
            listed = self.examples.setdefault((row["fate"], row["fate_b"]), [])
            if len(listed) < SAMPLES:
                listed.append(row)

    def result(self) -> dict[str, Any]:
        """Return what was counted."""
        order = {name: place for place, name in enumerate(_FATE.categories)}
        moves = sorted(self.moves.items(), key=lambda one: (order[one[0][0]], order[one[0][1]]))
        kept = {(a, b): n for (a, b), n in moves if a in SPLITS and b in SPLITS}
        gained = {(a, b): n for (a, b), n in moves if a not in SPLITS and b in SPLITS}
        lost = {(a, b): n for (a, b), n in moves if a in SPLITS and b not in SPLITS}
        return {
            "matched": {
                **self.matched,
                "only_a": sum(n for (_, b), n in moves if b == _ABSENT),
                "only_b": sum(n for (a, _), n in moves if a == _ABSENT),
            },
            "moves": [{"a": a, "b": b, "rows": n} for (a, b), n in moves],
            "published": {
                "both": sum(kept.values()),
                "same_split": sum(n for (a, b), n in kept.items() if a == b),
                "other_prompt": self.changed,
                "gained": sum(gained.values()),
                "lost": sum(lost.values()),
            },
            "gained": self._reasons(gained, self.b, 0),
            "lost": self._reasons(lost, self.a, 1),
        }

    def _reasons(self, moves: Mapping[tuple[str, str], int], side: _Side, reason: int) -> list[dict[str, Any]]:
        """Return rows and examples for each reason: the fate in the run that does not publish them."""
        found: dict[str, dict[str, Any]] = {}
        for move, rows in moves.items():
            one = found.setdefault(move[reason], {"reason": move[reason], "rows": 0, "examples": []})
            one["rows"] += rows
            room = SAMPLES - len(one["examples"])
            suffix = "" if side is self.a else "_b"
            one["examples"] += [_titled(side, row, suffix) for row in self.examples[move][:room]]
        return sorted(found.values(), key=lambda one: (-one["rows"], one["reason"]))

    def _count_changed(self, both: pl.DataFrame) -> None:
        """Count the rows published by both runs whose prompts differ."""
        for (shard_a, shard_b), some in both.partition_by("shard", "shard_b", as_dict=True).items():
            prompts_a = _prompts(self.a, int(shard_a)).join(some.select("row", other="row_b"), on="row")
            joined = prompts_a.join(_prompts(self.b, int(shard_b)).rename({"row": "other"}), on="other", suffix="_b")
            self.changed += int((joined["prompt"] != joined["prompt_b"]).sum())


def _side(path: Path) -> _Side:
    run = FinishedRun(path)
    with run.reading():
        sources: dict[_Key, list[int]] = {}
        ordinals: Counter[tuple[str, str]] = Counter()
        # The same file may be a source twice.
        for _, shards in groupby(run.shards.values(), key=lambda shard: id(shard.source)):
            first, *others = shards
            same = (first.source.name, first.source.sha256)
            sources[(*same, ordinals[same])] = [shard.index for shard in (first, *others)]
            ordinals[same] += 1
    return _Side(run, run.summary, sources)


def _rows(side: _Side, key: _Key) -> pl.DataFrame:
    """Return the ledger of one source."""
    parts = [side.run.directory.ledger(shard) for shard in side.sources[key]]
    if not parts:
        return pl.DataFrame(schema=_NARROW)
    rows = pl.scan_parquet(parts, glob=False).select("shard", "row", "parent_asin", pl.col("fate").cast(_FATE))
    return rows.collect()


def _prompts(side: _Side, shard: int) -> pl.DataFrame:
    return pl.read_parquet(side.run.directory.items(shard), columns=["row", "prompt"], glob=False)


def _titled(side: _Side, row: Mapping[str, Any], suffix: str) -> dict[str, Any]:
    """Return a published row as the run that publishes it has it."""
    part = pl.scan_parquet(side.run.directory.items(row[f"shard{suffix}"]), glob=False)
    items = part.filter(pl.col("row") == row[f"row{suffix}"])
    title, price, asin = items.select("title", "price", "parent_asin").collect().row(0)
    return {"parent_asin": asin, "title": (title or "")[:300], "price": price, "a": row["fate"], "b": row["fate_b"]}


def _overview(side: _Side) -> dict[str, Any]:
    wanted = ("curator", "recipe", "rows_in", "items", "sampled", "fates", "splits", "tokenizer", "verdict")
    facts = {key: side.summary[key] for key in (*wanted, "distributions")}
    return {"run": side.run.path.name, "sources": [one["name"] for one in side.summary["sources"]], **facts}


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the settings that differ, with the sentence of each."""
    sentences = dict(keys())
    differing = _differences(dict(_flat(a)), dict(_flat(b)))
    return [{"key": one["name"], "sentence": sentences.get(one["name"], ""), **one} for one in differing]


def _flat(settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            for inner, setting in value.items():
                yield f"{name}.{inner}", setting
        else:
            yield name, value


def _versions(summary: Mapping[str, Any]) -> dict[str, Any]:
    tokenizer = summary["tokenizer"]["sha256"]
    return {"curator": summary["curator"], **summary["versions"], "tokenizer sha256": tokenizer}


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [*a, *(name for name in b if name not in a)]
    return [{"name": name, "a": a.get(name), "b": b.get(name)} for name in names if a.get(name) != b.get(name)]
