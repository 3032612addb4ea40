"""The selection: slots, weighted sampling and splits over all items."""
