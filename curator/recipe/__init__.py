"""Recipes: every setting with its sentence, and the built-in recipes."""
