"""The fields of a listing become a clean text, a price and a prompt."""
