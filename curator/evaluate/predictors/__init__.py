"""Predictors: what guesses prices, one kind a module."""
