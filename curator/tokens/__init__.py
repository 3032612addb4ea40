"""Tokenizers: count tokens, and cut texts at an exact number of them."""
