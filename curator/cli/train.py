"""The commands `curator train ...`: parse, call, print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from curator.cli.group import Parent, agreed
from curator.cli.train_llama import llama
from curator.system.display import json_line

_Command = Callable[..., Any]


@click.group(cls=Parent)
def train() -> None:
    """Fine-tune a language model on a dataset.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator train gpt start runs/demo-5000 --base gpt-4.1-nano-2025-04-14 --dry-run
    """


train.add_command(llama)


@train.group(cls=Parent)
def gpt() -> None:
    """Fine-tune a GPT model at a provider.

    The provider is OpenAI, or any endpoint that takes its calls. OpenAI itself takes no new jobs after 6 January 2027,
    and none from new organisations since 7 May 2026. Azure OpenAI (--azure) and Nebius Token Factory with Llama 3.1 8B
    (--base-url https://api.tokenfactory.nebius.com/v1) go on. The key is read from OPENAI_API_KEY, or
    AZURE_OPENAI_API_KEY, and never stored.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator train gpt start runs/demo-5000 --base gpt-4.1-nano-2025-04-14 --price-per-million 1.5 --dry-run
    """


def _run(command: _Command) -> _Command:
    return click.argument("run", type=click.Path(path_type=Path))(command)


def _json(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")(command)


def _job_at(command: _Command) -> _Command:
    return click.option(
        "--base-url", metavar="URL", help="The job's endpoint.  [default: OPENAI_BASE_URL, or OpenAI itself]"
    )(command)


def _every(command: _Command) -> _Command:
    return click.option(
        "--every",
        type=click.FloatRange(0, min_open=True),
        default=10.0,
        show_default=True,
        metavar="SECONDS",
        help="Time between two looks at the job.",
    )(command)


@gpt.command()
@_run
@click.option("--base", required=True, metavar="MODEL", help="The model to fine-tune.")
@click.option("--train-rows", type=click.IntRange(0), default=200, show_default=True, help="First train rows; 0: all.")
@click.option(
    "--validation-rows", type=click.IntRange(0), default=50, show_default=True, help="First validation rows; 0: none."
)
@click.option("--epochs", type=click.IntRange(1, 50), default=1, show_default=True, help="Passes over the rows.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    default=42,
    show_default=True,
    help="Seed of the training at the provider.",
)
@click.option("--suffix", default="pricer", show_default=True, help="Part of the new model's name.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Another hyperparameter; may be repeated.")
@click.option("--wandb-project", help="W&B project that the provider sends the losses to.")
@click.option("--base-url", metavar="URL", help="The endpoint.  [default: OPENAI_BASE_URL, or OpenAI itself]")
@click.option("--azure", is_flag=True, help="The endpoint is an Azure OpenAI resource.")
@click.option("--api-version", help="Version of Azure's interface.  [default: OPENAI_API_VERSION]")
@click.option("--price-per-million", type=click.FloatRange(min=0), help="USD for a million training tokens.")
@click.option("--again", is_flag=True, help="Start another job though the last one has ended.")
@click.option("--no-follow", is_flag=True, help="Don't wait for the job's end.")
@_every
@click.option("--dry-run", is_flag=True, help="Check the files and show the plan; send and write nothing.")
@click.option("--yes", is_flag=True, help="Don't ask before starting.")
@_json
def start(
    run: Path,
    settings: tuple[str, ...],
    base: str,
    price_per_million: float | None,
    again: bool,
    no_follow: bool,
    every: float,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Start a fine-tuning job, and follow it.

    Uploads rows of the finished RUN, starts the job, follows it to its end and fetches its results. The same command
    goes on with a start that was interrupted: no file is sent twice, and no second job is started unless --again asks
    for it. Without a validation split (course-v1) the next train rows serve.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator train gpt start runs/demo-5000 --base gpt-4.1-nano-2025-04-14 --dry-run
    """
    from curator.recipe.load import parse_setting
    from curator.train.gpt import command as gpt_command
    from curator.train.gpt import plan as gpt_plan
    from curator.train.gpt import printed

    def say(line: str) -> None:
        click.echo(line, err=as_json)

    options = gpt_plan.Options(base=base, hyperparameters=dict(parse_setting(text) for text in settings), **asked)
    plan = gpt_plan.plan(run, options, again=again, dry_run=dry_run, price_per_million=price_per_million)
    say(f"{printed.NOTICE}\n\n{printed.plan(plan.summary)}")
    if dry_run:
        say("dry run: nothing was sent")
        if as_json:
            click.echo(json_line({**plan.summary, "dry_run": True}))
        return
    if plan.known:
        say(f"\nthis job was started before (status: {plan.record.status.replace('_', ' ')}): going on with it")
    elif not yes and not agreed("\nSend these files and start the job?"):
        click.echo("Not started: nothing was sent. --yes agrees without being asked.", err=True)
        raise click.exceptions.Exit(1)
    _end(gpt_command.start(plan, say, every=every, follow_on=not no_follow), as_json)


@gpt.command()
@_run
@_job_at
@_json
def status(run: Path, base_url: str | None, as_json: bool) -> None:
    """Show the state of the last job.

    Prints status, step and losses of the last job of RUN, and draws the losses again.

    \b
    Example:
      curator train gpt status runs/demo-5000
    """
    from curator.run.directory import RunDirectory
    from curator.train.gpt import command as gpt_command
    from curator.train.gpt import printed
    from curator.train.gpt.record import Records

    found = gpt_command.status(Records(RunDirectory(run)), base_url)
    click.echo(json_line(found) if as_json else printed.standing(found))


@gpt.command()
@_run
@_job_at
@_every
@_json
def follow(run: Path, base_url: str | None, every: float, as_json: bool) -> None:
    """Follow the last job to its end.

    Shows the events of the last job of RUN as they come; when it has ended, fetches its results.

    \b
    Example:
      curator train gpt follow runs/demo-5000
    """
    from curator.run.directory import RunDirectory
    from curator.train.gpt import command as gpt_command
    from curator.train.gpt.record import Records

    records = Records(RunDirectory(run))
    found = gpt_command.follow(records, lambda line: click.echo(line, err=as_json), every=every, base_url=base_url)
    _end(found, as_json)


@gpt.command()
@_run
@_job_at
@_json
def cancel(run: Path, base_url: str | None, as_json: bool) -> None:
    """Cancel the last job.

    The training of the last job of RUN up to then is paid for.

    \b
    Example:
      curator train gpt cancel runs/demo-5000
    """
    from curator.run.directory import RunDirectory
    from curator.train.gpt import command as gpt_command
    from curator.train.gpt import printed
    from curator.train.gpt.record import Records

    found = gpt_command.cancel(Records(RunDirectory(run)), base_url)
    click.echo(json_line(found) if as_json else printed.standing(found))


def _end(found: dict[str, Any], as_json: bool) -> None:
    """Print the state of a job; a job that ended without a model is a failure."""
    from curator.train.gpt import command as gpt_command
    from curator.train.gpt import printed

    click.echo(json_line(found) if as_json else f"\n{printed.standing(found)}")
    gpt_command.raise_if_failed(found)
