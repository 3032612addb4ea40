"""Turn raw Amazon product metadata into a price-prediction dataset fit for fine-tuning a language model."""

__version__ = "0.1.0"
