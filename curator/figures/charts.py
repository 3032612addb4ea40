"""The figures of a report: prices, slots, spikes, tokens and the way of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from curator.figures import facts
from curator.pages.axes import (
    FULL,
    HALF,
    beside,
    count_axis,
    number,
    share_axis,
    shortened,
    title_axis,
)
from curator.pages.svg import COLOUR, Drawing, canvas, stairs
from curator.selection.draw import LAST

BIN = 10
"""Width of a bar in the distributions of prices (USD)."""


def waterfall(summary: Mapping[str, Any]) -> Drawing:
    """Draw the way from all rows through each reason to the splits."""
    steps = facts.steps(summary)
    rows_in = summary["rows_in"]

    def plot(width: int) -> Figure:
        height = 46 + 25 * (len(steps) + 1)
        figure, axes = canvas((width, height), left=128, right=26, top=4, bottom=34, grid="x")
        labels = ["rows in", *(step.name for step in steps)]
        axes.barh(0, rows_in, color=COLOUR["before"], height=0.66)
        beside(axes, (rows_in, 0), f"{rows_in:,}", -1)
        for place, step in enumerate(steps, 1):
            start = step.left - step.rows if step.is_split else step.left
            axes.barh(place, step.rows, left=start, color=COLOUR[step.name if step.is_split else "drop"], height=0.66)
            # The number goes where there is room: after the bar, before it, or on it.
            if (end := start + step.rows) < 0.8 * rows_in:
                beside(axes, (end, place), f"{step.rows:,}", 1)
            elif start > 0.2 * rows_in:
                beside(axes, (start, place), f"{step.rows:,}", -1)
            else:
                beside(axes, (start, place), f"{step.rows:,}", 1, "paper")
        axes.set_yticks(range(len(labels)), labels)
        axes.invert_yaxis()
        axes.set_xlim(0, max(rows_in, 1))
        count_axis(axes.xaxis, 8)
        return figure

    told = ", ".join(f"{step.name} {step.rows:,}" for step in steps)
    return Drawing("waterfall", f"Bars from {rows_in:,} rows in, step by step: {told}.", FULL, plot)


def prices(summary: Mapping[str, Any]) -> Drawing:
    """Draw the distribution of prices before and after the sampling, on the same axes."""
    slots = summary["distributions"]["slots"]
    before, after = (facts.shares(binned(slots[name])) for name in ("items", "sampled"))

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 300), left=46, right=22, top=28)
        price_steps(axes, before, "before", fill=True)
        price_steps(axes, after, "after")
        share_axis(axes, max(before.max(), after.max()), "% of items")
        price_axis(axes)
        return figure

    middle = [facts.median(slots[name]) for name in ("items", "sampled")]
    alt = (
        f"Two distributions of prices from $1 to $999 in steps of ${BIN}. The median is {_dollars(middle[0])} before"
        f" the sampling and {_dollars(middle[1])} after it."
    )
    return Drawing("prices", alt, FULL, plot)


def prices_by_split(summary: Mapping[str, Any]) -> Drawing:
    """Draw what share of each split lies at or below each price."""
    splits = summary["published"]["splits"]
    curves = {name: np.cumsum(facts.shares(one["slots"])) for name, one in splits.items()}

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 250), left=46, right=22, top=28, grid="both")
        axes.set_xscale("log")
        for name, curve in curves.items():
            axes.step(np.arange(1, LAST + 1), curve[1:], where="post", color=COLOUR[name], linewidth=1.7)
        axes.set_ylim(0, 101)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}%"))
        ticks = (1, 10, 100, 999)
        axes.set_xticks(ticks, [f"${tick}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlim(1, LAST)
        title_axis(axes, "rows at or below a price (logarithmic)")
        return figure

    told = ", ".join(f"{name} ${one['price_median']:,.2f}" for name, one in splits.items()) or "no rows"
    alt = f"Share of each split's rows at or below a price. Medians: {told}."
    return Drawing("prices-by-split", alt, HALF, plot)


def slots(summary: Mapping[str, Any]) -> Drawing:
    """Draw the items of each slot, those that were taken, and the cap."""
    counts, settings = summary["distributions"]["slots"], summary["settings"]["slots"]
    cap, whole_from = settings["cap"], settings["whole_from"]
    told = facts.slot_facts(summary)
    top = max(told["fullest_items"], cap)

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 310), left=46, right=22, top=34)
        for name, colour in (("items", "before"), ("sampled", "after")):
            stairs(axes, counts[name], np.arange(LAST + 2) - 0.5, colour, fill=True)
        end = min(whole_from, LAST + 1) - 0.5
        axes.plot([0.5, end], [cap, cap], color=COLOUR["cap"], linewidth=1.8, solid_capstyle="butt")
        axes.axvline(end, color=COLOUR["cap"], linewidth=1, dashes=(3, 3))
        # Above all bars, on the side that has room.
        anchor, shift = ("left", 6) if end < LAST / 2 else ("right", -6)
        words = f"cap {cap:,}" + (f", below ${whole_from}" if whole_from <= LAST else "")
        axes.annotate(
            words,
            (end, 1),
            (shift, -9),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha=anchor,
            color=COLOUR["cap"],
            fontweight="bold",
        )
        _log_axis(axes, top, 3)
        title_axis(axes, "items in a slot (logarithmic)")
        price_axis(axes)
        return figure

    alt = (
        f"Items of each slot from $1 to $999 on a logarithmic axis, and those taken. The cap of {cap:,} holds below"
        f" ${whole_from}; {told['over_cap']:,} slots are over it. The fullest slot, ${told['fullest']}, holds"
        f" {told['fullest_items']:,} items; {told['empty']:,} slots are empty."
    )
    return Drawing("slots", alt, FULL, plot)


def spikes(summary: Mapping[str, Any]) -> Drawing:
    """Draw the items of each price just below a hundred, beside those of the hundred and of the prices around."""
    marked = facts.spikes(summary["distributions"]["slots"]["items"])
    bars = {
        "before": [one.around for one in marked],
        "cap": [float(one.items) for one in marked],
        "after": [float(one.next_items or 0) for one in marked],
    }

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 250), left=46, right=12, top=28)
        places = np.arange(len(marked))
        for shift, (colour, heights) in zip((-0.27, 0.0, 0.27), bars.items(), strict=True):
            axes.bar(places + shift, heights, 0.25, color=COLOUR[colour])
        axes.set_xticks(places, [f"${one.slot}" for one in marked])
        axes.set_xlim(-0.6, len(marked) - 0.4)
        axes.set_ylim(0, (max(map(max, bars.values())) or 1) * 1.06)
        count_axis(axes.yaxis, 5)
        title_axis(axes, "items at a price")
        return figure

    told = ", ".join(f"${one.slot} {one.items:,}" for one in marked)
    alt = f"Items at the prices just below a hundred, beside the hundred and the median of the prices around: {told}."
    return Drawing("spikes", alt, HALF, plot)


def tokens(summary: Mapping[str, Any]) -> Drawing:
    """Draw how many tokens prompts have, against the cap."""
    counted, settings = summary["distributions"]["tokens"], summary["settings"]["tokens"]
    longest = len(counted["items"]) - 1
    cap, of_prompt = settings["cap"], settings["of"] == "prompt"
    edge = max(longest, cap if of_prompt else 0) + 1

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 270), left=46, right=22, top=44)
        start = next((place for place, count in enumerate(counted["items"]) if count), 0)
        for name, colour in (("items", "before"), ("sampled", "after")):
            stairs(axes, counted[name], np.arange(len(counted[name]) + 1) - 0.5, colour, fill=True)
        top = max(counted["items"], default=0) or 1
        if of_prompt:
            axes.axvline(cap + 0.5, color=COLOUR["cap"], linewidth=1.8)
            axes.annotate(
                f"cap {cap}",
                (cap + 0.5, 1),
                (-4, 3),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="right",
                color=COLOUR["cap"],
                fontweight="bold",
            )
        _log_axis(axes, top, 1.3)
        axes.set_xlim(start - 1, edge + 1)
        count_axis(axes.xaxis, 8)
        axes.set_xlabel("tokens of the whole prompt")
        title_axis(axes, "items (logarithmic)")
        return figure

    alt = (
        f"Tokens of each whole prompt: median {facts.median(counted['items'])}, at most {max(longest, 0)};"
        f" the cap of {cap} is on the {settings['of']}."
    )
    return Drawing("tokens", alt, HALF, plot)


def binned(counts: Sequence[int]) -> NDArray[np.int64]:
    """Return counts of slots 1 to 999 summed over bins of `BIN` dollars: 1 to 10, 11 to 20, and so on."""
    inside = np.zeros(-(-LAST // BIN) * BIN, np.int64)
    inside[:LAST] = counts[1:]
    summed: NDArray[np.int64] = inside.reshape(-1, BIN).sum(axis=1)
    return summed


def price_steps(axes: Axes, shares: NDArray[np.float64], colour: str, *, fill: bool = False) -> None:
    """Draw shares of bins of prices as steps."""
    edges = np.minimum(np.arange(len(shares) + 1) * BIN + 0.5, LAST + 0.5)
    stairs(axes, shares, edges, colour, fill=fill)


def _log_axis(axes: Axes, top: int, room: float) -> None:
    """Make the vertical axis one of counts, logarithmic from 1 on and with a place for 0."""
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.set_ylim(0, top * room)
    ticks = [0, *(10**power for power in range(int(np.log10(max(top, 1))) + 1))]
    axes.set_yticks(ticks, [number(tick) for tick in ticks])
    axes.tick_params(axis="y", which="minor", length=0)


def price_axis(axes: Axes) -> None:
    """Give the horizontal axis the prices from $1 to $999."""
    ticks = [1, *range(100, 1000, 100), 999]
    axes.set_xticks(ticks, [f"${tick}" for tick in ticks])
    axes.set_xlim(-3, LAST + 4)


def _dollars(value: int | None) -> str:
    return "unknown" if value is None else f"${value:,}"


def categories(summary: Mapping[str, Any]) -> Drawing:
    """Draw each category's share before and after the sampling."""
    rows = facts.categories(summary)
    before = facts.shares([row.items for row in rows])
    after = facts.shares([row.sampled for row in rows])

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 44 + 30 * max(len(rows), 1)), left=166, right=48, top=4, bottom=34, grid="x")
        place = np.arange(len(rows))
        axes.barh(place - 0.19, before, 0.36, color=COLOUR["before"])
        axes.barh(place + 0.19, after, 0.36, color=COLOUR["after"])
        for at, (first, second) in enumerate(zip(before, after, strict=True)):
            beside(axes, (max(first, second), at), f"{second:.1f}%", 1)
        axes.set_yticks(place, [shortened(row.name) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, (max(before.max(initial=0), after.max(initial=0)) or 1) * 1.02)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}%")
        axes.locator_params(axis="x", nbins=6)
        return figure

    told = ", ".join(
        f"{row.name} {first:.1f}% then {second:.1f}%" for row, first, second in zip(rows, before, after, strict=True)
    )
    return Drawing("categories", f"Shares of categories before and after the sampling: {told or 'none'}.", HALF, plot)


def ring(summary: Mapping[str, Any]) -> Drawing:
    """Draw the categories of the sample as a ring."""
    rows = facts.slices(summary)
    share = facts.shares([row.sampled for row in rows])

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, width), left=4, right=4, top=4, bottom=4)
        axes.set_axis_off()
        axes.set_aspect("equal")
        if rows:
            axes.pie(
                share,
                startangle=90,
                counterclock=False,
                radius=1,
                colors=[COLOUR[slice_colour(row.name, at)] for at, row in enumerate(rows)],
                wedgeprops={"width": 0.36, "edgecolor": COLOUR["paper"], "linewidth": 2},
            )
        axes.text(0, 0.07, number(summary["sampled"]), ha="center", va="center", fontsize=22, color=COLOUR["ink"])
        axes.text(0, -0.16, "sampled", ha="center", va="center", color=COLOUR["muted"])
        axes.set_xlim(-1.02, 1.02)
        axes.set_ylim(-1.02, 1.02)
        return figure

    told = ", ".join(f"{row.name} {part:.1f}%" for row, part in zip(rows, share, strict=True))
    alt = f"Ring of the {summary['sampled']:,} sampled items by category: {told or 'none'}."
    return Drawing("ring", alt, 300, plot)


def slice_colour(name: str, place: int) -> str:
    """Return the colour's name of a slice of the ring."""
    return "before" if name == "all others" else f"slice-{place % 8 + 1}"


def duplicates(summary: Mapping[str, Any]) -> Drawing | None:
    """Draw how many groups of copies there are of each size, or nothing where there are none."""
    sizes = summary["duplicates"]["sizes"]
    if not sizes:
        return None
    bars = [(str(size), count) for size, count in sizes if size < 10]
    if more := sum(count for size, count in sizes if size >= 10):
        bars.append(("10+", more))

    def plot(width: int) -> Figure:
        figure, axes = canvas((width, 230), left=46, top=28)
        place = np.arange(len(bars))
        axes.bar(place, [count for _, count in bars], 0.6, color=COLOUR["after"])
        for at, (_, count) in enumerate(bars):
            axes.text(at, count, f"{count:,}", ha="center", va="bottom", color=COLOUR["ink"])
        axes.set_xticks(place, [size for size, _ in bars])
        axes.set_xlim(-0.8, max(len(bars), 5) - 0.2)
        axes.set_ylim(0, max(count for _, count in bars) * 1.15)
        count_axis(axes.yaxis, 4)
        axes.set_xlabel("items in a cluster")
        title_axis(axes, "clusters")
        return figure

    told = ", ".join(f"{count:,} of {size}" for size, count in bars)
    return Drawing("duplicates", f"Clusters of items, by size: {told} items.", HALF, plot)
