"""Compiled loops that cut texts where the bytes of their tokens lie."""
