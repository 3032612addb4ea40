"""One product's way through a finished run, step by step.

The row is read again from its source and mapped by the build's own mapper, which is watched on the way; what comes out
is held against what the run recorded.
"""
