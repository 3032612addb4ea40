"""The report: one summary, its figures, and one self-contained HTML page."""
