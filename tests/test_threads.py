"""Pieces done in threads: their order, how many are taken ahead, errors."""

from __future__ import annotations

import time

import pytest

from curator import threads


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_pieces(monkeypatch, count):
    monkeypatch.setattr(threads, "threads", lambda: count)
    started = []

    def late(piece):
        started.append(piece)
        time.sleep(0.02 if piece % 3 == 0 else 0)
        return piece * piece

    assert list(threads.in_order(late, range(20))) == [piece * piece for piece in range(20)]
    assert sorted(started) == list(range(20))


def test_few_pieces_are_taken_ahead(monkeypatch):
    monkeypatch.setattr(threads, "threads", lambda: 2)
    taken = []
    results = threads.in_order(lambda piece: piece, (taken.append(n) or n for n in range(100)))
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
        list(threads.in_order(work, range(1_000)))
    assert len(done) < 10
