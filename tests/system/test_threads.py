"""Pieces done in threads: their order, how many are taken ahead, errors."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from curator.system import threads
from repository import ROOT


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_pieces(monkeypatch, count):
    monkeypatch.setattr(threads, "threads", lambda: count)
    started = []

    def late(piece):
        started.append(piece)
        time.sleep(0.02 if piece % 3 == 0 else 0)
        return piece * piece

    assert list(threads.map_ordered(late, range(20))) == [piece * piece for piece in range(20)]
    assert sorted(started) == list(range(20))


def test_few_pieces_are_taken_ahead(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 2)
    taken = []
    results = threads.map_ordered(lambda piece: piece, (taken.append(n) or n for n in range(100)))
    assert next(results) == 0
    assert len(taken) == 3
    results.close()
    assert len(taken) == 3


def test_an_error_in_a_thread_ends_the_work(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 2)
    done = []

    def work(piece):
        if piece == 3:
            raise ValueError(f"piece {piece}")
        done.append(piece)

    with pytest.raises(ValueError, match="piece 3"):
        list(threads.map_ordered(work, range(1_000)))
    assert len(done) < 10


_SELECT_IN_THREADS = '''
import random
import sys
import threading
import time

{imports}

from curator.system import threads

frame = pl.DataFrame({{"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]}})
numbers = np.array([0, 1])
together = threading.Barrier(16)
shapes = []

def slowly(frame, event, argument):
    """Let another thread run between any two lines of Polars' own Python."""
    if "polars" not in frame.f_code.co_filename:
        return None
    time.sleep(random.uniform(0, 0.0005))
    return slowly

def select():
    together.wait()
    sys.settrace(slowly)
    shapes.append((frame[numbers].shape, frame.gather(numbers).shape))

running = [threading.Thread(target=select) for _ in range(16)]
for thread in running:
    thread.start()
for thread in running:
    thread.join()
print(len(shapes), set(shapes))
'''


@pytest.mark.parametrize("order", [("polars as pl", "numpy as np"), ("numpy as np", "polars as pl")])
def test_rows_selected_in_threads_are_rows(order):
    """Polars imports numpy at its first use; in two threads at once that broke, and columns came instead of rows."""
    program = _SELECT_IN_THREADS.format(imports="\n".join(f"import {library}" for library in order))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "16 {((2, 3), (2, 3))}\n", done.stderr
