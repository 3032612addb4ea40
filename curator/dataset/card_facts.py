"""What a dataset's manifest says, in the words and tables of the card."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import PurePosixPath
from typing import Any

import tomli_w

from curator.dataset import promises, rebuild_command
from curator.dataset.columns import CONFIGS
from curator.dataset.manifest import Manifest
from curator.dataset.markdown import code, fence_for, md
from curator.dataset.origin import AMAZON, LOCAL, Origin, origin, url_of
from curator.figures import facts
from curator.recipe.load import Recipe
from curator.recipe.settings import TextSettings
from curator.run.ledger import SPLITS
from curator.sources.categories import REPOSITORY
from curator.system.display import visible
from curator.text import cleaning
from curator.text.own_price import MARK

_ROUNDING = {"half_up": "half dollars go up", "half_even": "half dollars go to the even dollar"}
_KINDS = {"string": "string", "float64": "float", "int32": "int"}
_HOLDS = {"pass": "yes", "warn": "no", "fail": "**no**", "note": "–"}
_MOST_SOURCES = 50


def of(manifest: Mapping[str, Any], repository: str | None) -> dict[str, Any]:
    """Return all that the card's template asks for."""
    recipe = Recipe.model_validate(manifest["recipe"])
    measured, fates = manifest["measured"], manifest["counts"]["fates"]
    splits = measured["splits"]
    # In TOML's strings the escapes mean what they stand for.
    recipe_toml = visible(tomli_w.dumps(manifest["recipe"]), keep="\n")
    command = rebuild_command.command(manifest)
    known = origin(manifest)
    return {
        "manifest": manifest,
        "repository": repository,
        "recipe": recipe,
        "origin": known,
        "rows_of": _listed(_rows_of(known)),
        "others": [(_link(name), _listed([code(one) for one in commits])) for name, commits in known.others.items()],
        "demo_name": next((one["name"] for one in manifest["sources"] if one["kind"] == "demo"), ""),
        "licences": list(known.licences(code)),
        "currency": currency(recipe),
        "counts": manifest["counts"],
        "measured": measured,
        "splits": splits,
        "first_split": next(iter(splits), "train"),
        "total": sum(one["rows"] for one in splits.values()),
        "flattened": bool(fates.get("not_sampled")),
        "left_over": fates.get("beyond_splits", 0),
        "near_duplicates": fates.get("near_duplicate", 0),
        "sampled": sum(one["rows"] for one in splits.values()) + fates.get("beyond_splits", 0),
        "rounding": _ROUNDING[recipe.price.rounding],
        "fields": list(_fields(recipe)),
        "split_rows": [_split_row(split, one) for split, one in splits.items()],
        "category_rows": [(md(name), f"{count:,}") for name, count in measured["categories"]["largest"].items()],
        "source_rows": list(_source_rows(manifest["sources"])),
        "steps": list(_steps(manifest["counts"])),
        "images": {
            PurePosixPath(name).stem: f"![{md(image['alt'])}]({name})" for name, image in manifest["images"].items()
        },
        "processing": list(processing(manifest)),
        "short": list(_short(recipe, splits)),
        "checks": [
            (md(one["name"]), md(one["detail"]), _HOLDS[one["status"]])
            for one in promises.findings(Manifest.model_validate(manifest))
        ],
        "limits": list(limits(manifest)),
        "recipe_toml": recipe_toml,
        "command": command,
        "fence": fence_for([recipe_toml, command]),
    }


def currency(recipe: Recipe) -> str:
    """Return the recipe's currency in a sentence."""
    return "US dollars" if recipe.price.currency == "USD" else recipe.price.currency


def _link(repository: str) -> str:
    return f"[{md(repository)}](<{escape(url_of(repository))}>)"


def _rows_of(known: Origin) -> Iterator[str]:
    """Yield the name of each source (Markdown)."""
    if known.demo:
        yield "curator's demo catalogue"
    if known.amazon:
        yield f"[{AMAZON}](<{url_of(REPOSITORY)}>)"
    yield from map(_link, known.others)
    if known.local:
        yield LOCAL


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _fields(recipe: Recipe) -> Iterator[tuple[str, str, str]]:
    """Yield config, field and meaning (with its unit)."""
    named = {
        "answer": code(recipe.prompt.answer, in_table=True),
        "tokenizer": code(recipe.tokenizer, in_table=True),
        "currency": currency(recipe),
    }
    for config, one in CONFIGS.items():
        for number, column in enumerate(one.columns):
            kind = (
                _KINDS[column.type]
                if isinstance(column.type, str)
                else f"list of {' and '.join(map(code, column.type))}"
            )
            yield "" if number else f"`{config}`", f"`{column.name}`", f"{kind}: {column.sentence.format_map(named)}"


def _split_row(split: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    counts = [f"{one[name]:,}" for name in ("rows", "tokens", "longest_prompt")]
    prices = (f"{one['lowest_price']:.2f}", f"{one['median_slot']}", f"{one['highest_price']:.2f}")
    return (split, *counts, *prices, f"{one['slots']:,}")


def _source_rows(sources: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for one in sources[:_MOST_SOURCES]:
        where = [code(one[key], in_table=True) for key in ("repository", "revision") if one.get(key)]
        yield code(one["name"], in_table=True), f"{one['rows']:,}", f"`{one['sha256']}`", " at ".join(where) or "none"
    if len(sources) > _MOST_SOURCES:
        rest = sources[_MOST_SOURCES:]
        yield f"{len(rest):,} more (in `manifest.json`)", f"{sum(one['rows'] for one in rest):,}", "", ""


def _steps(counts: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield each step that took rows away, in the pipeline's order, with the rows that it left."""
    yield "read", f"{counts['rows_in']:,}", f"{counts['rows_in']:,}", "Raw rows of all sources."
    for step in facts.steps(counts):
        if not step.is_split:
            yield f"`{step.name}`", f"-{step.rows:,}", f"{step.left:,}", step.sentence
        elif step.rows:
            yield f"**{step.name}**", f"{step.rows:,}", "", "Published."


def processing(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is done to the text of a row that stays, in order (Markdown)."""
    recipe = Recipe.model_validate(manifest["recipe"])
    text, tokens = recipe.text, recipe.tokens
    tokenizer = code(recipe.tokenizer)
    masked = [f"Amounts that are the product's own price become {code(MARK)}."] if text.own_price == "mask" else []
    if text.style == "course":
        yield (
            f"Description, features and details (as JSON text, with {len(text.removals)} substrings deleted) are joined"
            f" and cut to their first {text.max_chars:,} characters."
        )
        yield (
            "Title and the rest are scrubbed: runs of brackets, quotes, colons and white space become one space,"
            " doubled commas one, and words of seven or more characters with a digit go."
        )
        yield from masked
        cut = f"its first {tokens.cap} tokens under {tokenizer}, counted exactly"
        whole = "" if tokens.of == "text" else ", the question and the answer included"
        yield f"The text is cut to {cut}{whole}."
    else:
        names = ", ".join(
            {
                "categories": f"its last {text.categories} categories",
                "details": f"details as `Key: value` ({len(text.detail_keys_dropped)} keys that say little left out)",
            }.get(name, name)
            for name in text.fields
        )
        yield f"The text is put together, a line each: {names}; then cut to its first {text.max_chars:,} characters."
        yield from _layout(text)
        for rule in cleaning.READABLE_RULES:
            yield md(rule.sentence)
        yield from masked
        if text.special_tokens == "break":
            yield "Strings that spell one of the tokenizer's special tokens are broken up by a space."
        what = "the text has" if tokens.of == "text" else "the whole prompt, answer included, has"
        yield (
            f"The text is cut at the end of a word so that {what} at most {tokens.cap} tokens under {tokenizer},"
            " counted exactly."
        )
    yield (
        f"The prompt is {code(recipe.prompt.question)}, a blank line, the text, a blank line and"
        f" {code(recipe.prompt.answer)}; the completion is the price in whole dollars and `.00`."
    )
    weights = "".join(f", but {md(name)} {weight:g}" for name, weight in recipe.slots.weights.items())
    yield (
        f"Of each whole-dollar price below {recipe.slots.whole_from} {recipe.price.currency} at most"
        f" {recipe.slots.cap:,} items are drawn (numpy, seed {recipe.slots.seed}; weight"
        f" {recipe.slots.default_weight:g} for every category{weights}); dearer items are all taken."
    )


def _layout(text: TextSettings) -> Iterator[str]:
    """Yield how the parts of a readable text are arranged and shortened, before they are cut."""
    if text.main_category and "categories" in text.fields:
        yield "In it the item's own category stands before its last ones."
    if text.detail_keys_first and "details" in text.fields:
        first = ", ".join(code(key) for key in text.detail_keys_first[:4])
        yield f"Of the details {len(text.detail_keys_first):,} keys come first: {first} and so on."
    if text.units == "plain" and "details" in text.fields:
        yield (
            "Weights and sizes of the details are written one way: ounces or pounds with grams, and inches, shortest"
            " side first."
        )
    if text.prose_lines:
        yield f"Of features and description together the first {text.prose_lines:,} lines stay."
    if text.prose_chars:
        yield f"Each of those lines ends with its first clause, or after {text.prose_chars:,} characters."


def _short(recipe: Recipe, splits: Mapping[str, Any]) -> Iterator[str]:
    """Yield each split that has fewer rows than the recipe asks for."""
    for split in SPLITS:
        wanted, got = getattr(recipe.split, split), splits.get(split, {"rows": 0})["rows"]
        if got < wanted:
            state = f"has {got:,} rows" if got else "is empty and not written"
            yield f"`{split}` {state}: the recipe asks for {wanted:,}, and the sample is too small for that."


def _limits_of_sources(known: Origin, recipe: Recipe) -> Iterator[str]:
    """Yield what is known of prices and languages, by the sources."""
    if known.demo:
        made_up = "All products" if known.only_demo else "Products of the demo catalogue"
        yield f"{made_up} are made up from a few thousand words; a score on them says nothing about real products."
    if known.amazon:
        yield (
            f"Prices of {AMAZON} are in US dollars, from Amazon's US shop in 2023. Whether one is a list price or a"
            " sale price, and when it was seen, is not recorded; none is adjusted for inflation."
        )
    if not known.is_known:
        which = _listed([*map(code, known.others), *[LOCAL] * known.local])
        yield (
            f"Prices of {which} are taken for {currency(recipe)}, the recipe's currency. Where and when they were"
            " asked, and whether one is a list price or a sale price, curator doesn't know."
        )
    if known.stated.language:
        languages = _listed(map(code, known.languages))
        yield f"Texts are in {languages}, as the recipe states; nothing was filtered or translated by language."
    elif not known.is_known:
        yield "The language of the texts is not known; nothing was filtered or translated by language."
    elif known.amazon:
        yield "Texts are mostly English; nothing was filtered or translated by language."


def limits(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a reader should not conclude from the data (Markdown)."""
    recipe = Recipe.model_validate(manifest["recipe"])
    rows_in, fates = manifest["counts"]["rows_in"], manifest["counts"]["fates"]
    yield from _limits_of_sources(origin(manifest), recipe)
    course = recipe.text.style == "course"
    what = f"{'description, features and details' if course else 'cleaned text'}, counted before the cut to tokens"
    priced = rows_in - fates.get("no_price", 0) - fates.get("malformed_row", 0)
    yield (
        f"Selection: {priced:,} of {rows_in:,} raw rows had a price at all. Kept are prices from"
        f" {recipe.price.min:.2f} to {recipe.price.max:.2f} {recipe.price.currency} and products with more than"
        f" {recipe.text.min_chars:,} characters of {what}, so cheap, dear and barely described products are missing."
        " What is published of a text can be shorter."
    )
    if left_out := fates.get("not_sampled", 0):
        yield (
            f"The sample is flattened: at most {recipe.slots.cap:,} items for each whole-dollar price below"
            f" {recipe.slots.whole_from} {recipe.price.currency}, which left {left_out:,} out. Errors on it are not"
            " those on the sources' own mix of prices."
        )
    else:
        yield "No whole-dollar price was over its cap, so the sample has the mix of prices that its input has."
    yield "Texts are cut at the token cap; what stood further down is not there."
    if recipe.text.own_price == "keep":
        yield "The recipe keeps products whose text states their own price."
    elif recipe.text.own_price == "mask":
        masked = manifest["counts"].get("masked", 0)
        yield (
            f"Where a product's text states its own price, the amount is masked as {code(MARK)}: in {masked:,} of the"
            " published rows. Other prices in a text stay."
        )
    else:
        yield "Products whose text states their own price were dropped; other prices in a text stay."
