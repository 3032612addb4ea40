"""What `curator train gpt` says: the plan before a job, how a job stands, and what comes next."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curator.dataset.chats import TOKENS_AROUND
from curator.llm.endpoints import OPENAI
from curator.system.display import aligned
from curator.train.gpt import events
from curator.train.gpt.endpoint import is_known
from curator.train.gpt.examples import TOKENIZER

NOTICE = (
    "OpenAI itself takes no new fine-tuning jobs after 6 January 2027, and none from new organisations since 7 May"
    " 2026.\nAzure OpenAI (--azure) and Nebius Token Factory (Llama 3.1 8B, --base-url) go on."
)
"""Who may still start jobs, and where; dates of OpenAI's announcement."""


def plan(found: Mapping[str, Any]) -> str:
    """Return the table of what would be sent, and what it would cost."""
    asked = found["settings"]
    rows = [("base", f"{asked['model']} at {asked['endpoint']}")]
    for name, one in found["examples"].items():
        known = f", at the endpoint already as {events.plain(one['file'])}" if one["file"] else ""
        tokens = f", {one['tokens']:,} tokens" if one["tokens"] is not None else ""
        rows.append((name, f"{one['rows']:,} rows{tokens}, {one['bytes']:,} bytes: {one['source']}{known}"))
    if "validation" not in found["examples"]:
        rows.append(("validation", "none"))
    hyperparameters = {"epochs": asked["epochs"], **asked["hyperparameters"], "seed": asked["seed"]}
    rows.append(("settings", ", ".join(f"{name} {value}" for name, value in hyperparameters.items())))
    rows.append(("suffix", asked["suffix"]))
    if asked["wandb_project"]:
        rows.append(("W&B", f"the provider sends the losses to the project {asked['wandb_project']}"))
    if found["tokens"] is not None:
        epochs = f"{asked['epochs']} epoch{'s' if asked['epochs'] > 1 else ''}"
        rows.append(
            (
                "tokens",
                f"{found['tokens']:,} to train on in {epochs} (by {TOKENIZER}, {TOKENS_AROUND} a chat for its frame)",
            )
        )
    if found["cost"] is not None:
        rows.append(("cost", f"about {found['cost']:,.2f} USD at {found['price_per_million']:g} USD a million tokens"))
    elif found["tokens"] is not None:
        rows.append(("cost", "not known; for an estimate add --price-per-million USD"))
    return aligned(rows)


def standing(found: Mapping[str, Any]) -> str:
    """Return how a job stands, as a table."""
    rows = [("run", found["run"]), ("base", f"{found['base']} at {found['endpoint']}")]
    rows.append(("job", f"{found['job'] or 'none yet'}: {found['status'].replace('_', ' ')}"))
    if found["step"]:
        of = f" of {found['total_steps']:,}" if found["total_steps"] else ""
        rows.append(("step", f"{found['step']:,}{of}"))
    if found["phase"]:
        rows.append(("phase", found["phase"]))
    if found["estimated_finish"] and found["status"] not in ("succeeded", "failed", "cancelled"):
        rows.append(("estimated end", time.strftime("%Y-%m-%d %H:%M", time.localtime(found["estimated_finish"]))))
    if found["losses"]:
        rows.append(("last losses", events.measured(found["losses"]).replace("  ", ", ")))
    if found["error"]:
        rows.append(("error", found["error"]))
    if found["trained_tokens"]:
        rows.append(("trained tokens", f"{found['trained_tokens']:,}"))
    rows += [(name, path) for name, path in found["files"].items()]
    if found["model"]:
        rows.append(("model", found["model"]))
    if found["next"]:
        rows.append(("next", found["next"]))
    return aligned(rows)


def after(run: Path, command: str, settings: Mapping[str, Any] | None = None) -> str:
    """Return a command of curator for a run, as a shell takes it.

    Of a job's settings it names the endpoint, where `check_named` asks for that.
    """
    named = "" if settings is None or is_known(settings) else f" --base-url {shlex.quote(settings['endpoint'])}"
    return f"curator {command.replace('{run}', shlex.quote(str(run)))}{named}"


def evaluation(run: Path, settings: Mapping[str, Any], model: str) -> str:
    """Return the command that measures a fine-tuned model."""
    command = f"curator evaluate {shlex.quote(str(run))} --model "
    if settings["azure"]:
        url = shlex.quote(f"openai.base_url={settings['endpoint']}/openai/v1")
        return f"deploy the model in Azure, then: {command}openai:DEPLOYMENT --set {url}"
    command += shlex.quote(f"openai:{model}")
    if settings["endpoint"] != OPENAI:
        command += f" --set {shlex.quote('openai.base_url=' + settings['endpoint'])}"
    return command
