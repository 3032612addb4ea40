"""The selection: the weighted draw from each price slot, the splits, and the summary of it all."""
