"""Near-copies: gram sets, the index that finds pairs, clusters, and splits that none of them crosses."""

from __future__ import annotations

import json
import random
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.dataset.certificate import certify, certify_exhaustively, data_files
from curator.duplicates import blocks, clusters, crossing, find, index
from curator.duplicates.grams import Grams, grams, similarity
from curator.duplicates.kernels import index as loops
from curator.pipeline import build
from curator.recipe.load import load_recipe
from curator.recipe.settings import PromptSettings
from curator.run import parts as files
from curator.selection import select
from curator.selection.splits import SplitSizes, hold_out
from curator.sources import demo
from curator.system import threads
from curator.text import prompts
from curator.verify.verify import verify_folder

ROWS = 6_000
WORDS = [f"w{n}" for n in range(40)]
texts_of_few_words = st.lists(st.sampled_from("a b c d e f g".split()), max_size=24).map(" ".join)


def word_grams(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + 3]) for at in range(len(words) - 2)} or ({tuple(words)} if words else set())


def jaccard(a, b):
    return len(a & b) / len(a | b) if a | b else 0.0


def brute_pairs(texts, threshold):
    """Every pair that reaches the threshold, by counting the shared grams of every two texts."""
    sets = [word_grams(text) for text in texts]
    places = {}
    for at, one in enumerate(sets):
        for gram in one:
            places.setdefault(gram, []).append(at)
    pairs = set()
    for at, one in enumerate(sets):
        shared = np.bincount(np.array([other for gram in one for other in places[gram]], np.int64), minlength=len(sets))
        for other in np.flatnonzero(shared).tolist():
            if other > at and shared[other] / (len(one) + len(sets[other]) - shared[other]) >= threshold:
                pairs.add((at, other))
    return pairs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("near") / "run"
    build([f"demo:{ROWS}"], load_recipe("pricer", {"text.own_price": "keep"}), path, workers=1)
    return path


@pytest.fixture(scope="module")
def texts(run):
    published = prompts.before_completion(pl.col("prompt"), pl.col("slot"))
    items = pl.read_parquet(run / "items" / "*.parquet")
    return items.select(prompts.product_text(published, PromptSettings())).to_series()


@given(st.lists(st.text(alphabet="aB cD.é9_-\n", max_size=40), max_size=8))
def test_grams_are_the_distinct_three_words_in_a_row(texts):
    found = grams(pl.Series(texts, dtype=pl.String))
    assert found.sizes.tolist() == [len(word_grams(text)) for text in texts]
    for a in range(len(texts)):
        for b in range(len(texts)):
            measured = similarity(found, found, (np.array([a]), np.array([b])))
            assert measured[0] == jaccard(word_grams(texts[a]), word_grams(texts[b]))


def gram_hashes(text):
    """The rule: words by their pattern, hashed by the library, and mixed as MurmurHash3 does."""
    words = pl.Series([text]).str.to_lowercase().str.extract_all(r"\w+").explode(empty_as_null=False)
    hashes = words.to_frame("word").select(pl.col("word").nchash.xxh3_64()).to_series().to_list()
    hashes += [0] * (3 - len(hashes)) if hashes else []
    found = set()
    for at in range(len(hashes) - 2):
        mixed = 0
        for n, factor in enumerate((0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)):
            value = hashes[at + n] * factor % 2**64
            mixed += value << 21 * n | value >> 64 - 21 * n
        mixed %= 2**64
        mixed ^= mixed >> 33
        mixed = mixed * 0xFF51AFD7ED558CCD % 2**64
        found.add((mixed ^ mixed >> 33) >> 16)
    return sorted(found)


@given(
    st.lists(st.lists(st.text(max_size=20) | st.text("aZ9é漢𝐁_", max_size=300)).map(" ".join), max_size=4),
    st.sampled_from([2**48, 2**46]),
)
def test_grams_are_those_of_the_rule(texts, below):
    found = grams(pl.Series(["", *texts]), below)
    for at, text in enumerate(texts, 1):
        mine = found.hashes[found.bounds[at] : found.bounds[at + 1]]
        assert mine.tolist() == [gram for gram in gram_hashes(text) if gram < below]


def test_grams_are_the_same_numbers_for_ever():
    found = grams(pl.Series(["A steel hinge, brass pins", "two words", "", None]))
    assert found.bounds.tolist() == [0, 3, 4, 4, 4]
    assert found.hashes.tolist() == sorted(found.hashes[:3].tolist()) + found.hashes[3:].tolist()
    assert found.hashes.tolist() == GOLDEN


GOLDEN = [4908890918061, 61007556356627, 143535660423555, 213893451238598]


def test_grams_do_not_depend_on_what_else_is_in_the_batch():
    random.seed(5)
    texts = pl.Series([" ".join(random.choices(WORDS, k=random.randrange(9))) for _ in range(9_000)])
    together = grams(texts)
    for start in (0, 4_090, 8_999):
        alone = grams(texts.slice(start, 1))
        bounds = together.bounds[start : start + 2]
        assert alone.hashes.tolist() == together.hashes[slice(*bounds)].tolist()


@pytest.mark.parametrize("share", [1.0, 0.5, 0.3])
def test_index_finds_what_brute_force_finds(texts, share):
    every = brute_pairs(texts.to_list(), 0.5)
    assert len(every) > 100
    sketches = index.Sketches(share)
    for start in range(0, len(texts), 1_000):
        sketches.add(grams(texts.slice(start, 1_000), sketches.below))
    candidates = sketches.candidates(0.5)
    found = {tuple(pair) for pair in clusters.verified(candidates, lambda at: grams(texts.gather(at)), 0.5).tolist()}
    # Precision 1: what is found was measured. Recall: all but a few where only a sample of the grams is kept.
    assert found <= every
    assert len(found) >= (1.0 if share == 1 else 0.98) * len(every)


@given(st.data())
def test_marks_never_tell_near_copies_apart(data):
    """Two items differ in no more bits than in grams: what the index compares is what it would without marks."""
    sets = data.draw(st.lists(st.sets(st.integers(0, 2**32 - 1), max_size=60), min_size=1, max_size=8))
    bounds = np.cumsum([0, *map(len, sets)])
    flat = np.array([gram for one in sets for gram in one], np.uint32)
    found = np.zeros((len(sets), 2), np.uint64)
    loops.choose(flat, bounds, 0.5, 1, 0, len(sets), np.ones(len(flat), np.uint8), found)
    for a, one in enumerate(sets):
        for b, other in enumerate(sets):
            assert np.bitwise_count(found[a] ^ found[b]).sum() <= len(one ^ other)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_number_of_threads_changes_nothing(run, monkeypatch, count):
    """Small pieces, so that threads have something to share; ranges of grams, as with many items."""
    parts = sorted((run / "items").glob("*.parquet"))
    recipe = load_recipe("pricer", {"text.own_price": "keep"})
    expected = select.select(parts, recipe).items
    monkeypatch.setattr(threads, "threads", lambda: count)
    for place, name, value in (
        (index, "_ENTRIES", 1_000),
        (index, "_CHUNK", 500),
        (blocks, "_BYTES", 777),
        (index, "_PASS_BITS", 12),
        (find, "_AT_ONCE", 300),
        (find, "_LOOKS", 1_000),
        (files, "BATCH_ROWS", 300),
        (files, "LOADED_ROWS", 70),
    ):
        monkeypatch.setattr(place, name, value)
    assert select.select(parts, recipe).items.equals(expected)


def test_what_many_sellers_paste_glues_nothing_together():
    """A fifth of the rows share one long text, another fifth another; each product has a variant."""
    made = random.Random(3)
    vocabulary = [f"x{n}" for n in range(3_000)]
    pasted = [" ".join(made.choices(vocabulary, k=60)) for _ in range(2)]
    texts = []
    for row in range(1_500):
        own = made.choices(vocabulary, k=60)
        variant = [*own[:-1], f"colour{row}"]
        tail = pasted[row % 5] if row % 5 < 2 else " ".join(made.choices(vocabulary, k=60))
        texts += [" ".join([*own, tail]), " ".join([*variant, tail])]
    sketches = index.Sketches(0.25)
    sketches.add(grams(pl.Series(texts), sketches.below))
    pairs = clusters.verified(sketches.candidates(0.5), lambda at: grams(pl.Series(texts).gather(at)), 0.5)
    every = brute_pairs(texts, 0.5)
    assert {tuple(pair) for pair in pairs.tolist()} <= every
    assert len(pairs) >= 0.98 * len(every)
    assert np.bincount(clusters.cluster(len(texts), pairs, 100).of).max() == 2


@given(st.integers(1, 30), st.data())
def test_components_are_those_of_a_walk(items, data):
    pairs = data.draw(
        st.sets(st.tuples(st.integers(0, items - 1), st.integers(0, items - 1)).filter(lambda p: p[0] < p[1]))
    )
    near = {at: {b for a, b in pairs if a == at} | {a for a, b in pairs if b == at} for at in range(items)}

    def reached(at):
        seen, todo = {at}, [at]
        while todo:
            todo += (new := near[todo.pop()] - seen)
            seen |= new
        return seen

    array = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    found = clusters.cluster(items, array, items)
    assert found.of.tolist() == found.crowd.tolist() == [min(reached(at)) for at in range(items)]
    most = data.draw(st.integers(1, 4))
    parted = clusters.cluster(items, array, most)
    assert parted.crowd.tolist() == found.crowd.tolist()
    sizes = np.bincount(parted.of)
    assert sizes.max() <= max(most, 1)
    for at, first in enumerate(parted.of.tolist()):
        # Whoever is in a cluster is its first item, or near it: directly, where the cluster was parted.
        assert first in reached(at)
        if len(reached(at)) > most:
            assert at == first or first in near[at]


@given(
    st.lists(texts_of_few_words, max_size=6),
    st.lists(texts_of_few_words, max_size=12),
    st.sampled_from([0.2, 0.34, 0.5, 0.75, 1.0]),
)
def test_crossing_is_exact(held, others, threshold):
    found = crossing.Held(grams(pl.Series(held, dtype=pl.String)), threshold).near(
        grams(pl.Series(others, dtype=pl.String))
    )
    expected = {
        (a, b): jaccard(word_grams(one), word_grams(other))
        for a, one in enumerate(held)
        for b, other in enumerate(others)
        if jaccard(word_grams(one), word_grams(other)) >= threshold
    }
    assert (
        dict(zip(zip(found.held.tolist(), found.other.tolist(), strict=True), found.similarity, strict=True))
        == expected
    )
    half = len(held) // 2
    groups = [pl.Series(held[:half], dtype=pl.String), pl.Series(held[half:], dtype=pl.String)]
    answers = crossing.highest(groups, lambda: [pl.Series([one], dtype=pl.String) for one in others], threshold)
    for start, group, answer in zip((0, half), (held[:half], held[half:]), answers, strict=True):
        all_pairs = {
            (a, b): jaccard(word_grams(one), word_grams(other))
            for a, one in enumerate(group)
            for b, other in enumerate(others)
        }
        best = max(all_pairs.values(), default=0.0)
        assert answer.similarity == best, start
        if best:
            assert (answer.held, answer.other) == min(pair for pair, value in all_pairs.items() if value == best)
        assert answer.reaching == len({a for (a, b), value in all_pairs.items() if value >= threshold})


@given(st.data(), st.integers(1, 400), st.integers(0, 60), st.integers(0, 60))
def test_held_out_groups_are_whole_and_the_sizes_are_met(data, rows, validation, test):
    generator = np.random.default_rng(data.draw(st.integers(0, 9)))
    group = np.sort(generator.integers(0, max(1, rows * 2 // 3), rows))
    generator.shuffle(group)
    whole = generator.random(rows)[group % rows] > 0.1
    strata = (generator.integers(0, 3, rows), generator.integers(1, 999, rows))
    sizes = SplitSizes(0, validation, test, 0)
    held = hold_out(group, whole, strata, sizes, 42)
    for mine, wanted in ((held.validation, validation), (held.test, test)):
        assert len(mine) <= wanted
        assert whole[mine].all()
        others = np.setdiff1d(np.arange(rows), mine)
        assert not set(group[mine]) & set(group[others])
    if validation + test < rows // 4:
        assert (len(held.validation), len(held.test)) == (validation, test)


def test_validation_and_test_have_the_shares_of_the_sample():
    generator = np.random.default_rng(1)
    rows = 40_000
    category, slot = generator.choice(5, rows, p=[0.5, 0.3, 0.1, 0.08, 0.02]), generator.integers(1, 1_000, rows)
    held = hold_out(np.arange(rows), np.ones(rows, np.bool_), (category, slot), SplitSizes(0, 2_000, 2_000, 0), 42)
    for mine in (held.validation, held.test):
        expected = np.bincount(category) * len(mine) / rows
        # Drawn one by one, each would be off by about the square root of the expected number.
        assert np.abs(np.bincount(category[mine]) - expected).max() <= 3
        for code in range(4):
            assert abs(np.median(slot[mine][category[mine] == code]) - np.median(slot[category == code])) < 25


def test_planted_families_lie_in_one_split(run):
    truth = demo.truth(42, 0, ROWS)
    selection = pl.read_parquet(run / "selection.parquet").join(truth, on="row").filter(pl.col("split").is_not_null())
    families = selection.group_by("family").agg(pl.len(), splits=pl.col("split").n_unique()).filter(pl.col("len") > 1)
    assert families.height > 200
    assert (families["splits"] > 1).mean() < 0.02
    by_cluster = selection.group_by("cluster").agg(pl.len(), splits=pl.col("split").n_unique())
    assert by_cluster["splits"].max() == 1
    assert by_cluster["len"].max() <= 100
    assert set(selection["split"]) == {"train", "validation", "test"}


def test_certificate_is_that_of_brute_force(run):
    recipe = load_recipe(str(run / "recipe.toml"))
    dataset = run / "dataset"
    files = data_files(dataset, [path.relative_to(dataset).as_posix() for path in dataset.glob("data/*")])
    found = certify(files, recipe)
    assert [(one["split"], one["against"]) for one in found] == [
        ("validation", "train"),
        ("test", "train"),
        ("test", "validation"),
    ]
    assert all(0 < one["highest"] < 0.5 and one["reaching"] == 0 for one in found)
    assert certify_exhaustively(files, recipe, pytest.fail) == found


def test_brute_force_says_when_it_would_be_too_much(run, monkeypatch):
    monkeypatch.setattr("curator.dataset.certificate.MOST_COMPARED", 10)
    verdict = verify_folder(run, exhaustive=True)
    brute = verdict.checks[[one.name.startswith("brute") for one in verdict.checks].index(True)]
    assert brute.state == "skipped"
    assert "10 are the most" in brute.skipped


def test_what_the_index_misses_is_dropped_and_said(run, tmp_path, monkeypatch):
    """Without any candidate every variant is a cluster of its own; no leak comes of it."""
    monkeypatch.setattr(index.Sketches, "candidates", lambda self, threshold: np.empty((0, 2), np.int64))
    summary = build([f"demo:{ROWS}"], load_recipe("pricer"), tmp_path / "run", workers=1)
    assert summary["fates"]["near_duplicate"] > 50
    assert sum(summary["fates"].values()) == ROWS
    verdict = verify_folder(tmp_path / "run", exhaustive=True)
    assert verdict.ok, [one.problems for one in verdict.checks if one.state == "fails"]
    assert all(one["reaching"] == 0 for one in summary["certificate"])


def test_best_of_a_cluster_are_kept(tmp_path):
    recipe = load_recipe("pricer", {"duplicates.per_cluster": 1})
    summary = build([f"demo:{ROWS}"], recipe, tmp_path / "run", workers=1)
    selection = pl.read_parquet(tmp_path / "run" / "selection.parquet")
    items = pl.read_parquet(tmp_path / "run" / "items" / "*.parquet").select("shard", "row", "tokens", "text_hash")
    both = selection.join(items, on=["shard", "row"]).unique("text_hash", keep="first", maintain_order=True)
    assert summary["fates"]["near_duplicate"] > 100
    for _, members in both.group_by("cluster"):
        kept = members.filter("sampled")
        assert kept.height <= 1
        if kept.height and members.height > 1:
            assert kept["tokens"][0] == members["tokens"].max()


def test_a_crowd_is_parted_and_not_held_out(run):
    """Items of which each is like the next: more than a cluster may hold."""
    parts = sorted((run / "items").glob("*.parquet"))
    recipe = load_recipe("pricer", {"duplicates.cluster_cap": 2})
    made = select.select(parts, recipe)
    truth = made.items.with_columns(pl.col("fate").cast(pl.String))
    sizes = truth.filter(pl.col("fate") != "exact_duplicate").group_by("cluster").len()
    assert sizes["len"].max() == 2
    hashes = pl.concat([pl.read_parquet(part, columns=["text_hash", "tokens"]) for part in parts])
    copies = select.exact_copies(hashes["text_hash"].to_numpy())
    found = find.find_clusters(parts, copies, hashes["tokens"].mean(), recipe)
    crowd = pl.Series(found.crowd)
    large = truth.with_columns(crowd=crowd).filter(pl.col("sampled")).group_by("crowd").agg(pl.len(), "fate")
    held = large.filter(pl.col("len") > 2)["fate"].explode()
    assert len(held) > 0
    assert set(held) <= {"train", "near_duplicate"}


def test_course_v1_is_not_touched_but_told(tmp_path):
    build(
        [f"demo:{ROWS}"],
        load_recipe("course-v1", {"tokenizer": "o200k_base", "split.train": 2_000, "split.test": 500}),
        tmp_path,
        workers=1,
    )
    selection = pl.read_parquet(tmp_path / "selection.parquet")
    assert selection["cluster"].null_count() == selection.height
    verdict = verify_folder(tmp_path)
    near = next(one for one in verdict.checks if one.id == "near-copies-apart")
    assert near.state == "warns"
    assert verdict.ok
    report = (tmp_path / "report.html").read_text("utf-8")
    assert "near-copies" in report


def test_grams_of_nothing():
    empty = grams(pl.Series([], dtype=pl.String))
    assert (len(empty), len(empty.hashes)) == (0, 0)
    assert similarity(empty, empty, (np.empty(0, np.int64), np.empty(0, np.int64))).tolist() == []
    assert index.Sketches(1.0).candidates(0.5).shape == (0, 2)
    assert clusters.cluster(0, np.empty((0, 2), np.int64), 5).of.tolist() == []
    assert len(Grams(empty.hashes, empty.bounds).rows) == 0


def test_summary_tells_what_was_aimed_at_and_reached(run):
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    splits = {
        split: pl.read_parquet(run / "dataset" / "data" / f"{split}-*.parquet")
        for split in ("train", "validation", "test")
    }
    rows = pl.concat(splits.values())
    for split in ("validation", "test"):
        mine = splits[split]
        for one in summary["balance"]["categories"]:
            same = pl.col("category").eq_missing(one["category"])
            assert one[split] == mine.filter(same).height
            assert one[f"{split}_aim"] == round(rows.filter(same).height / rows.height * mine.height, 1)
            assert abs(one[split] - one[f"{split}_aim"]) < 10
        bands = summary["balance"]["prices"]
        for one, end in zip(bands, [*(band["low"] for band in bands[1:]), 1_000], strict=True):
            inside = pl.col("slot").is_between(one["low"], end, closed="left")
            assert one[split] == mine.filter(inside).height
            assert abs(one[split] - one[f"{split}_aim"]) < 0.05 * mine.height
        assert sum(one[split] for one in summary["balance"]["prices"]) == mine.height
