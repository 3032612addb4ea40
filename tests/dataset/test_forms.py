"""The published forms hold a product's own text as it is, wherever the recipe is not the course's."""

import json

import polars as pl
import pytest

SETTINGS = ("duplicates.near=keep", "split.held_out_share=1", "split.validation=0", "split.test=4", "text.min_chars=0")


@pytest.fixture
def built(invoke, raw_row, write_rows, tmp_path):
    """Build a dataset of pricer from rows with a title, and return its folder; it verifies."""

    def make(title, *settings):
        rows = write_rows(tmp_path / "rows.parquet", [raw_row(n, title=f"{title} {n}") for n in range(12)])
        options = [each for setting in (*SETTINGS, *settings) for each in ("--set", setting)]
        for command in (["build", rows, "--out", tmp_path / "run", *options], ["verify", tmp_path / "run"]):
            done = invoke(*command)
            assert done.exit_code == 0, done.output
        return tmp_path / "run" / "dataset"

    return make


def asked(dataset):
    lines = (dataset / "openai" / "test.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["messages"][1]["content"] for line in lines]


@pytest.mark.parametrize("answer", ["$", ": $", "It is $"])
def test_prompts_end_at_their_own_answer_words(built, answer):
    dataset = built("Lamp: $", f'prompt.answer="{answer}"')
    prompts = pl.read_parquet(dataset / "data" / "test-*.parquet")["prompt"]
    assert len(prompts) == 4
    assert prompts.str.contains("Lamp: $", literal=True).all()
    assert prompts.str.ends_with(f"\n\n{answer}").all()
    assert pl.read_parquet(dataset / "text" / "test-*.parquet")["text"].equals(prompts)
    texts = [prompt.partition("\n\n")[2].removesuffix(f"\n\n{answer}") for prompt in prompts]
    assert asked(dataset) == [f"How much does this cost?\n\n{text}" for text in texts]


def test_a_chat_holds_the_whole_text_of_the_product(built):
    messages = asked(built("Rounded to the nearest dollar"))
    assert len(messages) == 4
    for message in messages:
        assert message.startswith("How much does this cost?\n\nRounded to the nearest dollar")
