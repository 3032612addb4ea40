"""Verification: hash and check again what a run or a dataset holds."""
