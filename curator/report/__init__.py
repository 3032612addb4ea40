"""The page of a run, and the summary that it is made from."""
