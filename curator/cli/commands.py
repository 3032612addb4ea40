"""The command line: parse, call, print."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Literal

import click

from curator.cli import tab_completion
from curator.cli.group import Command, Group, agreed
from curator.cli.train import train
from curator.errors import CuratorWarning
from curator.system.display import json_line, visible
from curator.system.version import VERSION


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="curator")
def main() -> None:
    """Turn raw Amazon product metadata into a price-prediction dataset for fine-tuning.

    \b
    Example:
      curator build demo --out runs/demo
      curator report runs/demo
    """


@main.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, shell_complete=tab_completion.source)
@click.option(
    "--recipe",
    "recipe_name",
    default="pricer",
    show_default=True,
    shell_complete=tab_completion.recipe,
    help="Built-in recipe or TOML file.",
)
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Set one recipe key; may be repeated.")
@click.option(
    "--map",
    "mapped",
    metavar="OURS=THEIRS",
    multiple=True,
    help="Name the column that holds one of ours, such as title=name; may be repeated.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Run directory.  [default: runs/<source>-<recipe>]")
@click.option("--workers", type=click.IntRange(1), help="Worker processes.  [default: the cores; fewer for few rows]")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Where the map step runs."
)
@click.option("--address", help="HOST:PORT of a Ray cluster, or auto.  [default: Ray on this machine alone]")
@click.option("--dry-run", is_flag=True, help="Estimate rows, time, disk and tokens from a sample; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object, and nothing else.")
def build(
    sources: tuple[str, ...],
    recipe_name: str,
    settings: tuple[str, ...],
    mapped: tuple[str, ...],
    out: Path | None,
    workers: int | None,
    engine: Literal["local", "ray"],
    address: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Build a dataset, or continue a build.

    A build that was interrupted goes on where it ended. SOURCE is a table: Parquet, CSV, JSON lines, a JSON array or an
    Arrow file (text may be .gz or .zst), a folder or glob of them, or a dataset of the Hub (hub:OWNER/NAME[:CONFIG]);
    a category of Amazon Reviews 2023 (see `curator categories`), `course` for the course's eight; or
    demo[:ROWS[:SEED]], the built-in catalogue (the default). Names come first: a folder called demo is ./demo.

    Columns named as in the Amazon data are known; --map names others, and --dry-run shows how a table is read.

    With --engine ray the rows are mapped by a Ray cluster. Sources, tokenizer and run directory must lie where all its
    nodes find them under the same path.

    \b
    Example:
      curator build demo:5000 --recipe course-v1 --set tokenizer=o200k_base --out runs/example
    """
    from curator.api.build import build as build_run
    from curator.api.build import dry_run as estimate
    from curator.recipe.load import parse_mapping, parse_setting

    if address is not None and engine != "ray":
        raise click.UsageError("--address names a Ray cluster: add --engine ray")
    names = list(sources or ("demo",))
    changes = dict(parse_setting(text) for text in settings)
    columns: dict[str, list[str]] = {}
    for ours, theirs in map(parse_mapping, mapped):
        columns.setdefault(ours, []).append(theirs)
    if dry_run:
        if address is not None:
            raise click.UsageError("--dry-run asks no cluster: leave --address out, and give its cores as --workers")
        guess = estimate(names, recipe=recipe_name, settings=changes, columns=columns, workers=workers)
        click.echo(json_line(guess.to_dict()) if as_json else guess)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CuratorWarning)
        run = build_run(
            names,
            out,
            recipe=recipe_name,
            settings=changes,
            columns=columns,
            workers=workers,
            engine=engine,
            address=address,
        )
    for note in run.notes:
        click.echo(visible(f"Note: {note}"), err=True)
    for warning in run.warnings:
        click.echo(visible(f"Warning: {warning}"), err=True)
    click.echo(json_line({**run.summary.to_dict(), "run": str(run.path)}) if as_json else run.summary)


@main.group()
def recipes() -> None:
    """Show the settings of recipes.

    \b
    Example:
      curator recipes show pricer
    """


@recipes.command()
@click.argument("name", default="pricer", shell_complete=tab_completion.recipe)
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Set one recipe key; may be repeated.")
def show(name: str, settings: tuple[str, ...]) -> None:
    """Print a recipe with all its settings.

    NAME is a built-in recipe or a TOML file. The output is a recipe file, each key with its sentence: save it, change
    it, and pass it to `curator build --recipe`.

    \b
    Example:
      curator recipes show course-v1
    """
    from curator.recipe.load import load_recipe, parse_setting

    recipe = load_recipe(name, dict(parse_setting(text) for text in settings))
    # TOML has the same escapes: what is shown still is the recipe.
    click.echo(visible(str(recipe), keep="\n"), nl=False)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def categories(as_json: bool) -> None:
    """List the categories of Amazon Reviews 2023.

    Each is a SOURCE for `curator build`. The numbers of items are rounded, as the dataset's authors publish them. The
    eight marked `course` are what the SOURCE `course` reads.

    \b
    Example:
      curator categories --json
    """
    from curator.sources.categories import COURSE, ITEMS

    if as_json:
        click.echo(json_line({"categories": [{"name": n, "items": ITEMS[n], "course": n in COURSE} for n in ITEMS]}))
        return
    for name, items in ITEMS.items():
        click.echo(f"{name:<28}{items:>11,}{'  course' if name in COURSE else ''}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where the page goes.  [default: RUN/report.html]")
def report(run: Path, out: Path | None) -> None:
    """Write the page of a finished run again.

    It is drawn from RUN/summary.json alone. One file that loads nothing: verdict, rows, prices, slots, categories,
    tokens, sample rows, settings and versions.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator report runs/demo-5000 --out demo.html
    """
    from curator.api.run import Run

    click.echo(Run(run).report(out))


@main.command()
@click.argument("run_a", type=click.Path(path_type=Path))
@click.argument("run_b", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write the comparison as a page, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def compare(run_a: Path, run_b: Path, out: Path | None, as_json: bool) -> None:
    """Compare two runs.

    Shows the changes from RUN_A to RUN_B: settings, fates, distributions, rows gained and lost with reasons. Rows are
    matched by their place in the same source, or else by parent_asin.

    \b
    Example:
      curator build demo:5000 --recipe course-v1 --set tokenizer=o200k_base --out runs/course-v1
      curator build demo:5000 --out runs/pricer
      curator compare runs/course-v1 runs/pricer --out comparison.html
    """
    from curator.api.run import Run

    comparison = Run(run_a).compare(run_b, out=out)
    click.echo(json_line(comparison.to_dict()) if as_json else comparison)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("parent_asin")
@click.option("--full", is_flag=True, help="Show long texts whole.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def why(run: Path, parent_asin: str, full: bool, as_json: bool) -> None:
    """Explain what happened to a product.

    Shows each step of every row of PARENT_ASIN in the finished RUN. The row is read again from its source and mapped by
    the same rules; differences from the run are reported.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator why runs/demo-5000 B0B5NHY0KK
    """
    from curator.api.run import Run

    story = Run(run).why(parent_asin)
    click.echo(json_line(story.to_dict()) if as_json else story.text(full=full))


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("repo_id")
@click.option("--public", is_flag=True, help="Let everyone read it.  [default: private]")
@click.option("--yes", is_flag=True, help="Don't ask before making it public.")
@click.option("--dry-run", is_flag=True, help="Show files, bytes, deletions and visibility; send nothing.")
def publish(run: Path, repo_id: str, public: bool, yes: bool, dry_run: bool) -> None:
    """Publish a dataset to the Hugging Face Hub.

    The dataset of RUN goes to the repository REPO_ID (OWNER/NAME), which is created if needed. The run is verified
    first. Data, card and the deletion of old files are one commit. What a person has written into the card on the Hub
    stays. An interrupted publish can be run again. Log in first: hf auth login.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator publish runs/demo-5000 me/prices --dry-run
    """
    from curator.publish.push import plan, push

    planned = plan(run, repo_id, public=public)
    click.echo(planned)
    if dry_run:
        click.echo("dry run: nothing was sent")
        return
    if public and planned.changes:
        click.echo(planned.warning(), err=True)
        if not yes and not agreed("Publish it?"):
            click.echo("Not published: nothing was sent. Without --public only you can read it.", err=True)
            raise click.exceptions.Exit(1)
    click.echo(f"published   {push(planned)}" if planned.changes else f"up to date  {planned.address}: nothing to send")


@main.command()
@click.argument("place", metavar="RUN|REPO_ID", shell_complete=tab_completion.run)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
@click.option("--price-per-million", type=click.FloatRange(min=0), help="USD for a million training tokens.")
@click.option("--exhaustive", is_flag=True, help="Compare every two rows of different splits too, by brute force.")
def verify(place: str, as_json: bool, price_per_million: float | None, exhaustive: bool) -> None:
    """Check a run or a dataset from its files.

    RUN is a run directory or a dataset folder, REPO_ID a dataset on the Hub. Every file is hashed and every row checked
    again. Ends with exit code 3 if a check fails, and lists the files and rows.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator verify runs/demo-5000 --price-per-million 25
    """
    from curator.verify.verify import verify as check

    verdict = check(place, price_per_million, exhaustive=exhaustive)
    click.echo(json_line(verdict.to_dict()) if as_json else verdict)
    verdict.raise_for_failures()


class _Evaluate(Command):
    """A command whose help lists the predictors and their options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the predictors and their options after those of the command."""
        from curator.evaluate.kinds import KINDS

        super().format_options(ctx, formatter)
        with formatter.section("Predictors (--model)"):
            formatter.write_dl([(name, kind.sentence) for name, kind in KINDS.items()])
        with formatter.section("Options of predictors (--set)"):
            formatter.write_dl([option for kind in KINDS.values() for option in kind.options.items()])


@main.command(cls=_Evaluate)
@click.argument("place", metavar="[RUN|DATASET]", required=False, shell_complete=tab_completion.run)
@click.option("--model", "models", metavar="NAME", multiple=True, help="A predictor (see below); may be repeated.")
@click.option(
    "--predictions",
    type=click.Path(path_type=Path),
    multiple=True,
    help="File of prices guessed elsewhere (.csv, .jsonl, .parquet: id, price).",
)
@click.option("--datasets", nargs=2, metavar="RUN_A RUN_B", help="Compare how well models learn from two runs.")
@click.option(
    "--split",
    type=click.Choice(["test", "validation"]),
    default="test",
    show_default=True,
    help="The rows to guess.",
)
@click.option("--limit", type=click.IntRange(0), help="Maximum rows to guess; 0 for all.  [default: 250]")
@click.option("--train-limit", type=click.IntRange(1), help="Maximum rows to learn from.  [default: all]")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="Set an option of a predictor (see below).")
@click.option("--yes", is_flag=True, help="Don't ask before asking what may cost money.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results.  [default: RUN/evaluate]")
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON object, and nothing else.")
def evaluate(
    place: str | None,
    models: tuple[str, ...],
    predictions: tuple[Path, ...],
    datasets: tuple[str, str] | None,
    split: str,
    limit: int | None,
    train_limit: int | None,
    settings: tuple[str, ...],
    yes: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure how well models guess prices.

    All predictors guess the same held-out rows; their differences come with intervals. Answers, numbers and a page go
    to RUN/evaluate. The answers of a hosted model are kept, so that no question is asked twice. --datasets trains each
    predictor on equally many rows of two runs, and tests it on the same products, which are in neither training set.

    \b
    Example:
      curator build demo:5000 --out runs/demo-5000
      curator evaluate runs/demo-5000 --model constant --model category
    """
    from curator.evaluate.evaluate import MOST_PRODUCTS, MOST_ROWS, evaluate_datasets
    from curator.evaluate.evaluate import evaluate as evaluate_models
    from curator.recipe.load import parse_setting

    options = dict(parse_setting(text) for text in settings)
    if (place is None) == (datasets is None):
        raise click.UsageError("name one RUN or DATASET, or two with --datasets RUN_A RUN_B")
    if datasets is not None:
        if predictions:
            raise click.UsageError("--predictions go with one RUN or DATASET: a file learns from neither of two")
        most = MOST_PRODUCTS if limit is None else limit or None
        compared = evaluate_datasets(datasets, models, limit=most, train_limit=train_limit, out=out, settings=options)
        click.echo(json_line(compared.to_dict()) if as_json else compared)
        return
    assert place is not None
    league = evaluate_models(
        place,
        [*models, *predictions],
        split=split,
        limit=MOST_ROWS if limit is None else limit or None,
        train_limit=train_limit,
        out=out,
        settings=options,
        # Where nobody can answer, nobody has agreed.
        confirm=lambda question, usd: yes or (sys.stdin.isatty() and agreed(question)),
    )
    click.echo(json_line(league.to_dict()) if as_json else league)


main.add_command(train)


if __name__ == "__main__":
    sys.exit(main())
