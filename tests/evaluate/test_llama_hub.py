"""`llama:OWNER/NAME`: what is downloaded of a model on the Hub, and what never is. Needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hub_stand_in as stand_in
from repository import ROOT

FIND = """
import sys
from curator.errors import CuratorError
from curator.llm.local import find
try:
    found = find(sys.argv[1], weights=len(sys.argv) == 2)
except CuratorError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print(*sorted(path.name for path in found.base.iterdir()))
print(found.adapter is not None)
"""
MODEL = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "model.safetensors": b"weights",
    "consolidated.safetensors": b"the same in another form",
    "pytorch_model.bin": b"pickle",
    "modeling_mine.py": b"raise SystemExit",
    "checkpoint-10/model.safetensors": b"older",
}


def test_only_what_is_needed_comes_down(tmp_path: Path) -> None:
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "me/base"}
    with stand_in.hub({}, home=tmp_path / "hf") as server:
        server.add("me/base", MODEL, kind="model")
        files = {"adapter_config.json": json.dumps(adapter).encode(), "adapter_model.safetensors": b"weights"}
        server.add("me/adapter", files, kind="model")
        server.add("me/pickled", {"config.json": b"{}", "pytorch_model.bin": b"pickle"}, kind="model")

        def find(*words: str) -> subprocess.CompletedProcess[str]:
            root = str(ROOT)
            return subprocess.run(
                [sys.executable, "-c", FIND, *words],
                env=server.environment(PYTHONPATH=root),
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )

        light = find("me/base", "without weights")
        assert light.stdout.splitlines() == ["config.json tokenizer.json", "False"], light.stderr
        assert not any("safetensors" in one.path for one in server.requests)
        for name, on_it in (("me/base", "False"), ("me/adapter", "True")):
            done = find(name)
            assert done.returncode == 0, done.stderr
            assert done.stdout.splitlines() == ["config.json model.safetensors tokenizer.json", on_it]
            assert done.stderr == ""
        pickled = find("me/pickled")
        assert pickled.stderr.startswith("UsageError: 'me/pickled' has no *.safetensors")
        assert not any("pytorch_model.bin" in one.path for one in server.requests)
        nobody = find("me/nobody")
        assert nobody.stderr.startswith("HubError: ")
        assert "me/nobody" in nobody.stderr
