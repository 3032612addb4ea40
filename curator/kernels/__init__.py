"""Loops over the bytes of texts, compiled by Numba at their first use and kept on disk for the next.

What a rule is, its own module says, mostly as patterns; these loops do the same to all texts of a batch in one pass.
Importing a module of this package imports Numba, so it is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba

_In = ParamSpec("_In")
_Out = TypeVar("_Out")


def compiled(loop: Callable[_In, _Out]) -> Callable[_In, _Out]:
    """Compile a function when it is called first, and keep what is made beside its module or in the user's cache.

    Functions that call each other stand in one module: what is kept is made anew when that file changes, and only then.
    """
    return _compiled(loop)


def part(function: Callable[_In, _Out]) -> Callable[_In, _Out]:
    """Compile a function that loops of its module call often.

    Unlike `compiled` it does not count the references to arrays, which takes longer than a short function does: those
    who call it hold them. So it can make no arrays. The option is Numba's own, for its internals.
    """
    return _compiled(function, _nrt=False)


def _compiled(function: Callable[_In, _Out], **options: Any) -> Callable[_In, _Out]:
    made: Callable[_In, _Out]
    try:
        made = numba.njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    except RuntimeError:
        # There is no folder to keep it in, as in a container that may write nowhere: each process makes it anew.
        made = numba.njit(nogil=True, error_model="numpy", **options)(function)
    return made
