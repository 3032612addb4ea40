"""`Run.train_gpt` and `Run.gpt_job`: the same jobs as the commands', agreed to by a ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import curator
from curator.errors import RunError, UsageError
from gpt_tools import BASE

ROWS: dict[str, Any] = {"train_rows": 12, "validation_rows": 5}


def test_a_job_from_start_to_result(peer: Any, run: Path) -> None:
    opened = curator.open(run)
    with pytest.raises(RunError):
        opened.gpt_job()
    with pytest.raises(UsageError, match="more than max_usd"):
        opened.train_gpt(BASE, max_usd=0.01, price_per_million=1000, every=0.01, **ROWS)
    assert peer.bodies == []
    job = opened.train_gpt(BASE, max_usd=100, price_per_million=1000, every=0.01, **ROWS)
    (asked,) = peer.bodies
    assert (asked["model"], asked["seed"], asked["suffix"]) == (BASE, 42, "pricer")
    assert job.to_dict()["status"] == "succeeded"
    assert job.to_dict()["model"] == peer.jobs["ftjob-1"]["fine_tuned_model"]
    assert "succeeded" in str(job)
    assert len(repr(job)) < 2_000
    # The same call goes on with it: nothing is paid twice, whatever the ceiling.
    again = opened.train_gpt(BASE, price_per_million=1000, every=0.01, **ROWS)
    assert len(peer.bodies) == 1
    for other in (again, opened.gpt_job(), opened.gpt_job().status(), opened.gpt_job().follow(every=0.01)):
        assert other.to_dict()["job"] == "ftjob-1"
    with pytest.raises(RunError, match="nothing to cancel"):
        opened.gpt_job().cancel()
