"""Near-copies among items: what they are, how they are found, and how they are grouped."""
