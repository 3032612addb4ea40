"""The exceptions a caller can catch.

    CuratorError              anything this package raises on purpose (exit code 1)
    ├── UsageError            the call itself is wrong: a name, an option, a path (exit code 2)
    │   └── RecipeError       a recipe that can't be read or doesn't make sense
    ├── SourceError           a source that isn't what it should be
    ├── TokenizerError        a tokenizer that can't be had or used
    ├── RunError              a run directory that can't be used
    │   └── RunLockedError    another builder is at work in it
    ├── HubError              the Hub can't be reached, or refuses what was asked
    ├── ProviderError         a provider of models can't be reached, refuses, or failed at what was asked
    └── CheckError            a check that did not hold (exit code 3)

Each message says what happened, with which value, where, and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class CuratorError(Exception):
    """Anything this package raises on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(CuratorError):
    """The call itself is wrong: an unknown name, a bad option, a path that isn't there."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe that can't be read, has unknown keys or wrong values."""


class SourceError(CuratorError):
    """A source that can't be read or isn't Amazon product metadata."""


class TokenizerError(CuratorError):
    """A tokenizer that can't be had; it is never replaced by another."""


class RunError(CuratorError):
    """A run directory that can't be used as asked."""


class RunLockedError(RunError):
    """Another builder is at work in the run directory."""


class HubError(CuratorError):
    """The Hugging Face Hub can't be reached, or refuses what was asked; `away`: only for now, so that a copy may do."""

    away = False


class ProviderError(CuratorError):
    """A provider of language models can't be reached, refuses what was asked, or failed at it."""


class CheckError(CuratorError):
    """A check that did not hold."""

    exit_code = 3


class CuratorWarning(UserWarning):
    """What should be known before a dataset is used, such as that a split is smaller than asked for."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the known name that is closest, or the first that `name` begins.

    >>> nearest("slots.cpa", ["slots.cap", "split.train"]), nearest("toys", ["Books", "Toys_and_Games"])
    (" Did you mean 'slots.cap'?", " Did you mean 'Toys_and_Games'?")
    >>> nearest("nope", ["openai", "human"])
    ''
    """
    folded = name.casefold()
    by_folded = {candidate.casefold(): candidate for candidate in known}
    begun = [one for one in by_folded if len(folded) > 2 and one.startswith(folded)]
    # Below this, short names are close to any that share three letters.
    close = difflib.get_close_matches(folded, by_folded, n=1, cutoff=0.65) or begun
    return f" Did you mean {by_folded[close[0]]!r}?" if close else ""
