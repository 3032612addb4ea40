"""What `verify` found: checks that hold, fail, warn or could not be made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from curator.errors import CheckError
from curator.pages.result import Result, Table, html
from curator.system.display import visible

State = Literal["holds", "fails", "warns", "skipped"]
"""How a check came out."""
_WORST_FIRST: tuple[State, ...] = ("fails", "warns", "skipped", "holds")
MOST_PROBLEMS = 5
"""Problems of one check that are listed; the others are counted."""


@dataclass
class Check:
    """One promise, and where it is broken.

    Attributes:
        id: Its name in JSON.
        name: What should hold.
        detail: What was found, in a few words.
        problems: The first few places where it doesn't hold, each naming file and row.
        found: How many there are.
        warning: Whether a problem is a thing to know rather than a failure.
        skipped: Why the check could not be made.
    """

    id: str
    name: str
    detail: str = ""
    problems: list[str] = field(default_factory=list)
    found: int = 0
    warning: bool = False
    skipped: str = ""

    def problem(self, text: str) -> None:
        """Note one place where it doesn't hold."""
        self.found += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(visible(text))

    @property
    def state(self) -> State:
        """How the check ended."""
        if self.found:
            return "warns" if self.warning else "fails"
        return "skipped" if self.skipped else "holds"

    def lines(self) -> list[str]:
        """Return what to print: the check, and below it what is wrong."""
        detail, *below = self.said()
        return [f"{self.state:<8} {self.name}{f': {detail}' if detail else ''}", *(f"         {one}" for one in below)]

    def said(self) -> list[str]:
        """Return what was found, and the problems, a line each."""
        more = self.found - len(self.problems)
        detail = self.skipped if self.state == "skipped" else self.detail
        return [detail, *self.problems, *([f"… and {more:,} more"] if more else [])]


@dataclass(frozen=True, repr=False)
class Verdict(Result):
    """All checks of one dataset, and what training on it would take.

    Attributes:
        place: What was looked at.
        revision: The commit, if it was a repository of the Hub.
        checks: In their order.
        tokens: For each split the tokens of its prompts with answers, and of its chats (None: not counted).
        rows: Rows of each split.
        price_per_million: USD for a million training tokens, if the user gave it.
    """

    place: str
    revision: str | None = None
    checks: list[Check] = field(default_factory=list)
    tokens: dict[str, dict[str, int | None]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    price_per_million: float | None = None

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.state != "fails" for check in self.checks)

    def cost(self) -> float | None:
        """Return the USD of one epoch over the chats of train, or over its prompts where chats were not counted."""
        train = self.tokens.get("train")
        if self.price_per_million is None or train is None:
            return None
        chats = train["chats"]
        return (train["prompts"] or 0 if chats is None else chats) * self.price_per_million / 1e6

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "place": self.place,
            "revision": self.revision,
            "holds": self.ok,
            "checks": [
                {
                    "id": one.id,
                    "name": one.name,
                    "state": one.state,
                    "detail": one.skipped if one.state == "skipped" else one.detail,
                    "problems": one.problems,
                    "found": one.found,
                }
                for one in self.checks
            ],
            "rows": self.rows,
            "tokens": self.tokens,
            "price_per_million": self.price_per_million,
            "cost_of_one_epoch": self.cost(),
        }

    def raise_for_failures(self) -> None:
        """Raise if a check failed.

        Raises:
            CheckError: It lists every check that failed, with the first places.
        """
        failed = [check for check in self.checks if check.state == "fails"]
        if failed:
            lists = ([f"  {check.name}", *(f"    {line.strip()}" for line in check.lines()[1:])] for check in failed)
            text = "\n".join(line for lines in lists for line in lines)
            raise CheckError(f"{self.place}: {len(failed)} of {len(self.checks)} checks do not hold:\n{text}")

    def __str__(self) -> str:
        lines = [self._headline(), "rows count from 0, lines of JSONL from 1", ""]
        lines += [line for check in self._worst_first() for line in check.lines()]
        return visible("\n".join([*lines, "", *self._training()]), keep="\n")

    def _repr_html_(self) -> str:
        rows = [(check.state, check.name, "\n".join(check.said())) for check in self._worst_first()]
        heads = ("state", "check", "what was found")
        return html(self._headline(), self._training(), tables=[Table(rows, heads, is_text=True)])

    def _headline(self) -> str:
        where = self.place + (f" at {self.revision}" if self.revision else "")
        failed = sum(check.state == "fails" for check in self.checks)
        said = f"{failed} of {len(self.checks)} checks FAIL" if failed else f"no check of {len(self.checks)} fails"
        return f"{where}: {said}"

    def _worst_first(self) -> list[Check]:
        return sorted(self.checks, key=lambda check: _WORST_FIRST.index(check.state))

    def _training(self) -> Iterator[str]:
        """Yield what training would take, a line each split."""
        for split, one in self.tokens.items():
            chats = "" if one["chats"] is None else f", {one['chats']:,} as chats (15 a chat for its frame)"
            rows = f"{split:<11}{self.rows[split]:>9,} rows"
            yield f"{rows}, {one['prompts']:,} tokens of prompts with answers{chats}"
        cost = self.cost()
        if cost is not None:
            price = f"{self.price_per_million:g} USD a million tokens"
            yield f"training   about {cost:,.2f} USD for one epoch of train at {price}"
