"""Run the notebooks of reports/notebooks from top to bottom, and keep what they show.

    python scripts/notebooks.py [NAME ...]        by default all
    python scripts/notebooks.py --check [NAME ...] runs them and keeps nothing

Each runs in a folder of its own, which is empty at first and gone afterwards. Needs the extras `test`, `evaluate` and
`llama`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "reports" / "notebooks"
MOST_BYTES = 1_000_000
"""A notebook with its outputs is smaller, so that it is shown in a browser."""


def run(path: Path) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of running it anew; a cell that fails raises."""
    notebook = nbformat.read(path, as_version=4)
    # What the kernel starts finds this checkout, whatever folder it runs in.
    os.environ["PYTHONPATH"] = str(FOLDER.parents[1])
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": folder}}, record_timing=False
        )
        client.execute()
    # States of progress bars, which no reader sees again, and the version of this machine's Python.
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [one for one in cell.outputs if not is_progress(one)]
    return notebook


def is_progress(output: nbformat.NotebookNode) -> bool:
    """Tell whether an output is a progress bar, or what a library says on standard error."""
    return output.get("name") == "stderr" or "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def main() -> int:
    """Run the notebooks that are named."""
    keep = "--check" not in sys.argv
    names = [one for one in sys.argv[1:] if one != "--check"]
    for path in [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb")):
        text = nbformat.writes(run(path))
        print(f"{path.name}: {len(text.encode()):,} bytes")
        if len(text.encode()) > MOST_BYTES:
            print(f"{path.name} has more than {MOST_BYTES:,} bytes", file=sys.stderr)
            return 1
        if keep:
            path.write_text(f"{text}\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
