"""Count points in the cells of a grid of hexagons, so that a cloud of any size becomes a few hundred numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS, ROWS = 30, 18
"""Cell widths that the range of x and that of y span; hexagons look regular on axes of 5 to 3."""

_ROOT = float(np.sqrt(3))


def count(
    x: NDArray[np.float64], y: NDArray[np.float64], x_range: tuple[float, float], y_range: tuple[float, float]
) -> dict[str, Any]:
    """Count points by the nearest centre of two interleaved grids, which is the cell of a regular hexagon.

    In units of a cell's width a centre of the first grid lies at (i, j √3), one of the second at (i + ½, (j + ½) √3).

    Args:
        x: Positions; those outside `x_range` count at its ends.
        y: Positions; those outside `y_range` count at its ends.
        x_range: What `COLUMNS` cell widths span.
        y_range: What `ROWS` cell widths span.

    Returns:
        `x` and `y`, the ranges; `cells`, a list of [2 i, 2 j, points] in which odd numbers are the second grid's.
    """
    u, v = _scaled(x, x_range, COLUMNS), _scaled(y, y_range, ROWS)
    first = np.stack([np.rint(u), np.rint(v / _ROOT)])
    second = np.stack([np.floor(u) + 0.5, np.floor(v / _ROOT) + 0.5])
    nearer = _distance(u, v, first) <= _distance(u, v, second)
    doubled = (2 * np.where(nearer, first, second)).astype(np.int64)
    cells, points = np.unique(doubled, axis=1, return_counts=True)
    return {
        "x": list(x_range),
        "y": list(y_range),
        "cells": [[int(i), int(j), int(n)] for (i, j), n in zip(cells.T, points, strict=True)],
    }


def centres(grid: dict[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return x and y of the cells' centres, on the axes of the points, and the points of each."""
    cells = np.array(grid["cells"], np.int64).reshape(-1, 3)
    (x_low, x_high), (y_low, y_high) = grid["x"], grid["y"]
    x = x_low + cells[:, 0] / 2 / COLUMNS * (x_high - x_low)
    y = y_low + cells[:, 1] / 2 * _ROOT / ROWS * (y_high - y_low)
    return x, y, cells[:, 2]


def corners(grid: dict[str, Any]) -> NDArray[np.float64]:
    """Return the corners of the cell around (0, 0), on the axes of the points; shape (6, 2)."""
    angle = np.deg2rad(30 + 60 * np.arange(6))
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1) / _ROOT
    (x_low, x_high), (y_low, y_high) = grid["x"], grid["y"]
    return np.asarray(unit * [(x_high - x_low) / COLUMNS, (y_high - y_low) / ROWS], np.float64)


def _scaled(values: NDArray[np.float64], limits: tuple[float, float], cells: int) -> NDArray[np.float64]:
    low, high = limits
    return (np.clip(values, low, high) - low) / (high - low) * cells


def _distance(u: NDArray[np.float64], v: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    distance: NDArray[np.float64] = (u - centre[0]) ** 2 + (v - centre[1] * _ROOT) ** 2
    return distance
