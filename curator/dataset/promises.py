"""What a dataset promises, each promise once: its sentence, how it is measured, and what must hold.

Card, report and `curator verify` print these sentences. A promise about rows is an expression: the rows that break it
are counted as they are written, and named by `verify`. Others are read off the numbers of a manifest, which `verify`
takes again from the files. What neither shows, only `verify` checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from curator.dataset.columns import CONFIGS
from curator.dataset.manifest import Manifest
from curator.recipe.load import Recipe
from curator.run.ledger import FATES, SPLITS
from curator.selection.draw import FIRST, LAST
from curator.text import prompts
from curator.text.prices import round_price

Must = Sequence[tuple[pl.Expr, str]]
"""What must be true of each row, and the words for a row where it isn't; they may name columns in braces."""

Shown = tuple[str, Sequence[str] | None]
"""What a manifest's numbers say of a promise, in a few words, and where they break it: None if they don't show it."""


@dataclass(frozen=True)
class Promise:
    """One promise.

    Attributes:
        id: Its name in manifests, reports and `verify --json`.
        sentence: What is promised; may name the recipe's settings in braces.
        rows: What must hold of each row of a split; columns as `forms.beside` gives them.
        numbers: What the numbers show.
        made: Whether a recipe makes it.
        excuse: Why a recipe may break it, which is then a warning; else nothing.
    """

    id: str
    sentence: str
    rows: Callable[[Recipe, str], Must] = lambda recipe, split: ()
    numbers: Callable[[Manifest], Shown] = lambda manifest: ("", None)
    made: Callable[[Recipe], bool] = lambda recipe: True
    excuse: Callable[[Recipe], str] = lambda recipe: ""

    def says(self, recipe: Recipe) -> str:
        """Return the sentence for a recipe."""
        return self.sentence.format_map(dict(recipe))

    def shown(self, manifest: Manifest) -> Shown:
        """Return what a manifest's numbers say of it, and where they break it."""
        detail, problems = self.numbers(manifest)
        if problems is None and self.id in manifest.measured.broken:
            rows = manifest.measured.broken[self.id]
            problems = [f"{rows:,} rows break it"] * (rows > 0)
        return "; ".join(filter(None, (detail, self.excuse(manifest.recipe)))), problems


def made(recipe: Recipe) -> list[Promise]:
    """Return what a dataset of a recipe promises."""
    return [one for one in PROMISES if one.made(recipe)]


def promised(manifest: Manifest) -> list[Promise]:
    """Return what the dataset of a manifest promises: what it lists."""
    return [one for one in made(manifest.recipe) if one.id in manifest.promises]


def findings(manifest: Manifest) -> Iterator[dict[str, str]]:
    """Yield `id`, `name` (the sentence), `status` and `detail` of each promise, by the numbers of its manifest.

    The status is ``pass``, ``warn``, ``fail``, or ``note`` where they don't show it.
    """
    for one in promised(manifest):
        detail, problems = one.shown(manifest)
        status = "pass"
        if problems is None:
            status, detail = "note", "checked by curator verify alone"
        elif problems:
            status = "warn" if one.excuse(manifest.recipe) else "fail"
            detail = "; ".join(filter(None, (problems[0], detail)))
        yield {"id": one.id, "name": one.says(manifest.recipe), "status": status, "detail": detail}


def _framed(recipe: Recipe, split: str) -> Must:
    starts = pl.col("prompt").str.starts_with(prompts.question(recipe.prompt))
    ends = pl.col("prompt").str.ends_with(f"\n\n{recipe.prompt.answer}")
    return [(starts & ends, "the prompt is not question, text and answer words")]


def _answered(recipe: Recipe, split: str) -> Must:
    slot = pl.col("slot")
    rounded = slot == round_price(pl.col("price"), recipe.price)
    return [
        (pl.col("completion") == prompts.completion(slot), "completion {completion}, slot {slot}"),
        (rounded, "price {price} does not round to slot {slot}"),
    ]


def _priced(recipe: Recipe, split: str) -> Must:
    inside = pl.col("price").is_between(recipe.price.min, recipe.price.max) & pl.col("slot").is_between(FIRST, LAST)
    return [(inside, "slot {slot}, price {price}")]


def _capped(recipe: Recipe, split: str) -> Must:
    within = pl.col("tokens") <= recipe.tokens.cap
    return [(within, "{tokens} tokens")] if recipe.tokens.of == "prompt" else []


def _same_text(recipe: Recipe, split: str) -> Must:
    whole = pl.concat_str("prompt", "completion")
    expected = prompts.test_prompt(pl.col("prompt"), recipe) if split == "test" else whole
    return [
        (pl.col("text") == expected, "config text has another text"),
        (pl.col("text_price") == pl.col("price"), "price {price}, in config text {text_price}"),
    ]


def _rows(manifest: Manifest) -> Shown:
    fates, rows_in = manifest.counts.fates, manifest.counts.rows_in
    broken = [f"manifest.json: {unknown!r} is no fate" for unknown in fates.keys() - set(FATES)]
    if sum(fates.values()) != rows_in:
        broken.append(f"manifest.json: the fates sum to {sum(fates.values()):,}, rows_in is {rows_in:,}")
    if (read := sum(one.rows for one in manifest.sources)) != rows_in:
        broken.append(f"manifest.json: the sources have {read:,} rows, rows_in is {rows_in:,}")
    for split in SPLITS:
        expected = fates.get(split, 0)
        for start in (*(f"{config.folder}/{split}-" for config in CONFIGS.values()), f"openai/{split}."):
            named = sum(one.rows for name, one in manifest.files.items() if name.startswith(start))
            if named != expected:
                broken.append(f"manifest.json: the files {start}* have {named:,} rows, the split {expected:,}")
        found = sum(one.rows for name, one in manifest.measured.splits.items() if name == split)
        if found != expected:
            broken.append(f"the files data/{split}-* hold {found:,} rows, manifest.json says {expected:,}")
    return f"{rows_in:,} rows read", broken


def _longest(manifest: Manifest) -> Shown:
    longest = max((one.longest_prompt for one in manifest.measured.splits.values()), default=0)
    return f"the longest has {longest:,}" if manifest.recipe.tokens.of == "prompt" else "", None


def _fullest(manifest: Manifest) -> Shown:
    most, cap = manifest.measured.most_in_a_capped_slot, manifest.recipe.slots.cap
    return f"the fullest has {most:,}", [f"a price has {most:,} rows, the cap is {cap:,}"] * (most > cap)


def _shared(manifest: Manifest) -> Shown:
    shared = manifest.measured.shared_prompts.items()
    return "", [f"{rows:,} rows of {split} have a prompt of an earlier split" for split, rows in shared if rows]


def _near(manifest: Manifest) -> Shown:
    least, found = manifest.recipe.duplicates.similarity, manifest.certificate
    return ", ".join(f"{one.split} and {one.against} {one.highest:.3f}" for one in found), [
        f"{manifest.place(one.split, one.row or 0)} and {manifest.place(one.against, one.other_row or 0)} have"
        f" {one.highest:.3f}; {one.reaching:,} rows of {one.split} reach {least:g} with {one.against}"
        for one in found
        if one.reaching
    ]


def _keeps_copies(recipe: Recipe) -> str:
    return "the recipe keeps copies" if recipe.duplicates.exact == "keep" else ""


def _keeps_near_copies(recipe: Recipe) -> str:
    return "the recipe keeps near-copies where they fall" if recipe.duplicates.near == "keep" else ""


_FILES = "every data file has the sha256 of the manifest"
_PRICES = "every price is from {price.min:.2f} to {price.max:.2f} {price.currency}, every slot from 1 to 999"
_SLOTS = "no whole-dollar price below {slots.whole_from} USD has more than {slots.cap:,} rows"
_CHATS = "config openai and its JSON lines have the same rows, as chats that OpenAI takes"
_ONCE = "no text is published twice, case and punctuation ignored"
_NEAR = "no two rows of different splits have a similarity of {duplicates.similarity:g} or more"

PROMISES = (
    Promise("files", _FILES, numbers=lambda manifest: (f"{len(manifest.files)} files", None)),
    Promise("rows", "every row read has one fate, and the files hold the rows of the splits", numbers=_rows),
    Promise("prompts", "every prompt is the question, the product text and the answer words", _framed),
    Promise("completions", "every completion is the price in whole dollars, rounded by the recipe", _answered),
    Promise("prices", _PRICES, _priced),
    Promise("token-cap", "no {tokens.of} has more than {tokens.cap:,} tokens", _capped, _longest),
    Promise("tokens", "the tokens of every row are those that {tokenizer} counts"),
    Promise("config-text", "config text has the same rows, those of test without the answer", _same_text),
    Promise("config-openai", _CHATS),
    Promise("slot-cap", _SLOTS, numbers=_fullest),
    Promise("prompts-apart", "no prompt is in two splits", numbers=_shared, excuse=_keeps_copies),
    Promise("texts-once", _ONCE, made=lambda recipe: not _keeps_copies(recipe)),
    Promise("near-copies-apart", _NEAR, numbers=_near, excuse=_keeps_near_copies),
)
"""All promises, in the order in which they are shown."""
