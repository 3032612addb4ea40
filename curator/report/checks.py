"""What a run promises, checked against the files that it wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from curator.recipe.load import Recipe
from curator.run.ledger import SPLITS
from curator.selection.slots import FIRST, LAST

PASS, WARN, FAIL, NOTE = "pass", "warn", "fail", "note"
"""How a check of the report came out; a note is no check."""
_WORST = (FAIL, WARN, PASS)


def check(
    recipe: Recipe, summary: Mapping[str, Any], published: Mapping[str, Any], ledger: Sequence[Path]
) -> list[dict[str, str]]:
    """Return each check: `id`, `name`, `status` (``pass``, ``warn``, ``fail``, ``note``) and `detail`.

    Args:
        recipe: The run's recipe.
        summary: The run's counts.
        published: What `measure.measure` found.
        ledger: The parts of the ledger, final.
    """
    checks = [
        _sums(summary, ledger),
        _split_rows(summary, published),
        _slot_cap(recipe, summary),
        _token_cap(recipe, published),
        _answers(recipe, published),
        _rounding(recipe, published),
        _disjoint(recipe, published),
        _apart(recipe, summary["certificate"]),
        _balanced(recipe, summary["balance"]),
    ]
    warned = [
        {"id": f"warning-{number}", "name": "Warning", "status": WARN, "detail": f"{text[:1].upper()}{text[1:]}."}
        for number, text in enumerate(summary["warnings"], 1)
    ]
    return checks + warned


def verdict(checks: Sequence[Mapping[str, str]]) -> str:
    """Return the worst status among the checks; a note, which checks nothing, counts for nothing."""
    statuses = {one["status"] for one in checks}
    return next((status for status in _WORST if status in statuses), PASS)


def _sums(summary: Mapping[str, Any], ledger: Sequence[Path]) -> dict[str, str]:
    counted: dict[str, int] = {}
    for part in ledger:
        fates = pl.scan_parquet(part, glob=False).group_by("fate").agg(pl.len()).collect()
        for fate, rows in fates.iter_rows():
            counted[fate] = counted.get(fate, 0) + rows
    rows_in = summary["rows_in"]
    held = sum(counted.values()) == rows_in and counted == dict(summary["fates"])
    detail = (
        f"{rows_in:,} rows came in; the ledger gives each one fate, and its counts add up to {sum(counted.values()):,}."
    )
    return _result("sums", "Every row is accounted for", held, detail)


def _split_rows(summary: Mapping[str, Any], published: Mapping[str, Any]) -> dict[str, str]:
    written = {split: published["splits"].get(split, {"rows": 0})["rows"] for split in SPLITS}
    told = ", ".join(f"{split} {rows:,}" for split, rows in written.items() if rows) or "no rows at all"
    held = written == dict(summary["splits"])
    status = held if sum(written.values()) else None
    return _result("rows", "The files hold the splits' rows", status, f"The published files hold {told}.")


def _slot_cap(recipe: Recipe, summary: Mapping[str, Any]) -> dict[str, str]:
    capped = summary["distributions"]["slots"]["sampled"][: recipe.slots.whole_from]
    most = max(capped, default=0)
    at_cap = sum(count >= recipe.slots.cap for count in capped)
    detail = (
        f"The fullest slot below ${recipe.slots.whole_from} holds {most:,} items; the cap is {recipe.slots.cap:,},"
        f" and {f'{at_cap:,} slots reach it' if at_cap else 'none reaches it'}."
    )
    return _result("slot-cap", "No slot is over its cap", most <= recipe.slots.cap, detail)


def _token_cap(recipe: Recipe, published: Mapping[str, Any]) -> dict[str, str]:
    longest = max((one["tokens_max"] for one in published["splits"].values()), default=0)
    cap = recipe.tokens.cap
    if recipe.tokens.of == "prompt":
        detail = f"The longest prompt has {longest:,} tokens, its answer included; the cap is {cap:,}."
        return _result("token-cap", "No prompt is over its cap", longest <= cap, detail)
    detail = (
        f"The longest prompt has {longest:,} tokens. The cap of {cap:,} counts the product text alone and was applied"
        " when it was cut; it is not counted again here."
    )
    return {**_result("token-cap", "Texts are cut at their cap", None, detail), "status": NOTE}


def _answers(recipe: Recipe, published: Mapping[str, Any]) -> dict[str, str]:
    wrong = published["wrong"]
    broken = wrong["prompt_end"] + wrong["completion"] + wrong["text_end"]
    rows = _rows(published)
    detail = (
        f"All {rows:,} prompts end in “{recipe.prompt.answer}” and are answered by their slot's price; the text form"
        " agrees."
        if not broken
        else f"{wrong['prompt_end']:,} of {rows:,} prompts don't end in “{recipe.prompt.answer}”,"
        f" {wrong['completion']:,} have another answer, {wrong['text_end']:,} differ in the text form."
    )
    return _result("answers", "Every prompt ends in its answer", not broken, detail)


def _rounding(recipe: Recipe, published: Mapping[str, Any]) -> dict[str, str]:
    wrong = published["wrong"]
    way = recipe.price.rounding.replace("_", " ")
    detail = (
        f"{wrong['slot']:,} rows have a slot that is not their price rounded {way}; {wrong['slot_range']:,} have one"
        f" outside {FIRST} to {LAST}."
        if wrong["slot"] + wrong["slot_range"]
        else f"Each row's slot is its price rounded {way}, and lies from {FIRST} to {LAST}."
    )
    return _result("slots", "Slots are the rounded prices", not wrong["slot"] + wrong["slot_range"], detail)


def _disjoint(recipe: Recipe, published: Mapping[str, Any]) -> dict[str, str]:
    shared = published["wrong"]["shared"]
    detail = f"{f'{shared:,} texts lie' if shared else 'No text lies'} in more than one split."
    if shared and recipe.duplicates.exact == "keep":
        detail += " The recipe keeps copies."
        return _result("disjoint", "Splits share no text", None, detail)
    return _result("disjoint", "Splits share no text", not shared, detail)


def _apart(recipe: Recipe, certificate: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    least = recipe.duplicates.similarity
    name = "No two rows of different splits are near-copies"
    told = "; ".join(
        f"{one['split']} and {one['against']}: highest {one['highest']:.3f}, {one['reaching']:,} rows reach {least:g}"
        for one in certificate
    )
    reaching = any(one["reaching"] for one in certificate)
    if reaching and recipe.duplicates.near == "keep":
        return _result("apart", name, None, f"{told}. The recipe keeps near-copies where they fall.")
    return _result("apart", name, not reaching, f"{told}." if told else "There is only one split.")


def _balanced(recipe: Recipe, balance: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Tell the largest gap between what a held-out split has of a category or price band and what was aimed at."""
    gaps = [
        (abs(one[split] - one[f"{split}_aim"]), one[split], one[f"{split}_aim"], split)
        for entries in balance.values()
        for one in entries
        for split in ("validation", "test")
    ]
    _, rows, aim, split = max(gaps, default=(0.0, 0, 0.0, "test"))
    aimed = "" if recipe.duplicates.near == "together" else " The recipe draws them without regard to either."
    detail = f"The largest gap: {rows:,} rows of {split} where its share would be {aim:,.1f}.{aimed}"
    name = "Validation and test have the sample's mix of categories and prices"
    return {"id": "balance", "name": name, "status": NOTE, "detail": detail}


def _rows(published: Mapping[str, Any]) -> int:
    return sum(one["rows"] for one in published["splits"].values())


def _result(check: str, name: str, held: bool | None, detail: str) -> dict[str, str]:
    """Return one check; `held` is null for what held no promise back but should be known."""
    status = WARN if held is None else PASS if held else FAIL
    return {"id": check, "name": name, "status": status, "detail": detail}
