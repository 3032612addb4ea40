"""Loops over the bytes of texts, compiled by Numba at their first use and kept on disk for the next.

What a rule is, its own module says, mostly as patterns; these loops do the same to all texts of a batch in one pass.
Importing a module of this package imports Numba, so it is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.caching import FunctionCache

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
    made: Any = numba.njit(nogil=True, error_model="numpy", **options)(function)
    # Where there is no folder to keep it in, as in a container that may write nowhere, each process makes it anew.
    with suppress(RuntimeError):
        made._cache = _Cache(function)
    loop: Callable[_In, _Out] = made
    return loop


class _Cache(FunctionCache):
    """Numba's cache on disk, without which a loop is compiled again: nothing that is wrong with it ends a command."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept, or None if there is nothing, or nothing that can be read."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # Damaged bytes, as a power failure leaves them, make pickle raise nearly anything.
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, if it can be written; what is there already is read for it."""
        with suppress(Exception):
            super().save_overload(sig, data)
