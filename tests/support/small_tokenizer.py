"""The tokenizer of builds that are about something else: FOLDER loads in milliseconds, where o200k_base takes seconds.

A byte-level BPE of the texts of the made-up catalogue. This writes it again: python tests/support/small_tokenizer.py
"""

from __future__ import annotations

import sys

from repository import ROOT

FOLDER = ROOT / "tests" / "data" / "small-tokenizer"
COMMAND = (
    sys.executable,
    "-c",
    f"""
from curator.tokens import tokenizer
load = tokenizer.load_tokenizer
tokenizer.load_tokenizer = lambda spec: load({str(FOLDER)!r})
from curator.cli.commands import main
main()
""",
)
"""`curator` in a process of its own, whatever tokenizer it asks for: that of a hosted model can't be chosen."""

PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
"""How Llama 3 splits texts, which has the fast engine read the file."""


def write() -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    from curator.sources import demo

    rows = demo.rows(0, 0, 2_000).select("title", "features", "description", "details")
    engine = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(PIECES), "isolated")
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    engine.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=4_000, initial_alphabet=alphabet, show_progress=False)
    texts = [*rows["title"], *rows["details"], *rows["features"].explode(), *rows["description"].explode()]
    engine.train_from_iterator((text for text in texts if text), trainer)
    engine.save(str(FOLDER / "tokenizer.json"), pretty=False)


if __name__ == "__main__":
    write()
