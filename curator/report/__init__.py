"""The page of a run: what its checks found, its figures, and some of its rows."""
