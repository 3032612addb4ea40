"""Measure how often the evaluation's 95 % intervals hold the truth, and how often percentile intervals would.

    python scripts/interval_coverage.py [--rows N] [--times N] [ANSWERS_A.jsonl ANSWERS_B.jsonl]

Samples of N rows are drawn from a population whose numbers are known: log-normal prices up to $999.49 with guesses off
by log-normal factors; or, given the answers of two models to all test rows of a run (RUN/evaluate/answers-*.jsonl),
those rows. The second model serves for the paired differences. The figures in curator/evaluate/intervals.py come from
both, with the answers of tfidf-ridge and gradient-boosting in runs/results (scripts/results).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from curator.evaluate.intervals import percentile, resamples
from curator.evaluate.metrics import BY_KEY, COMPARED, METRICS, Scored, differences, measure

KEYS = tuple(metric.key for metric in METRICS if not metric.language and metric.key != "no_answer_rate")
Pair = tuple[Scored, Scored]


def scored(price: np.ndarray, guess: np.ndarray) -> Scored:
    """Put prices and guesses (USD) side by side."""
    nothing = np.full(len(price), np.nan)
    return Scored(price, guess, nothing, nothing, nothing, nothing)


def invented(generator: np.random.Generator, rows: int) -> Pair:
    """Draw rows with two models' guesses, the second like the first but a bit farther off."""
    price = np.minimum(generator.lognormal(3.2, 1.1, rows), 999.49)
    one = np.minimum(price * generator.lognormal(0, 0.65, rows), 999.49)
    other = np.minimum(one * generator.lognormal(-0.03, 0.3, rows), 999.49)
    return scored(price, one), scored(price, other)


def read(path: Path) -> Scored:
    """Read the answers that `curator evaluate` wrote; all must have a price."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return scored(*(np.array([line[key] for line in lines], float) for key in ("price", "guess")))


def main() -> None:
    """Print a table: each metric with the share of samples whose interval held the truth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("answers", nargs="*", type=Path)
    parser.add_argument("--rows", type=int, default=250)
    parser.add_argument("--times", type=int, default=1_000)
    asked = parser.parse_args()
    if len(asked.answers) not in (0, 2):
        parser.error("name the answers of two models, or none")
    generator = np.random.default_rng(1)
    population: Pair | None = None
    if asked.answers:
        population = read(asked.answers[0]), read(asked.answers[1])
    truth = population or invented(generator, 4_000_000)
    truths = {key: float(BY_KEY[key].of(truth[0])) for key in KEYS}
    truths |= {f"difference of {key}": truths[key] - float(BY_KEY[key].of(truth[1])) for key in COMPARED}
    held: dict[str, list[tuple[bool, bool]]] = {key: [] for key in truths}
    for _ in range(asked.times):
        if population is None:
            one, other = invented(generator, asked.rows)
        else:
            places = generator.integers(0, len(population[0].price), asked.rows)
            one, other = (model.take(places) for model in population)
        spans = measure(one, KEYS)["intervals"]
        spans |= {f"difference of {key}": found["interval"] for key, found in differences(one, other).items()}
        plain = percentiles(one)
        for key, value in truths.items():
            ends = spans[key], plain.get(key, spans[key])
            held[key].append(tuple(low <= value <= high for low, high in ends))
    print(f"{asked.times:,} samples of {asked.rows:,} rows: how often in 100 the interval holds the truth\n")
    for key, found in held.items():
        ours, plainly = (100 * share for share in np.mean(found, axis=0))
        print(f"{key:<24}{ours:6.1f}" + (f"   percentile bootstrap {plainly:5.1f}" if key in plain else ""))


def percentiles(rows: Scored) -> dict[str, list[float]]:
    """Return percentile intervals of the metrics that have other ones."""
    keys = [key for key in KEYS if BY_KEY[key].each is not None]
    drawn: dict[str, list[np.ndarray]] = {key: [] for key in keys}
    for places in resamples(len(rows.price)):
        again = rows.take(places)
        for key in keys:
            drawn[key].append(BY_KEY[key].of(again))
    return {key: percentile(np.concatenate(parts)) or [0.0, 0.0] for key, parts in drawn.items()}


if __name__ == "__main__":
    main()
