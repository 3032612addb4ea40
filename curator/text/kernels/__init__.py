"""Compiled loops over the bytes of texts, each beside the rule that it repeats."""
