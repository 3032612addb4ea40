"""Evaluation: predictors, what their errors amount to, and the page that shows it."""
