"""Figures of a run, drawn from its summary: for the report, the card and comparisons."""
