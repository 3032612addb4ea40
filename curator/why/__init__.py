"""One product's way through a finished run, step by step: `explain` tells it, `as_text` and `as_json` write it.

The row is read again from its source and mapped by the build's own mapper, which is watched on the way; what comes out
is held against what the run recorded.
"""

from curator.why.page import as_json, as_text
from curator.why.story import explain

__all__ = ["as_json", "as_text", "explain"]
