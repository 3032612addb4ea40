"""Near-copies: which items have nearly the same text."""
