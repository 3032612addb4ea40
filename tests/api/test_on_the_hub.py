"""Publishing from Python, and opening what was published, against a Hub on the loopback interface."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hub_stand_in import hub
from repository import ROOT

TOKEN = "hf_0123456789abcdefABCDEF"
CODE = """
import json, sys
import curator

run = curator.open(sys.argv[1])
planned = run.publish("tester/prices", dry_run=True)
sent = run.publish("tester/prices")
again = run.publish("tester/prices")
there = curator.open("tester/prices")
try:
    there.items()
except curator.CuratorError as error:
    refused = str(error)
print(json.dumps({
    "planned": planned.to_dict(),
    "sent": sent.to_dict(),
    "again": again.changes,
    "splits": there.splits,
    "fates": there.fates,
    "recipe": there.recipe == run.recipe,
    "text": {split: rows.num_rows for split, rows in there.dataset("text").items()},
    "ok": there.verify().ok,
    "mae": there.evaluate("constant", limit=10, out=sys.argv[2]).summary["models"]["constant"]["mae"],
    "mine": run.evaluate("constant", limit=10, out=sys.argv[2]).summary["models"]["constant"]["mae"],
    "refused": refused,
    "repr": repr(there),
}))
"""


def test_a_run_is_published_and_opened_again(demo_run: Path, tmp_path: Path) -> None:
    with hub({}, home=tmp_path / "home", repo="someone/else", token=TOKEN) as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CODE, str(demo_run), str(tmp_path / "out")],
            env=server.environment(PYTHONPATH=str(ROOT), HF_TOKEN=TOKEN),
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=240,
        )
        sent = [one for one in server.requests if one.method == "POST" and "/commit/" in one.path]
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert len(sent) == 1
    assert found["planned"]["send"] == found["sent"]["send"] != {}
    assert found["sent"]["visibility"] == "private"
    assert found["again"] is False
    assert found["splits"] == found["text"] == {"train": 841, "validation": 105, "test": 105}
    assert found["fates"]["no_price"] == 897
    assert found["recipe"] is True
    assert found["ok"] is True
    assert found["mae"] == found["mine"]
    assert "is a dataset alone" in found["refused"]
    assert found["repr"].startswith("Dataset tester/prices")
