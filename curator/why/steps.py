"""One product's way through a run as data: the rows with its asin, the steps that each took, and their facts.

Facts are plain values that JSON can write; the step's name and theirs are the keys of ``curator why --json``. A step
that a row never reached is left out, and so is a fact that does not apply to the row, or is not known because its
source can't be read again. Rows and positions count from 0, sizes of texts are in characters. The steps, in their
order:

- ``source``: where the row came from. `name` and `kind` (a format, or ``demo``) of the source, `path` of
  a file, `repository` and `revision` of a Hub dataset, `category` that file or folder name; `shard` and `row`;
  `state` (``unchanged``, ``changed``, ``gone`` or ``unreadable``; only an unchanged source is read again) and `note`,
  the finding in a sentence.
- ``unreadable``, of a malformed row alone: `fault`, why it can't be read.
- ``price``: `raw`, as the source has it; `usd`, as a number (``nan`` and ``inf`` as strings) or null; `min_usd` and
  `max_usd`, the range that is kept; `rounded`, to whole dollars.
- ``parts``: the size of each part of the text by its name, uncut.
- ``details``: `raw`, as the source has them; `used`, whether the text has room for any of them; `written`, as they go
  into the text. Readable style: `dropped_by_name` and `dropped_empty`, the keys that ``text.detail_keys_dropped``
  names and those without a plain value; `put_first`, the keys that moved ahead; `rewritten`, the lines that are
  `written` another way than `listed` (null for an added line). Course style: `removed`, the substrings deleted and
  how often each.
- ``features`` and ``description``, where the recipe shortens them: `listed`, how many texts the page lists; `kept`,
  the lines taken; `max_lines` of both together, and `max_chars` of a line that does not end with its first clause
  before (0: no limit).
- ``uncleaned``: the text before cleaning. `whole_chars` of all parts together, of which `max_chars` are looked at;
  `text`.
- ``cleaning``, once for each rule: the `rule` and `sentence`, the rule's own; `of`, the ``title`` (which the course
  cleans by itself) or the ``text``; `chars_before` and `chars_after`; `taken` and `put`, the pieces that are no
  longer there and those that are new, and how often each; `text`, as the rule left it.
- ``text``: the clean `text`, if the row got so far; `style`, the recipe's; `chars`, which must be more than
  `min_chars`: of the clean text, in the course style of the one before cleaning, without the title.
- ``tokens``: `tokenizer`; `text_tokens` of the whole text, which must be more than `min_tokens`; `cap` and what it
  counts, `cap_of` (``text`` or ``prompt``); `prompt_tokens`, answer included; `kept`, the text under the cap;
  `is_cut`, and if so `last_kept` and `first_cut`, the words on either side.
- ``own_price``, if that was the reason: `usd`, and `said`, the words that state it.
- ``copies``: `items` with the same text, this one included, and `first`, the one that stands for all, if it is
  another: its `parent_asin`, `source`, `row` and `fate`.
- ``near_copy``: `first`, as above, the item of a near-duplicate's cluster that comes first, if it is another.
- ``slot``: `slot` (whole dollars); `available`, the items to choose from; `cap`, the most items taken from a slot
  below `whole_from`; `taken_whole`, or else the draw took `cap` of them; `category` of the item, its `weight` in the
  draw, and the `chance` from 0 to 1, about, that the draw takes it.
- ``draw``: `sampled`; `position` among the `sample`, all items drawn, after the shuffle; `split`; `published`, the
  items in all splits together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Facts = dict[str, Any]
"""Values by name that JSON can write."""


@dataclass(frozen=True)
class Step:
    """A step's name and facts, as above."""

    name: str
    facts: Facts


@dataclass(frozen=True)
class Row:
    """One row's way through the run.

    Attributes:
        fate: Its split, or the reason it was dropped, as the ledger has it.
        reason: Why it was dropped, in the rule's own sentence with this row's numbers; null for a row in a split.
        agrees: Whether mapping the row again gives what the run holds; null if it could not be tried.
        warnings: The differences, in sentences.
        prompt: The prompt, if the rules kept the row.
        steps: The steps in the order of the pipeline.
    """

    fate: str
    reason: str | None
    agrees: bool | None
    warnings: list[str]
    prompt: str | None
    steps: list[Step]

    @property
    def facts(self) -> dict[str, Facts]:
        """The facts of each step by its name; of the cleaning, those of the last rule."""
        return {step.name: step.facts for step in self.steps}
