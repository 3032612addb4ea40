"""Names for the types of numpy arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Numbers."""

Int64s = NDArray[np.int64]
"""Whole numbers, and positions in other arrays."""

Bytes = NDArray[np.uint8]
"""Bytes, such as text in UTF-8."""

Codes = NDArray[np.uint16]
"""Small whole numbers, such as what a table says of each code point."""

UInt64s = NDArray[np.uint64]
"""64-bit words."""

UInt32s = NDArray[np.uint32]
"""32-bit words."""

Flags = NDArray[np.bool_]
"""Truth values, such as masks of other arrays."""
