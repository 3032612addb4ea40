"""`Run`: a run or a dataset, opened, with all that can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from curator.api.summary import Summary
from curator.dataset import opened
from curator.dataset.columns import CONFIGS
from curator.dataset.opened import OpenDataset
from curator.errors import RunError, UsageError, nearest
from curator.pages.result import Table, html, shortened
from curator.recipe.load import Recipe
from curator.run.finished import FinishedRun
from curator.run.ledger import SPLITS
from curator.system.paths import as_path, is_folder, is_run, require_folder

if TYPE_CHECKING:
    import datasets

    from curator.api.training import GPTJob, LlamaTraining
    from curator.compare.compare import Comparison
    from curator.evaluate.compare_datasets import DatasetComparison
    from curator.evaluate.harness import Evaluation
    from curator.evaluate.predictor import Predictors
    from curator.publish.push import Plan
    from curator.report.write import Report
    from curator.verify.verdict import Verdict
    from curator.why.story import Story


class Run:
    """A run directory, a dataset folder, or a dataset of curator on the Hub; `curator.open` makes one.

    A dataset alone has no items, ledger or selection, and says so. What a build ended without a dataset holds can
    still be read and explained.

    Args:
        place: As for `curator.open`.

    Example:
        >>> run = curator.open("runs/demo")
        >>> sum(run.fates.values())
        2000
    """

    def __init__(self, place: str | Path) -> None:
        path = as_path(place).expanduser()
        self.name = str(place)
        self._files: FinishedRun | None = None
        if isinstance(place, Path):
            require_folder(path)
        if not is_folder(path):
            opened.find_published(self.name)
        elif is_run(path) or not opened.is_dataset(path):
            self._files = FinishedRun(path, without_dataset=True)

    @property
    def path(self) -> Path:
        """The run directory, or the folder of the dataset."""
        return self._files.path if self._files else self._dataset.dataset

    @property
    def recipe(self) -> Recipe:
        """The settings of the build."""
        return self._files.recipe if self._files else self._dataset.recipe

    @property
    def splits(self) -> dict[str, int]:
        """Rows of each split, such as ``{'train': 8556, 'validation': 1069, 'test': 1069}``."""
        return {split: rows for split in SPLITS if (rows := self.fates.get(split, 0))}

    @property
    def fates(self) -> dict[str, int]:
        """Rows of the sources by what became of them: the split, or the reason they were dropped."""
        if self._files is None:
            return dict(self._dataset.manifest.counts.fates)
        if self._files.failed:
            with self._files.reading():
                counts = self.ledger().group_by("fate").len().collect()
            return dict(counts.iter_rows())
        return dict(self.summary.to_dict()["fates"])

    @property
    def warnings(self) -> list[str]:
        """What should be known before the data is used."""
        return list(self.summary.to_dict()["warnings"])

    @property
    def notes(self) -> list[str]:
        """What the build says of rows that it could not read, with examples."""
        return list(self.summary.to_dict().get("notes", ()))

    @property
    def summary(self) -> Summary:
        """What the build counted and took; `to_dict` is ``summary.json``."""
        run = self._run()
        return Summary(run.path, run.summary)

    def dataset(self, config: str = "default") -> datasets.DatasetDict:
        """Load the published rows as Hugging Face `datasets` does.

        Args:
            config: ``default`` (`prompt`, `completion`, `price` in USD, `category`, `title`, `parent_asin`, `slot`,
                `tokens`), ``text`` (`text`, `price`) or ``openai`` (`messages`).

        Raises:
            UsageError: There is no such config.
            RunError: The files can't be read.

        The prompt of ``default`` ends before the price, which `completion` holds; that of `items` is whole.

        Example:
            >>> run.dataset("text")["train"].column_names
            ['text', 'price']
        """
        if config not in CONFIGS:
            raise UsageError(f"no config {config!r}.{nearest(config, CONFIGS)} There are {', '.join(CONFIGS)}.")
        import datasets

        place = self._dataset if self._files else opened.open_dataset(self.name, config)
        folder, files = place.dataset, place.manifest.data_files
        paths = {split: [str(folder / name) for name in files(split, config)] for split in SPLITS}
        try:
            # As the Hub loads it: converted once, then mapped into memory from the cache of `datasets`.
            loaded = datasets.load_dataset("parquet", data_files={split: some for split, some in paths.items() if some})
        except (OSError, ValueError, datasets.exceptions.DatasetGenerationError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise RunError(f"{config} of {self.name} can't be read: {reason}; `curator verify` explains it") from error
        assert isinstance(loaded, datasets.DatasetDict)
        return loaded

    def rows(self, split: Literal["train", "validation", "test"] = "train", limit: int | None = None) -> pl.DataFrame:
        """Return published rows as predictors see them, with the price: what a model of yours can be fitted on.

        Columns: `title`, `category`, `text` (between question and answer), `prompt` (ends before the price), `price`
        (USD), `parent_asin`.

        Args:
            split: Whose rows.
            limit: Maximum rows, the first ones; None for all.

        Example:
            >>> run.rows("test").columns
            ['title', 'category', 'text', 'prompt', 'price', 'parent_asin']
        """
        if split not in SPLITS:
            raise UsageError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        _require_counts(limit=limit)
        columns = ("title", "category", "text", "prompt", "price", "parent_asin")
        return self._dataset.read(split, 0, limit).select(columns)

    def items(self) -> pl.LazyFrame:
        """Return every item that the rules kept, published or not.

        Columns: `shard` and `row` (from 0, in the source), `parent_asin`, `category`, `title`, `price` (USD), `slot`
        (whole USD), `prompt` (whole, with the answer: it holds the price), `tokens` (of the whole prompt),
        `text_hash` (of exact copies), `masked` (whether its price was masked).

        Example:
            >>> run.items().filter(pl.col("price") > 500).select("title", "price").collect().height
            19
        """
        return self._run(without_dataset=True).items()

    def ledger(self) -> pl.LazyFrame:
        """Return every row of the sources: `shard`, `row`, `parent_asin`, `fate`.

        Example:
            >>> run.ledger().filter(fate="no_price").collect().height
            897
        """
        return self._run(without_dataset=True).ledger()

    def selection(self) -> pl.LazyFrame:
        """Return what was decided about each item.

        Columns: `shard`, `row`, `slot` (whole USD), `cluster` (of near-copies, or null), `sampled`, `position` (in the
        shuffled sample, or null), `split` (or null).

        Example:
            >>> run.selection().filter(split="test").collect().height
            105
        """
        return self._run(without_dataset=True).selection()

    def why(self, parent_asin: str) -> Story:
        """Explain what happened to a product, step by step; its rows are read again from their sources.

        Raises:
            UsageError: No row has the id.

        Example:
            >>> run.why("B0XLV9D8BS").rows[0].fate
            'train'
        """
        from curator.why.story import explain

        if not isinstance(parent_asin, str):
            raise UsageError(f"a parent_asin is a string, not {type(parent_asin).__name__}: {parent_asin!r:.100}")
        return explain(self._run(without_dataset=True).path, parent_asin)

    def verify(self, *, price_per_million: float | None = None, exhaustive: bool = False) -> Verdict:
        """Hash every file and check every row again.

        Args:
            price_per_million: USD for a million training tokens: the verdict then says what training costs.
            exhaustive: Compare every two rows of different splits too, by brute force.

        Returns:
            The verdict: `ok`, `checks`, and `raise_for_failures()`.

        Example:
            >>> run.verify().ok
            True
        """
        from curator.verify.verify import verify

        return verify(self.name, price_per_million, exhaustive=exhaustive)

    def compare(self, other: Run | str | Path, *, out: str | Path | None = None) -> Comparison:
        """Compare with another run: settings, fates, rows gained and lost on the way from this one to the other.

        Args:
            other: The other run, or its folder.
            out: Write the comparison as a page, too.

        Example:
            >>> run.compare(run).published["gained"]
            0
        """
        from curator.compare.compare import compare

        found = compare(self._run().path, _opened(other).path)
        if out is not None:
            from curator.compare.page import write_comparison

            write_comparison(found, as_path(out))
        return found

    def report(self, out: str | Path | None = None) -> Report:
        """Write the page of the run again; a notebook shows it.

        Args:
            out: Where it goes; by default ``report.html`` in the run.

        Example:
            >>> run.report().path.name
            'report.html'
        """
        from curator.report.write import write_report

        return write_report(self._run(), None if out is None else as_path(out))

    def evaluate(
        self,
        predictors: Predictors,
        *,
        split: Literal["test", "validation"] = "test",
        limit: int | None = 250,
        train_limit: int | None = None,
        settings: Mapping[str, Any] | None = None,
        out: str | Path | None = None,
        max_usd: float | None = None,
    ) -> Evaluation:
        """Measure how well predictors guess prices, all on the same rows.

        Args:
            predictors: A list, or a dict from names to predictors. Each is the name of a kind (``"constant"``,
                ``"tfidf-ridge"``, ``"llama:PATH"``, … as `curator evaluate --help` lists them), a function that takes
                an item with `title`, `category`, `text` and `prompt` and returns a price (USD) or None, an object
                whose `predict` takes a Polars data frame with these columns, or predictions as a file (``.csv``,
                ``.jsonl``, ``.parquet``) or a table with `parent_asin` or `id`, and `guess`, `prediction` or `price`.
            split: The rows to guess.
            limit: Maximum rows to guess, the first ones; None or 0 for all.
            train_limit: Maximum rows to learn from; None for all.
            settings: Options of predictors, such as ``{"llama.batch": 4}``.
            out: Folder of the results; by default ``evaluate/`` in the run.
            max_usd: What hosted models may cost at most together (USD, as estimated before anything is asked).

        Raises:
            CuratorError: A predictor can't answer; the message names it, and the row.

        Example:
            >>> league = run.evaluate({"ten dollars": lambda item: 10.0}, limit=100)
            >>> league.answers("ten dollars").height
            100
        """
        from curator.evaluate.evaluate import evaluate

        _require_counts(limit=limit, train_limit=train_limit)
        return evaluate(
            self.name,
            predictors,
            split=split,
            limit=limit or None,
            train_limit=train_limit or None,
            settings=settings,
            out=None if out is None else as_path(out),
            confirm=_ceiling(max_usd),
        )

    def evaluate_against(
        self,
        other: Run | str | Path,
        predictors: Sequence[str],
        *,
        limit: int | None = 10_000,
        train_limit: int | None = None,
        settings: Mapping[str, Any] | None = None,
        out: str | Path | None = None,
    ) -> DatasetComparison:
        """Compare how well models learn from two runs over the same source.

        Args:
            other: The other run, or its folder.
            predictors: Kinds of predictors that learn.
            limit: Maximum held-out products; None for all.
            train_limit: Maximum rows to learn from; None for as many as the smaller run has.
            settings: Options of predictors.
            out: Folder that gets ``datasets.json``.

        Example:
            >>> run.evaluate_against(run, ["category"]).to_dict()["models"]["category"]["differences"]["mae"]["real"]
            False
        """
        from curator.evaluate.evaluate import evaluate_datasets

        _require_counts(limit=limit, train_limit=train_limit)
        return evaluate_datasets(
            (str(self._run().path), str(_opened(other).path)),
            [predictors] if isinstance(predictors, str) else predictors,
            limit=limit or None,
            train_limit=train_limit or None,
            settings=settings,
            out=None if out is None else as_path(out),
        )

    def publish(self, repo_id: str, *, public: bool = False, dry_run: bool = False) -> Plan:
        """Publish the dataset to the Hugging Face Hub, in one commit, after checking it.

        Args:
            repo_id: ``OWNER/NAME``; created if needed. To name it is to agree.
            public: Let everyone read it.
            dry_run: Show files, bytes, deletions and visibility; send nothing.

        Returns:
            What was sent, kept and deleted, or would be.

        Raises:
            CheckError: The dataset does not hold what it promises.
            HubError: The Hub can't be reached, or refuses.

        Example:
            >>> run.publish("me/prices", dry_run=True).visibility  # doctest: +SKIP
            'private'
        """
        from curator.publish.push import plan, push

        if not isinstance(repo_id, str):
            raise UsageError(f"a repository is named by a string, OWNER/NAME, not by {type(repo_id).__name__}")
        planned = plan(self.path, repo_id, public=public)
        if not dry_run and planned.changes:
            push(planned)
        return planned

    def train_llama(self, base: str, out: str | Path, *, dry_run: bool = False, **options: Any) -> LlamaTraining:
        """Fine-tune a language model on this machine by QLoRA.

        Args:
            base: The model: a folder, or ``OWNER/NAME``.
            out: Where adapter, losses and their page go.
            dry_run: Check the rows; download no weights, write nothing.
            options: As those of `curator train llama`, with underscores: `max_steps`, `lora_r`, `resume`, …

        Raises:
            UsageError: An option is unknown, or the folder is taken.
            CheckError: A row would be cut, dropped or learned wrongly.

        Example:
            >>> run.train_llama("HuggingFaceTB/SmolLM2-135M", "runs/llama", max_steps=50)  # doctest: +SKIP
        """
        from curator.api.training import train_llama

        return train_llama(self.name, base, as_path(out), options, dry_run=dry_run)

    def train_gpt(
        self,
        base: str,
        *,
        max_usd: float | None = None,
        price_per_million: float | None = None,
        again: bool = False,
        follow: bool = True,
        every: float = 10.0,
        dry_run: bool = False,
        **options: Any,
    ) -> GPTJob:
        """Fine-tune a GPT model at a provider, or go on with the job that was started.

        Args:
            base: The model.
            max_usd: What a new job may cost at most (USD, estimated); ``math.inf`` for any cost. Without it nothing is
                started.
            price_per_million: USD for a million training tokens; an estimate needs it.
            again: Start another job though the last one has ended.
            follow: Whether to wait for the job's end.
            every: Seconds between two looks at the job.
            dry_run: Check the files and show the plan; send and write nothing.
            options: As those of `curator train gpt start`, with underscores: `train_rows`, `epochs`, `base_url`, …;
                `hyperparameters` is a dict.

        Raises:
            UsageError: An option is unknown, or the cost is above `max_usd` or not known.
            ProviderError: The endpoint can't be reached, refuses, or the job failed.

        Example:
            >>> run.train_gpt("gpt-4.1-nano-2025-04-14", dry_run=True)  # doctest: +SKIP
        """
        from curator.api.training import train_gpt

        run = self._run().path
        return train_gpt(run, base, options, max_usd, price_per_million, again, follow, every, dry_run=dry_run)

    def gpt_job(self) -> GPTJob:
        """Return the last job that `train_gpt` or `curator train gpt start` made for this run.

        Raises:
            RunError: There is none.

        Example:
            >>> run.gpt_job().cancel()  # doctest: +SKIP
        """
        from curator.api.training import last_job

        return last_job(self._run().path)

    def __repr__(self) -> str:
        return shortened(self._text())

    def _repr_html_(self) -> str:
        title, *lines = self._text().splitlines()
        counts = [(fate, f"{rows:,}") for fate, rows in self.fates.items()]
        return html(title, [line for line in lines if not line.startswith("  ")], tables=[Table(counts)])

    def _text(self) -> str:
        kind = "Run" if self._files else "Dataset"
        failed = self._files.failed if self._files else None
        lines = [f"{kind} {self.name} (recipe {self.recipe.name}): {sum(self.fates.values()):,} rows in"]
        lines += [f"  {fate:<20} {rows:>11,}" for fate, rows in self.fates.items()]
        if failed:
            lines.append(f"without a dataset: {failed}")
        elif self._files:
            lines += [f"Note: {text}" for text in self.notes]
            lines += [f"Warning: {text}" for text in self.warnings]
        return "\n".join(lines)

    @cached_property
    def _dataset(self) -> OpenDataset:
        if self._files is not None:
            self._run()
        return opened.open_dataset(self.name)

    def _run(self, *, without_dataset: bool = False) -> FinishedRun:
        """Return the files of the run.

        Raises:
            RunError: This is a dataset alone, or its build ended without one.
        """
        if self._files is None:
            raise RunError(
                f"{self.name} is a dataset alone: summary, items, ledger and selection are in the directory of the"
                " run that built it"
            )
        if not without_dataset:
            self._files.require_dataset()
        return self._files


def open(place: str | Path) -> Run:
    """Open a run directory, a dataset folder, or a dataset of curator on the Hub.

    Args:
        place: A folder, or as a string ``OWNER/NAME`` on the Hub. A `Path` is never looked for on the Hub.

    Raises:
        UsageError: There is no such folder, and it can't be the name of a repository.
        RunError: The folder holds neither a run whose last build ended nor a dataset.
        HubError: The repository can't be had.

    Example:
        >>> curator.open("runs/demo").splits
        {'train': 841, 'validation': 105, 'test': 105}
    """
    return Run(place)


def _require_counts(**limits: int | None) -> None:
    """Refuse limits that are no number of rows.

    Raises:
        UsageError: One is none.
    """
    for name, value in limits.items():
        if value is not None and (not isinstance(value, int) or value < 0):
            raise UsageError(f"{name} is {value!r}; it is a number of rows from 1 on, or None for all")


def _opened(run: Run | str | Path) -> Run:
    return run if isinstance(run, Run) else Run(run)


def _ceiling(max_usd: float | None) -> Any:
    """Return what agrees to costs up to a sum, one after the other."""
    left = -1.0 if max_usd is None else max_usd

    def agreed(question: str, usd: float | None) -> bool:
        nonlocal left
        if usd is None or usd > left:
            return False
        left -= usd
        return True

    return agreed
