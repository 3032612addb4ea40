"""The dataset card: YAML that the Hub reads, and a text that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.ledger import REASONS, SPLITS

_FOLDERS = {"default": ("data", "parquet"), "text": ("text", "parquet"), "openai": ("openai", "jsonl")}


def render(manifest: Mapping[str, Any]) -> str:
    """Return the card (Markdown with a YAML head) for a dataset's manifest."""
    written = [split for split in SPLITS if any(name.startswith(f"data/{split}-") for name in manifest["files"])]
    return f"---\n{_configs(written)}---\n\n{_body(manifest, written)}"


def _configs(written: list[str]) -> str:
    """Return the `configs` block: which files are which split of which config."""
    lines = ["configs:"]
    for config, (folder, ending) in _FOLDERS.items():
        lines += [f"- config_name: {config}"]
        if config == "default":
            lines += ["  default: true"]
        lines += ["  data_files:"]
        for split in written:
            pattern = f"{split}-*.{ending}" if ending == "parquet" else f"{split}.{ending}"
            lines += [f"  - split: {split}", f"    path: {folder}/{pattern}"]
    return "\n".join(lines) + "\n"


def _body(manifest: Mapping[str, Any], written: list[str]) -> str:
    counts, recipe = manifest["counts"], manifest["recipe"]
    fates = counts["fates"]
    splits = "\n".join(f"| {split} | {fates[split]:,} |" for split in written)
    dropped = "\n".join(
        f"| `{reason}` | {fates[reason]:,} | {sentence} |" for reason, sentence in REASONS.items() if reason in fates
    )
    return f"""# Product prices, recipe `{recipe["name"]}`

Prompts that ask for the price of a product, made by curator {manifest["curator"]} from {counts["rows_in"]:,} rows of
Amazon product metadata. Tokenizer: `{manifest["tokenizer"]["name"]}`.

| split | rows |
|---|---|
{splits}

| left out because | rows | |
|---|---|---|
{dropped}

- config `default`: `prompt` (ends at `{recipe["prompt"]["answer"]}`), `completion`, `price` (USD), `category`, `title`,
  `parent_asin`, `slot` (whole USD), `tokens` (of prompt and completion)
- config `text`: `text` (in test without the answer), `price` (USD)
- config `openai`: chat `messages` for fine-tuning
"""
