"""Compiled loops over the grams of texts."""
