"""Write docs/python-reference.md from the docstrings of the public names.

python scripts/reference.py            writes the page
python scripts/reference.py --check    ends with 1 if the page is not what would be written
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

import curator

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python-reference.md"
RESULTS = {
    "Summary": "api.summary",
    "Estimate": "estimate",
    "Verdict": "verify.verdict",
    "Check": "verify.verdict",
    "Story": "why.story",
    "Comparison": "compare.compare",
    "Report": "report.write",
    "Evaluation": "evaluate.harness",
    "DatasetComparison": "evaluate.compare_datasets",
    "Plan": "publish.push",
    "LlamaTraining": "api.training",
    "GPTJob": "api.training",
}
"""What the methods return or pass, by name, and the module of each."""
HEAD = """# Python reference

Made from the docstrings by `scripts/reference.py`. The [guide](python.md) shows how the names work together.
"""


def public() -> dict[str, Any]:
    """Every public name, without the version: functions and classes of `import curator`, then the results."""
    names = {name: getattr(curator, name) for name in curator.__all__ if name != "__version__"}
    results = {name: getattr(import_module(f"curator.{module}"), name) for name, module in RESULTS.items()}
    return names | results


def members(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties that a class of ours defines itself."""
    if inspect.isclass(thing) and not issubclass(thing, Exception):
        for name, member in vars(thing).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                yield name, member


def main() -> int:
    """Write or check the page."""
    page = render()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != page)
    PAGE.write_text(page, "utf-8")
    return 0


def render() -> str:
    """Return the page."""
    lines = [HEAD]
    for name, thing in public().items():
        called = f"curator.{name}" if name in curator.__all__ else name
        lines += [f"## `{called}`", "", *entry(name, thing)]
        for inner, member in members(thing):
            lines += [f"### `{name}.{inner}`", "", *entry(inner, member)]
    return "\n".join(lines).rstrip() + "\n"


def entry(name: str, thing: Any) -> list[str]:
    """Return the lines of one name: how it is called, and its docstring."""
    lines = []
    if inspect.isfunction(thing):
        # Annotations are strings; a default that is a string keeps its quotes.
        signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(inspect.signature(thing)))
        signature = re.sub(r"^\(self(, )?", "(", signature)
        lines += ["```python", f"{name}{signature}", "```", ""]
    doc = inspect.getdoc(thing) or ""
    return [*lines, *markdown(doc), ""]


def markdown(doc: str) -> Iterator[str]:
    """Yield a docstring of Google's form as Markdown."""
    first, *sections = re.split(r"^(Args|Attributes|Returns|Raises|Example):\n", doc, flags=re.MULTILINE)
    yield marked(first.strip())
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        text = dedent(body).strip()
        yield from ("", f"**{title}**", "")
        if title == "Example":
            yield from ("```pycon", re.sub(r"  # doctest: \+SKIP", "", text), "```")
        elif title == "Returns":
            yield marked(text)
        else:
            # An entry begins at the margin; its text goes on below, indented.
            for one in re.split(r"\n(?=\S)", text):
                named, _, said = " ".join(one.split()).partition(": ")
                yield f"- `{named}`: {marked(said)}"


def marked(text: str) -> str:
    """Return the double backticks of docstrings as Markdown's single ones."""
    return text.replace("``", "`")


if __name__ == "__main__":
    sys.exit(main())
