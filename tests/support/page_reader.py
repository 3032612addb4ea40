"""Read a page's numbers and texts, and recompute a report's numbers from a run's files alone."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl

SPLITS = ("train", "validation", "test")
WEIGHT = re.compile(r"(?i)\bItem Weight: ([0-9][0-9.,]*) (pounds?|lbs?|ounces?|oz|kilograms?|kg|grams?|g)\b")
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """What a page says.

    Attributes:
        numbers: Value and text of each `<data>`, by its key.
        prose: Texts that stand in none of `<data>`, `<svg>`, `<style>`, `<code>`, `.mono`, `.sample`, `.dropped`.
        checks: The sentence of each check, by its id.
        tags: How often each element comes, and each attribute that would load or run something.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.numbers: dict[str, tuple[str, str]] = {}
        self.prose: list[str] = []
        self.checks: dict[str, str] = {}
        self.tags: Counter[str] = Counter()
        self.loads: list[tuple[str, str | None]] = []
        self._open: list[tuple[str, bool, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags[tag] += 1
        self.loads += [
            (name, value)
            for name, value in attrs
            if name in ("src", "srcset", "action") or name.startswith("on") or (name == "href" and value[:1] != "#")
        ]
        classes = (values.get("class") or "").split()
        aside = tag in ("data", "svg", "style", "code", "title") or bool({"mono", "sample", "dropped"} & {*classes})
        if tag not in VOID:
            self._open.append((tag, aside, values))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1][0] == tag, f"</{tag}> closes <{self._open[-1][0]}>"
        self._open.pop()

    def handle_data(self, text: str) -> None:
        for tag, _, values in self._open:
            if tag == "li" and (values.get("id") or "").startswith("check-") and self._open[-1][0] == "p":
                self.checks[values["id"].removeprefix("check-")] = text
        if self._open and self._open[-1][0] == "data":
            values = self._open[-1][2]
            assert values["data-key"] not in self.numbers or self.numbers[values["data-key"]] == (values["value"], text)
            self.numbers[values["data-key"]] = (values["value"], text)
        if not any(aside for _, aside, _ in self._open):
            self.prose.append(text)


def recomputed(run: Path) -> dict[str, Any]:
    """Return every number of a report, from ledger, items, selection, dataset and its manifest."""
    ledger = pl.read_parquet(run / "ledger" / "*.parquet")
    items = pl.read_parquet(run / "items" / "*.parquet")
    selection = pl.read_parquet(run / "selection.parquet")
    manifest = json.loads((run / "dataset/manifest.json").read_text("utf-8"))
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    recipe = manifest["recipe"]
    fates = Counter(ledger["fate"])
    splits = {
        split: pl.concat([pl.read_parquet(path) for path in sorted((run / "dataset/data").glob(f"{split}-*"))])
        for split in SPLITS
        if fates[split]
    }
    numbers: dict[str, Any] = {
        "rows_in": ledger.height,
        "tile.rows_in": ledger.height,
        "waterfall.rows_in": ledger.height,
        "fates_sum": sum(fates.values()),
        "items": items.height,
        "sampled": int(selection["sampled"].sum()),
        "published": sum(fates[split] for split in SPLITS),
        "slots.cap": recipe["slots"]["cap"],
        "slots.whole_from": recipe["slots"]["whole_from"],
        "tokens.cap": recipe["tokens"]["cap"],
    }
    left = ledger.height
    for fate in [*(fate for fate in fates if fate not in SPLITS), *SPLITS]:
        numbers[f"fates.{fate}"] = fates[fate]
        numbers[f"share.{fate}"] = 100 * fates[fate] / ledger.height if ledger.height else 0.0
    for reason in (step["fate"] for step in ordered(fates)):
        left -= fates[reason]
        numbers[f"left.{reason}"] = left
    numbers |= {f"tile.{split}": fates[split] for split in SPLITS}

    copies = items["text_hash"].is_not_null() & ~items["text_hash"].is_first_distinct()
    drawn = selection.filter(~copies & selection["slot"].is_between(1, 999))["slot"].to_list()
    taken = selection.filter("sampled")["slot"].to_list()
    for name, slots in (("before", drawn), ("after", taken)):
        numbers |= {
            f"prices.{name}.items": len(slots),
            f"prices.{name}.median": statistics.median_low(slots) if slots else None,
            f"prices.{name}.mean": round(sum(slots) / len(slots), 2) if slots else None,
        }
    available = Counter(drawn)
    below = range(1, recipe["slots"]["whole_from"])
    numbers |= {
        "slots.filled": len(available),
        "slots.empty": 999 - len(available),
        "slots.over_cap": sum(available[slot] > recipe["slots"]["cap"] for slot in below),
        "slots.left_out": len(drawn) - len(taken),
    }
    if available:
        most = max(available.values())
        numbers["slots.fullest"] = min(slot for slot, count in available.items() if count == most)
        numbers["slots.fullest_items"] = most
    for slot in range(99, 1000, 100):
        near = [available[n] for n in range(max(1, slot - 5), min(999, slot + 6) + 1) if n not in (slot, slot + 1)]
        around = float(statistics.median(near))
        numbers |= {
            f"spike.{slot}.items": available[slot],
            f"spike.{slot}.next_items": available[slot + 1] if slot < 999 else None,
            f"spike.{slot}.around": around,
            f"spike.{slot}.times": round(available[slot] / around, 1) if around else None,
        }
    for split, rows in splits.items():
        prices = rows["price"].to_list()
        for name, value in (
            ("median", statistics.median(prices)),
            ("mean", statistics.fmean(prices)),
            ("min", min(prices)),
            ("max", max(prices)),
        ):
            numbers[f"split.{split}.price_{name}"] = round(value, 2)
        for place, row in enumerate(rows.head(5).iter_rows(named=True)):
            numbers[f"kept.{split}.{place}.price"] = row["price"]
            numbers[f"kept.{split}.{place}.tokens"] = row["tokens"]
    for name, rows in (("items", items), ("sampled", items.filter(selection["sampled"]))):
        tokens = rows["tokens"].to_list()
        numbers |= {
            f"tokens.{name}.median": statistics.median_low(tokens) if tokens else None,
            f"tokens.{name}.mean": round(statistics.fmean(tokens), 2) if tokens else None,
            f"tokens.{name}.max": max(tokens, default=None),
            f"tokens.{name}.total": sum(tokens),
        }
    numbers |= _categories(items, selection["sampled"]) | _clouds(splits, recipe)
    groups = Counter(Counter(selection["cluster"].drop_nulls()).values())
    groups.pop(1, None)
    numbers |= {
        "duplicates.clusters": sum(groups.values()),
        "duplicates.items": sum(size * count for size, count in groups.items()),
        "duplicates.dropped": fates["exact_duplicate"],
        "duplicates.near": fates["near_duplicate"],
    }
    for place, source in enumerate(manifest["sources"]):
        numbers |= {f"source.{place}.rows": source["rows"], f"source.{place}.bytes": source["bytes"]}
    for name, file in manifest["files"].items():
        path = run / "dataset" / name
        lines = path.read_bytes().count(b"\n") if path.suffix == ".jsonl" else pl.read_parquet(path).height
        numbers |= {f"file.{name}.rows": lines, f"file.{name}.bytes": path.stat().st_size}
        assert file["rows"] == lines
    # What only the run itself could measure.
    numbers |= {f"seconds.{step}": seconds for step, seconds in summary["seconds"].items()}
    numbers |= {name: summary[name] for name in ("rows_mapped", "rows_per_second", "peak_memory_bytes")}
    return numbers


def ordered(fates: Counter[str]) -> list[dict[str, Any]]:
    """Return the reasons that occur, in the order in which they are asked."""
    order = (
        "malformed_row no_price other_currency price_out_of_range text_too_short too_few_tokens price_in_text"
        " exact_duplicate near_duplicate no_slot not_sampled beyond_splits"
    ).split()
    assert not {*fates} - {*order, *SPLITS}
    return [{"fate": reason, "rows": fates[reason]} for reason in order if fates[reason]]


def _categories(items: pl.DataFrame, sampled: pl.Series) -> dict[str, Any]:
    counted = items.select("category", sampled=sampled).group_by("category").agg(pl.len(), pl.col("sampled").sum())
    rows = counted.sort("len", "category", descending=[True, False]).rows()
    numbers = {}
    for place, (_, count, taken) in enumerate(rows):
        numbers |= {f"category.{place}.items": count, f"category.{place}.sampled": taken}
    ring = sorted(((taken, name or "(none)") for name, _, taken in rows if taken), key=lambda one: (-one[0], one[1]))
    shown = [taken for taken, _ in (ring[:7] if len(ring) > 8 else ring)]
    total = int(sampled.sum())
    shown += [total - sum(shown)] if total > sum(shown) else []
    return numbers | {f"ring.{place}": 100 * taken / total for place, taken in enumerate(shown)}


def _clouds(splits: dict[str, pl.DataFrame], recipe: dict[str, Any]) -> dict[str, Any]:
    if not splits:
        return {}
    rows = [row for split in splits.values() for row in split.iter_rows(named=True)]
    question, answer = recipe["prompt"]["question"] + "\n\n", "\n\n" + recipe["prompt"]["answer"]
    lengths, weights = [], []
    for row in rows:
        assert row["prompt"].startswith(question)
        assert row["prompt"].endswith(answer)
        lengths.append(len(row["prompt"]) - len(question) - len(answer))
        found = WEIGHT.search(row["prompt"])
        if found and recipe["text"]["style"] == "readable":
            unit = {"p": 1, "l": 1, "o": 1 / 16, "k": 2.2046226, "g": 0.0022046226}[found[2][0].lower()]
            try:
                pounds = float(found[1].replace(",", "")) * unit
            except ValueError:
                continue
            if pounds > 0:
                weights.append((pounds, row["price"]))
    numbers: dict[str, Any] = {
        "length.rows": len(rows),
        "length.min": min(lengths),
        "length.max": max(lengths),
        "length.median": float(statistics.median(lengths)),
        "length.rank_correlation": _spearman(lengths, [row["price"] for row in rows]),
    }
    if weights:
        numbers |= {
            "weight.rows": len(weights),
            "weight.median": round(statistics.median(pounds for pounds, _ in weights), 2),
            "weight.rank_correlation": _spearman(*map(list, zip(*weights, strict=True))),
        }
    return numbers


def _spearman(first: list[float], second: list[float]) -> float | None:
    if len(first) < 2 or len({*first}) < 2 or len({*second}) < 2:
        return None
    return round(statistics.correlation(_ranks(first), _ranks(second)), 3)


def _ranks(values: list[float]) -> list[float]:
    """Return the rank of each value, the mean of them where several are equal."""
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted(values)):
        places.setdefault(value, []).append(place)
    return [statistics.fmean(places[value]) for value in values]
