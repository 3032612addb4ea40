"""What a causal language model says to prompts, and how likely it holds the right answers.

The tokens of the right answer are those that the loss of TRL's `SFTTrainer` falls on, given rows with `prompt` and
`completion` (trl 1.16, `sft_trainer.py`): end-of-sequence is written behind the completion; the prompt and the whole
are encoded, each with the special tokens that the tokenizer adds; the answer begins where the two first differ. For
``129.00`` these are ``129``, ``.``, ``00`` and end-of-sequence under Llama 3's tokenizer. So Σ loss / Σ tokens is the
`eval_loss` of a trainer that weighs each token alike.

All works with any model of transformers whose `forward` takes `position_ids` and `logits_to_keep`. torch is not
imported before the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import polars as pl

from curator.errors import CuratorError
from curator.kernels.types import Floats

BATCH = 8
"""Rows at a time, if nothing else is said."""

MOST_NEW = 10
"""Tokens of an answer; the longest price has eight where each digit is a token."""

SLOTS = range(1, 1_000)
"""Prices in whole dollars."""

_WINDOW = 8  # batches whose rows are sorted by length together
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Encoded:
    """A row as tokens.

    Attributes:
        ids: The prompt, the right answer and end-of-sequence.
        start: Where the answer begins.
        whole: Whether the tokens before it are those of the prompt alone, as they are when the model is asked.
    """

    ids: list[int]
    start: int
    whole: bool


@dataclass(frozen=True)
class Scores:
    """What a model says about a row.

    Attributes:
        evidence: How likely it held the right answer.
        prices: Probability that the next token after the prompt is $1, $2 … $999; shape (999,). None where the
            tokenizer has not one token for each of them.
    """

    evidence: Evidence
    prices: Floats | None


def encode(tokenizer: Any, prompts: Sequence[str], completions: Sequence[str]) -> list[Encoded]:
    """Encode prompts with their right answers, as the trainer does (see above).

    Args:
        tokenizer: A tokenizer of transformers.
        prompts: The prompts.
        completions: The right answers, without end-of-sequence.

    Raises:
        CuratorError: The tokenizer has no end-of-sequence, or a row has no token to begin with or to answer with.
    """
    end = tokenizer.eos_token
    if end is None:
        raise CuratorError("the tokenizer has no end-of-sequence token, which answers end with: set its eos_token")
    wholes = [p + (c if c.endswith(end) else c + end) for p, c in zip(prompts, completions, strict=True)]
    encoded = []
    for row, (prompt, whole) in enumerate(zip(_ids(tokenizer, prompts), _ids(tokenizer, wholes), strict=True)):
        start = next((at for at, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b), None)
        start = min(len(prompt), len(whole)) if start is None else start
        if not 0 < start < len(whole):
            raise CuratorError(f"row {row}: the tokenizer makes {start} tokens of the prompt and none of the answer")
        encoded.append(Encoded(whole, start, start == len(prompt)))
    return encoded


def price_tokens(tokenizer: Any, answer: str) -> list[int] | None:
    """Return the token of each price from $1 to $999, or None if the tokenizer has not one for each.

    Args:
        tokenizer: A tokenizer of transformers.
        answer: The words before the price, such as ``Price is $``.
    """
    encoded = encode(tokenizer, [answer] * len(SLOTS), [f"{slot}.00" for slot in SLOTS])
    rests = {tuple(one.ids[one.start + 1 :]) for one in encoded}
    tokens = [one.ids[one.start] for one in encoded]
    one_each = all(one.whole for one in encoded) and len(rests) == 1 and len(set(tokens)) == len(SLOTS)
    return tokens if one_each else None


def score(model: Any, tokenizer: Any, rows: pl.DataFrame, *, batch: int = BATCH) -> Iterator[Scores]:
    """Yield how likely a model holds the right answers, for each row in the order of the rows.

    The probability of a slot is that of its token right after the prompt, among all tokens; it is given where each
    price is one token.

    Args:
        model: A causal language model of transformers, or one of peft around it, on whatever device.
        tokenizer: Its tokenizer; on which side it would pad makes no difference.
        rows: Columns `prompt`, `completion` and `slot`, as in the published config `default`.
        batch: Rows at a time.

    Raises:
        CuratorError: The tokenizer and the model don't belong together, or the model's numbers are not finite.
    """
    prompts, completions, slots = (rows[name].to_list() for name in ("prompt", "completion", "slot"))
    encoded = encode(tokenizer, prompts, completions)
    _require_fit(model, [one.ids for one in encoded], 0)
    by_words: dict[str, list[int] | None] = {}
    for words in dict.fromkeys(prompt.rpartition("\n")[2] for prompt in prompts):
        by_words[words] = price_tokens(tokenizer, words)

    def scored(places: list[int]) -> list[Scores]:
        import torch

        ids, mask = _padded(model, [encoded[place].ids for place in places])
        # The rows end in the same column: only the last ones are needed, each predicts the token after it.
        last = max(len(encoded[place].ids) - encoded[place].start for place in places) + 1
        logits = model(
            input_ids=ids, attention_mask=mask, position_ids=_positions(mask), logits_to_keep=last, use_cache=False
        ).logits
        logs = torch.log_softmax(logits.float(), -1)
        found = []
        for at, place in enumerate(places):
            one = encoded[place]
            right = torch.tensor(one.ids[one.start :], device=logs.device)
            mine = logs[at, last - 1 - len(right) : last - 1]
            loss = -float(mine.gather(1, right[:, None]).double().sum())
            if not np.isfinite(loss):
                raise CuratorError(f"row {place}: the model's probabilities are not numbers; in float32 they may be")
            first_right = int(mine[0].argmax()) == one.ids[one.start]
            tokens = by_words[prompts[place].rpartition("\n")[2]]
            prices, slot = None, slots[place]
            if tokens is not None and one.whole:
                prices = mine[0, torch.tensor(tokens, device=logs.device)].double().exp().cpu().numpy()
            known = prices is not None and slot in SLOTS
            of_slot = float(prices[slot - 1]) if prices is not None and known else None
            found.append(Scores(Evidence(loss, len(right), first_right, of_slot), prices))
        return found

    yield from _in_order(model, [len(one.ids) for one in encoded], batch, scored)


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[str], *, batch: int = BATCH, most: int = MOST_NEW
) -> Iterator[str]:
    """Let a model go on with prompts, always by its likeliest token, and yield what it said to each in their order.

    An answer ends before the first special token, which end-of-sequence is, or after `most` tokens. What the model's
    own settings say about sampling or penalties makes no difference.

    Args:
        model: As in `score`.
        tokenizer: As in `score`.
        prompts: The prompts; no chat template is put around them.
        batch: Rows at a time.
        most: Most tokens of an answer.

    Raises:
        CuratorError: The tokenizer and the model don't belong together, or a prompt has no tokens.
    """
    encoded = _ids(tokenizer, prompts)
    if not all(encoded):
        raise CuratorError(f"row {encoded.index([])}: the tokenizer makes no token of the prompt")
    _require_fit(model, encoded, most)
    special = set(tokenizer.all_special_ids)

    def said(places: list[int]) -> list[str]:
        import torch

        ids, mask = _padded(model, [encoded[place] for place in places])
        positions = _positions(mask)
        cache: dict[str, Any] = {}
        ends = torch.tensor(sorted(special), device=mask.device)
        ended = torch.zeros(len(places), dtype=torch.bool, device=mask.device)
        tokens = []
        for _ in range(most):
            out = model(
                input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=True, logits_to_keep=1, **cache
            )
            ids = out.logits[:, -1].argmax(-1, keepdim=True)
            # transformers 5.24 calls `cache` what was `past_key_values`; the answer has the name that is asked for.
            cache = {name: value for name, value in out.items() if name in ("cache", "past_key_values")}
            tokens.append(ids)
            ended |= torch.isin(ids[:, 0], ends)
            if bool(ended.all()):
                break
            mask = torch.cat([mask, torch.ones_like(ids)], 1)
            positions = positions[:, -1:] + 1
        texts = []
        for answer in torch.cat(tokens, 1).tolist():
            end = next((at for at, token in enumerate(answer) if token in special), len(answer))
            texts.append(tokenizer.decode(answer[:end], clean_up_tokenization_spaces=False))
        return texts

    yield from _in_order(model, [len(ids) for ids in encoded], batch, said)


def _ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    return [list(ids) for ids in tokenizer(list(texts), truncation=False, padding=False)["input_ids"]] if texts else []


def _in_order(
    model: Any, lengths: Sequence[int], batch: int, run: Callable[[list[int]], list[_Result]]
) -> Iterator[_Result]:
    """Run rows of about the same length together, some batches at a time, and yield the results in the rows' order."""
    for start in range(0, len(lengths), batch * _WINDOW):
        window = sorted(range(start, min(start + batch * _WINDOW, len(lengths))), key=lambda place: lengths[place])
        found: dict[int, _Result] = {}
        for at in range(0, len(window), batch):
            places = window[at : at + batch]
            with _asked(model):
                found |= zip(places, run(places), strict=True)
        for place in sorted(found):
            yield found[place]


@contextmanager
def _asked(model: Any) -> Iterator[None]:
    """Switch dropout and gradients off, and afterwards on again where they were on: a trainer may go on."""
    import torch

    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    except torch.OutOfMemoryError as error:
        raise CuratorError("the device's memory is too small for so many rows at a time: take fewer") from error
    finally:
        model.train(training)


def _padded(model: Any, rows: Sequence[list[int]]) -> tuple[Any, Any]:
    """Return ids and mask of rows filled up at the left, so that all end in the same column; shape (rows, longest)."""
    import torch

    width = max(map(len, rows))
    ids = torch.tensor([[0] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    device = model.get_input_embeddings().weight.device
    return ids.to(device), mask.to(device)


def _positions(mask: Any) -> Any:
    """Return each token's place in its row, counted without what it was filled up with."""
    return (mask.cumsum(1) - 1).clamp(min=0)


def _require_fit(model: Any, rows: Sequence[list[int]], more: int) -> None:
    """Check that the model has each token, and room for the longest row.

    Raises:
        CuratorError: It has not.
    """
    known = model.get_input_embeddings().num_embeddings
    highest = max((max(row) for row in rows), default=0)
    if highest >= known:
        raise CuratorError(
            f"the tokenizer has a token {highest:,} and the model only {known:,} tokens: they don't belong together"
        )
    room = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    longest = max(map(len, rows), default=0) + more
    if room is not None and longest > room:
        raise CuratorError(f"the longest row takes {longest:,} tokens, and the model has room for {room:,}")


@dataclass(frozen=True)
class Evidence:
    """What a language model gave the right answer, where probabilities can be had.

    Attributes:
        loss: Sum of -ln p over the tokens of the right answer (nats), each given the prompt and those before it; None
            if only the first token was looked at.
        tokens: How many tokens the right answer has; None with `loss`.
        first_right: Whether the likeliest first token of an answer is the right answer's.
        slot_probability: Probability of all answers that say the right slot (whole dollars), or None if not known.
    """

    loss: float | None
    tokens: int | None
    first_right: bool
    slot_probability: float | None = None
