"""What changed between two runs, as text and as a page."""
