#!/usr/bin/env python3
"""Kill builds with SIGKILL at random moments, run them again, and compare with an undisturbed one.

So are builds by 1, 3 and 8 workers compared with it.

    python scripts/kill.py [SOURCE] [--times 30] [--seed 42] [--workers 2] [--recipe pricer]

For each moment it checks that the second run ends well, that every file of dataset/ and items/ has the bytes of the
undisturbed run, that no finished part was made again, and that nothing is left under a temporary name. Ends with exit
code 1 where that does not hold.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Print one line for each kill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", nargs="?", default="demo:200000")
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--recipe", default="pricer")
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, run = Path(folder) / "undisturbed", Path(folder) / "run"
        started = time.perf_counter()
        build(given, undisturbed).check_returncode()
        seconds = time.perf_counter() - started
        expected = digests(undisturbed)
        print(f"undisturbed: {seconds:.1f} s, {len(expected)} files of dataset/ and items/")
        failures = 0
        for workers in (1, 3, 8):
            shutil.rmtree(run, ignore_errors=True)
            build(argparse.Namespace(**vars(given) | {"workers": workers}), run).check_returncode()
            problems = list(compare(run, expected, {}))
            failures += bool(problems)
            print(f"{workers} workers: {'; '.join(problems) or 'the same bytes'}", flush=True)
        for number in range(1, given.times + 1):
            shutil.rmtree(run, ignore_errors=True)
            # A build that ends sooner than the undisturbed one did was not killed: its time is the new limit.
            while kill_after(given, run, moment := chance.uniform(0, seconds)):
                seconds = moment
                shutil.rmtree(run)
            finished = stamps(run)
            again = build(given, run)
            problems = list(compare(run, expected, finished)) if again.returncode == 0 else [again.stderr.strip()]
            failures += bool(problems)
            told = f"{number:>3}  killed after {moment:6.2f} s, {len(finished)} parts were finished:"
            print(told, "; ".join(problems) or "the same bytes", flush=True)
    print(f"{given.times + 3 - failures} of {given.times + 3} hold")
    sys.exit(bool(failures))


def command(given: argparse.Namespace, run: Path) -> list[str]:
    """Return the command of a build."""
    options = ["--recipe", given.recipe, "--workers", str(given.workers), "--out", str(run)]
    if given.recipe == "course-v1":
        options += ["--set", "tokenizer=o200k_base"]
    return [sys.executable, "-m", "curator", "build", given.source, *options]


def build(given: argparse.Namespace, run: Path) -> subprocess.CompletedProcess[str]:
    """Build, and wait for the end."""
    return subprocess.run(command(given, run), capture_output=True, text=True, check=False)


def kill_after(given: argparse.Namespace, run: Path, moment: float) -> bool:
    """Start a build and kill it with all its workers after so many seconds; tell whether it had ended before."""
    process = subprocess.Popen(
        command(given, run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False
    if process.returncode:
        sys.exit(f"a build that was not killed ended with exit code {process.returncode}")
    return True


def digests(run: Path) -> dict[str, str]:
    """Return the sha256 of each file of dataset/ and items/."""
    files = sorted(path for name in ("dataset", "items") for path in (run / name).rglob("*") if path.is_file())
    return {str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def stamps(run: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of each finished part of items."""
    parts = sorted(run.glob("items/part-*.parquet"))
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in parts}


def compare(run: Path, expected: dict[str, str], finished: dict[str, tuple[int, int]]) -> list[str]:
    """Return what is not as in the undisturbed run."""
    found = digests(run)
    problems = [
        f"{name} differs" for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)
    ]
    now = stamps(run)
    problems += [f"{name} was made again" for name, stamp in finished.items() if now.get(name) != stamp]
    return problems + [f"{path.name} is left" for path in run.rglob("*.tmp")]


if __name__ == "__main__":
    main()
