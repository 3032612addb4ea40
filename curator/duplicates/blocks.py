"""Arrays that are put together piece by piece, in little more memory than they take."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_Type = TypeVar("_Type", bound=np.generic)

_BYTES = 16 << 20


class Blocks(Generic[_Type]):
    """An array that grows at its end.

    Large blocks go back to the system once they are copied; what many small arrays took would not.

    Args:
        type_: The type of its elements.
    """

    def __init__(self, type_: type[_Type]) -> None:
        self._type = type_
        self._size = _BYTES // np.dtype(type_).itemsize
        self._blocks: list[NDArray[_Type]] = []
        self._room = 0

    def add(self, more: NDArray[_Type]) -> None:
        """Add the next elements."""
        while len(more):
            if not self._room:
                self._blocks.append(np.empty(self._size, self._type))
                self._room = self._size
            now, more = more[: self._room], more[self._room :]
            self._blocks[-1][self._size - self._room :][: len(now)] = now
            self._room -= len(now)

    def joined(self) -> NDArray[_Type]:
        """Return the array, and let go of each block on the way."""
        whole = np.empty(len(self._blocks) * self._size - self._room, self._type)
        while self._blocks:
            at = (len(self._blocks) - 1) * self._size
            whole[at : at + self._size] = self._blocks.pop()[: len(whole) - at]
        self._room = 0
        return whole
