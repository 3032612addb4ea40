"""Turn raw Amazon product metadata into a price-prediction dataset fit for fine-tuning a language model."""

from curator.system import version

__version__ = version.VERSION
