"""The benchmark runs, finds the same items as the baseline, and writes what the README and the pages are made from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import small_tokenizer
from repository import ROOT


def test_bench_measures_every_run_and_step(tmp_path: Path) -> None:
    report = tmp_path / "benchmarks.json"
    report.write_text('{"ray": {"kept": 1}}', "utf-8")
    arguments = ["--rows", "400", "--baseline-rows", "60", "--pairs", "1", "--tokenizer", str(small_tokenizer.FOLDER)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bench.py"), *arguments, "--json", str(report)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    whole = json.loads(report.read_text("utf-8"))
    made = whole["demo"]
    assert (made["rows"], made["baseline_rows"], made["same_items"], whole["ray"]) == (400, 60, True, {"kept": 1})
    assert all(made["us_per_row"][name] > 0 for name in ("baseline", "course-v1", "floor", "pricer"))
    for shares in made["shares"].values():
        assert set(shares) == {"read", "price", "clean", "encode", "prompt", "write"}
        assert all(share > 0 for share in shares.values())
    assert f"It takes {made['over_floor']:.2f} times its floor" in done.stdout
