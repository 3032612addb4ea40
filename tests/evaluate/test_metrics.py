"""What is read out of answers, and what errors amount to: by hand, by scikit-learn, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from curator.evaluate import intervals, metrics
from curator.evaluate.metrics import BY_KEY, METRICS, Scored, differences, measure, scored
from curator.evaluate.predictor import Answer
from curator.evaluate.price_in_answer import REASONS, read_price
from curator.llm.scoring import Evidence

PRICED = {
    "$1,299.00": 1299.0,
    "129.00": 129.0,
    "Price is $129.00": 129.0,
    "I'd say about $45, give or take.": 45.0,
    "$ 45.": 45.0,
    "$.99": 0.99,
    ".5": 0.5,
    "0.999": 0.999,
    "99 cents": 0.99,
    "USD 45": 45.0,
    "45 dollars": 45.0,
    "US$1,000": 1000.0,
    "$20 for a pack of 3": 20.0,
    "iPhone 14 costs $799": 799.0,
    "12V charger: 15.99": 15.99,
    "20% off, so 16": 16.0,
    "$20, or 20 dollars": 20.0,
    "$1.5k": 1500.0,
    "２９.99": 29.99,
    "$0.00": 0.0,
    "**$24.99**": 24.99,
    "<think>Lamps go from $20 to $35, or 249 kr.</think>\n$24.99": 24.99,
    "<think>\n\n</think> 12": 12.0,
    "I think 12 krone screws cost $4": 4.0,
    "Price is $45.00\n\nHow much does": 45.0,
}
REFUSED = {
    None: "empty",
    "": "empty",
    " \n": "empty",
    "I can't tell.": "no_number",
    "1e3": "no_number",
    "12V 5-pack": "no_number",
    "20% off": "no_number",
    "nan": "no_number",
    "$100-150": "several_prices",
    "100-150$": "several_prices",
    "$100 – $150": "several_prices",
    "between 100 and 150": "several_prices",
    "20 or 30": "several_prices",
    "$20 to $30": "several_prices",
    "maybe 20 for 3": "several_prices",
    "1.299,00 €": "other_currency",
    "£20": "other_currency",
    "CA$20": "other_currency",
    "20 EUR": "other_currency",
    "Rs. 2,499": "other_currency",
    "Rs 2499": "other_currency",
    "249 kr": "other_currency",
    "kr 249": "other_currency",
    "249,-": "other_currency",
    "RM 24.99": "other_currency",
    "49 zł": "other_currency",
    "499 Kč": "other_currency",
    "<think>Lamps go from $20 to": "cut_off",
    "<think>$20</think>": "empty",
    "1.299,00": "other_format",
    "$12,99": "other_format",
    "1.299": "other_format",
    "$1 299.00": "other_format",
    "$1,2,3": "other_format",
    "$1e3": "other_format",
    "$1e-3": "other_format",
    "1e3 dollars": "other_format",
    "1e-3 dollars": "other_format",
    "$5M": "other_format",
    "$5 million": "other_format",
    "2 thousand dollars": "other_format",
    "-5": "negative",
    "-$5": "negative",
    "$-5": "negative",
    "99999999999": "too_large",
    "9" * 500: "too_large",
}


@pytest.mark.parametrize("text", PRICED)
def test_prices_are_read(text: str) -> None:
    assert read_price(text) == (pytest.approx(PRICED[text]), None)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_price_has_a_reason(text: str | None) -> None:
    reading = read_price(text)
    assert reading.price is None
    assert reading.reason == REFUSED[text]
    assert reading.reason in REASONS


def rows_of(prices: list[float], guesses: list[float | None]) -> Scored:
    return scored(prices, [Answer(guess, reason=None if guess is not None else "empty") for guess in guesses])


def test_a_table_worked_by_hand() -> None:
    # errors 10, -20, 60 (60 % of 100), 300 (30 % of 1000), none
    found = measure(rows_of([20, 50, 100, 1000, 30], [30, 30, 160, 1300, None]))
    assert found["mae"] == pytest.approx((10 + 20 + 60 + 300) / 4)
    assert found["median_ae"] == pytest.approx(40)
    assert found["rmse"] == pytest.approx(math.sqrt((100 + 400 + 3600 + 90000) / 4))
    logs = [math.log(31 / 21), math.log(31 / 51), math.log(161 / 101), math.log(1301 / 1001)]
    assert found["rmsle"] == pytest.approx(math.sqrt(sum(one**2 for one in logs) / 4))
    assert found["bias"] == pytest.approx((10 - 20 + 60 + 300) / 4)
    spread = sum((price - 292.5) ** 2 for price in (20, 50, 100, 1000))
    assert found["r2"] == pytest.approx(1 - (100 + 400 + 3600 + 90000) / spread)
    assert [found[f"{name}_rate"] for name in ("hit", "amber", "red", "no_answer")] == [0.4, 0.4, 0, 0.2]


def test_colours_end_where_the_course_ends_them() -> None:
    guesses = np.array([139.99, 140.0, 179.99, 180.0, 1199.0, 1200.0, 1399.0, 1400.0, np.nan])
    prices = np.array([100.0] * 4 + [1000.0] * 4 + [5.0])
    expected = ["green", "amber", "amber", "red", "green", "amber", "amber", "red", None]
    assert metrics.colours(prices, guesses) == expected


def test_language_metrics_by_hand() -> None:
    told = [
        Answer(1.0, "1", None, Evidence(loss=0.5, tokens=1, first_right=True, slot_probability=0.6)),
        Answer(2.0, "2", None, Evidence(loss=2.5, tokens=3, first_right=False, slot_probability=None)),
        Answer(3.0, "3"),
    ]
    found = measure(scored([1, 2, 3], told))
    assert found["cross_entropy"] == pytest.approx(3.0 / 4)
    assert found["perplexity"] == pytest.approx(math.exp(0.75))
    assert found["answer_loss"] == pytest.approx(1.5)
    assert found["first_token_accuracy"] == 0.5
    assert found["slot_probability"] == pytest.approx(0.6)
    assert "perplexity" not in measure(rows_of([1.0], [2.0]))


def test_metrics_agree_with_scikit_learn() -> None:
    reference = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed (extra `evaluate`)")
    generator = np.random.default_rng(1)
    for rows in (1, 2, 3, 250):
        prices, guesses = generator.lognormal(3, 1, rows), generator.lognormal(3, 1, rows)
        one = rows_of(prices.tolist(), guesses.tolist())
        assert BY_KEY["mae"].of(one) == pytest.approx(reference.mean_absolute_error(prices, guesses))
        assert BY_KEY["median_ae"].of(one) == pytest.approx(reference.median_absolute_error(prices, guesses))
        assert BY_KEY["rmse"].of(one) == pytest.approx(reference.root_mean_squared_error(prices, guesses))
        assert BY_KEY["rmsle"].of(one) == pytest.approx(reference.root_mean_squared_log_error(prices, guesses))
        if rows > 1:
            assert BY_KEY["r2"].of(one) == pytest.approx(reference.r2_score(prices, guesses))


def test_nothing_to_measure_is_none_and_never_zero() -> None:
    found = measure(rows_of([5.0, 6.0], [None, None]))
    assert found["mae"] is found["r2"] is found["median_ae"] is None
    assert found["intervals"]["mae"] is None
    assert found["no_answer_rate"] == 1
    assert found["hit_rate"] == 0
    assert measure(rows_of([5.0, 5.0], [4.0, 4.0]))["r2"] is None


def test_resampled_metrics_are_those_of_the_rows_drawn() -> None:
    """Each metric of many draws at once is the metric of each draw by itself, unanswered rows included."""
    generator = np.random.default_rng(2)
    guesses = [None if one < 8 else float(one) for one in generator.lognormal(3, 1, 60)]
    rows = rows_of(generator.lognormal(3, 1, 60).tolist(), guesses)
    places = next(intervals.resamples(60))[:20]
    for metric in METRICS:
        if not metric.language:
            together = metric.of(rows.take(places))
            assert together == pytest.approx([float(metric.of(rows.take(one))) for one in places]), metric.key


def test_intervals_hold_the_truth_about_95_times_in_100(monkeypatch: pytest.MonkeyPatch) -> None:
    """On errors with a long tail, as prices have; RMSE hangs on the few largest, of which 250 rows show too little."""
    generator = np.random.default_rng(3)

    def draw(rows: int) -> Scored:
        # log-normal prices, guesses off by a log-normal factor, both cut at the highest price there is
        price = np.minimum(generator.lognormal(3.2, 1.1, rows), 999.49)
        guess = np.minimum(price * generator.lognormal(0, 0.65, rows), 999.49)
        nothing = np.full(rows, np.nan)
        return Scored(price, guess, nothing, nothing, nothing, nothing)

    keys = ("mae", "median_ae", "rmsle", "rmse", "hit_rate")
    many = draw(2_000_000)
    truths = {key: float(BY_KEY[key].of(many)) for key in keys}
    held = dict.fromkeys(keys, 0)
    times = 600
    monkeypatch.setattr(intervals.of_mean, "__defaults__", (500,))  # draws
    for _ in range(times):
        spans = measure(draw(250), keys)["intervals"]
        for key, truth in truths.items():
            held[key] += spans[key][0] <= truth <= spans[key][1]
    shares = {key: count / times for key, count in held.items()}
    assert 0.85 <= shares.pop("rmse") <= 0.95
    assert all(0.915 <= share <= 0.98 for share in shares.values()), shares


def test_the_bootstrap_t_is_the_textbooks() -> None:
    """Draw by draw with plain Python: Efron and Tibshirani, equation 12.20, on the logarithm."""
    values = np.random.default_rng(6).lognormal(0, 1, 40)

    def log_and_error(sample: list[float]) -> tuple[float, float]:
        mean = sum(sample) / len(sample)
        error = math.sqrt(sum((one - mean) ** 2 for one in sample)) / len(sample)
        return math.log(mean), error / mean

    middle, error = log_and_error(values.tolist())
    ratios = []
    for places in next(intervals.resamples(40, times=500)):
        drawn, spread = log_and_error(values[places].tolist())
        ratios.append((drawn - middle) / spread)
    low, high = np.percentile(ratios, [2.5, 97.5])
    expected = [math.exp(middle - high * error), math.exp(middle - low * error)]
    assert intervals.of_mean(values, times=500) == pytest.approx(expected)
    with_gaps = np.concatenate([values, [np.nan, np.nan]])
    assert intervals.of_mean(with_gaps, times=500) == pytest.approx(expected)


def test_means_of_few_or_equal_values() -> None:
    assert intervals.of_mean(np.array([])) is None
    assert intervals.of_mean(np.full(30, 2.0)) == [2.0, 2.0]
    assert intervals.of_mean(np.zeros(30)) == [0.0, 0.0]
    few = np.random.default_rng(7).lognormal(0, 1, 5)
    low, high = intervals.of_mean(few) or [0.0, 0.0]
    assert few.min() <= low < few.mean() < high <= few.max()
    one_counts = np.array([0.0] * 29 + [5.0])  # a third of the draws have nothing but zeros
    low, high = intervals.of_mean(one_counts) or [0.0, 0.0]
    assert 0 == low < one_counts.mean() < high < 1


@pytest.mark.parametrize("rows", [1, 5, 6, 7, 60, 2_000])
def test_the_median_lies_between_its_ends_often_enough(rows: int) -> None:
    """From the binomial distribution, exactly; one place further in would be too narrow."""
    low, high = intervals.of_median(np.arange(rows, dtype=float)) or [0.0, 0.0]

    def outside(place: int) -> float:
        return sum(math.comb(rows, below) for below in range(place + 1)) / 2**rows

    assert low + high == rows - 1
    assert outside(int(low)) <= 0.025 or low == 0
    assert outside(int(low) + 1) > 0.025


def test_differences_are_paired() -> None:
    generator = np.random.default_rng(4)
    prices = generator.lognormal(3, 1.5, 300)
    error = generator.normal(0, 50, 300)
    first, second = (rows_of(prices.tolist(), list(prices + error * times)) for times in (1, 1.05))
    found = differences(first, second, ["mae"])["mae"]
    assert found["difference"] == pytest.approx(-0.05 * np.abs(error).mean())
    # The intervals of the two overlap; the pairs tell them apart all the same.
    assert measure(first, ["mae"])["intervals"]["mae"][1] > measure(second, ["mae"])["intervals"]["mae"][0]
    assert found["real"]
    assert found["better"] == 0
    assert differences(second, first, ["mae"])["mae"]["better"] == 1
    same = differences(first, first)
    assert not any(one["real"] for one in same.values())


def test_differences_leave_out_what_one_did_not_answer() -> None:
    found = differences(rows_of([10, 20, 30], [11, None, 30]), rows_of([10, 20, 30], [12, 20, None]))
    assert found["mae"]["difference"] == pytest.approx(1 - 2)
    assert found["hit_rate"]["difference"] == 0
    nothing = differences(rows_of([1.0], [None]), rows_of([1.0], [1.0]))
    assert nothing["mae"] == {"difference": None, "interval": None, "real": False, "better": None}
    assert nothing["hit_rate"]["better"] == 1


def test_the_same_rows_give_the_same_intervals() -> None:
    rows = rows_of([10, 20, 30, 400], [11, 25, 20, 300])
    assert measure(rows) == measure(rows)
