"""Check a run, a dataset folder or a repository of the Hub from its files alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from curator.dataset import opened, promises
from curator.dataset.manifest import Manifest, ManifestError, read
from curator.dataset.measures import Measures
from curator.errors import RecipeError, RunError, TokenizerError
from curator.hub import repository
from curator.recipe.load import load_recipe
from curator.run.finished import FinishedRun
from curator.run.ledger import SPLITS
from curator.system.paths import is_folder, is_run, require_folder
from curator.tokens.tokenizer import Tokenizer, load_tokenizer
from curator.tokens.vocabulary import BUNDLED, find_vocabulary, recorded
from curator.verify import dataset_checks
from curator.verify.card_checks import described
from curator.verify.row_checks import RowChecks
from curator.verify.run_checks import check_run
from curator.verify.verdict import Check, Verdict


def verify(place: str, price_per_million: float | None = None, *, exhaustive: bool = False) -> Verdict:
    """Check what is there.

    Args:
        place: A run directory, a dataset folder, or else a repository of the Hub (``owner/name``), which is downloaded.
        price_per_million: USD for a million training tokens.
        exhaustive: Compare every two rows of different splits as well, by brute force.

    Returns:
        Every check with what was found; `Verdict.raise_for_failures` ends in an error if one failed.

    Raises:
        UsageError: There is no such folder, and it can't be a repository's name.
        RunError: The folder holds neither a finished run nor a dataset.
        HubError: The repository can't be had.
    """
    path = Path(place)
    verdict = verify_folder(path, exhaustive) if is_folder(path) else _verify_repository(place, exhaustive)
    return replace(verdict, price_per_million=price_per_million)


def verify_folder(path: Path, exhaustive: bool = False) -> Verdict:
    """Check a run directory or a dataset folder.

    Args:
        path: The folder.
        exhaustive: Compare every two rows of different splits as well, by brute force.

    Raises:
        UsageError: There is no such folder.
        RunError: It is neither, or the run is not finished.
    """
    require_folder(path)
    if is_run(path):
        return _verify(str(path), FinishedRun(path).directory.dataset, exhaustive, path)
    if opened.is_dataset(path):
        return _verify(str(path), path, exhaustive)
    raise RunError(f"{path} holds neither a run (recipe.toml and sources.json) nor a dataset (manifest.json and data/)")


def _verify_repository(name: str, exhaustive: bool) -> Verdict:
    remote = opened.find_published(name)
    return _verify(name, repository.download(remote, opened.published_files(remote)), exhaustive, remote=remote)


def _verify(
    place: str, folder: Path, exhaustive: bool, run: Path | None = None, remote: repository.Remote | None = None
) -> Verdict:
    verdict = Verdict(place, revision=remote.revision if remote is not None else None)
    try:
        manifest, raw = read(folder)
    except ManifestError as error:
        broken = Check("manifest", "manifest.json can be read")
        broken.problem(str(error))
        verdict.checks.append(broken)
        return verdict
    digests = dataset_checks.Digests(run or folder)
    inside = dataset_checks.Digests(folder)
    names = dataset_checks.listed(folder) if remote is None else list(remote.files)
    # Every repository of the Hub has this file, and so has a copy of one.
    copy = remote is not None or (run is None and ".gitattributes" in names)
    named = remote.name if remote is not None else None
    recipe, promised = manifest.recipe, promises.promised(manifest)
    checks = {one.id: Check(one.id, one.says(recipe), warning=bool(one.excuse(recipe))) for one in promised}
    spec = _spec(manifest, run)
    tokenizer, reason = _tokenizer(spec, manifest)
    rows, measures = RowChecks(folder, manifest, checks, tokenizer), Measures(recipe, promised)
    for split in SPLITS:
        rows.run(split, measures)
    dataset_checks.files(rows.check("files"), inside, manifest)
    dataset_checks.places(checks, manifest, measures)
    _same_tokenizer(rows.check("tokens"), manifest, run)
    if tokenizer is None:
        not_counted = f"not counted again: {reason}"
        for counted in ("tokens", *(["token-cap"] if recipe.tokens.of == "text" else [])):
            rows.check(counted).skipped = not_counted
        if spec != manifest.tokenizer.name:
            # Whoever has the dataset alone need not have its tokenizer; without its own a run does not prove its cap.
            rows.check("tokens").problem(not_counted)
    near, certified = dataset_checks.certificate(folder, manifest, exhaustive, rows.check("near-copies-apart"))
    found = measures.to_dict()
    taken = Manifest.model_validate({**raw, "measured": found, "certificate": near})
    for promise in promised:
        check = checks[promise.id]
        check.detail, problems = promise.shown(taken)
        for problem in () if check.found else problems or ():
            check.problem(problem)
    verdict.checks.extend(
        [
            *checks.values(),
            *dataset_checks.unnamed(names, manifest, repository=copy, repository_name=named),
            rows.readable,
            *certified,
            dataset_checks.measured(manifest, raw, found, rows.memory),
            dataset_checks.openai_limits(folder, manifest),
            *described(inside, manifest, raw, named),
        ]
    )
    if run is not None:
        verdict.checks.extend(check_run(run, digests, manifest))
    for split, one in found["splits"].items():
        verdict.rows[split] = one["rows"]
        verdict.tokens[split] = {"prompts": one["tokens"], "chats": rows.chat_tokens.get(split)}
    return verdict


def _same_tokenizer(check: Check, manifest: Manifest, run: Path | None) -> None:
    """Note a tokenizer that is not the recipe's."""
    name, known = manifest.tokenizer.name, BUNDLED.get(manifest.tokenizer.name)
    if name != manifest.recipe.tokenizer:
        check.problem(f"manifest.json: the tokenizer is {name!r}, in the recipe {manifest.recipe.tokenizer!r}")
    elif run is None and known not in (None, manifest.tokenizer.sha256):
        # A run may have read a folder of that name; whoever has only the dataset can't.
        check.problem(f"manifest.json: the sha256 of the tokenizer is not that of {name}")


def _spec(manifest: Manifest, run: Path | None) -> str:
    """Return what finds the tokenizer: its published name, or where a run recorded that a local one is."""
    name = manifest.tokenizer.name
    if run is None:
        return name
    try:
        return recorded(load_recipe(str(run / "recipe.toml")).tokenizer, name)
    except RecipeError:
        return name  # The run's own checks say so.


def _tokenizer(spec: str, manifest: Manifest) -> tuple[Tokenizer | None, str]:
    """Return the very tokenizer that counted, or why it can't be had."""
    try:
        if find_vocabulary(spec).sha256 != manifest.tokenizer.sha256:
            return None, f"the tokenizer {spec!r} has another sha256 than the one that counted"
        return load_tokenizer(spec), ""
    except TokenizerError as error:
        return None, str(error)
