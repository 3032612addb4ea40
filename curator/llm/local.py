"""Language models on this machine: found in a folder or on the Hub, and loaded with their tokenizer.

Weights are read from safetensors alone; no pickle is opened and no code of a repository is run.
"""

from __future__ import annotations

import importlib
import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from curator.errors import CuratorError, UsageError
from curator.hub import errors, repository
from curator.system.display import bars_on_terminal
from curator.system.paths import existing

ADAPTER = "adapter_config.json"
"""The file by which a folder of a LoRA adapter is known."""

_DTYPES = ("float32", "bfloat16", "float16")

_DOWNLOADED = ["*.json", "*.model", "*.txt", "*.jinja"]

_WEIGHTS = "*.safetensors"

_NOT_DOWNLOADED = ["*/*", "consolidated*"]  # checkpoints in folders, and the same weights in another form


@dataclass(frozen=True)
class Found:
    """A model's files, found and looked at but not yet loaded.

    Attributes:
        base: The folder of the model.
        adapter: The folder of the adapter on it, if there is one.
        tokenizer: The folder of the tokenizer: the adapter's, if it has one.
    """

    base: Path
    adapter: Path | None
    tokenizer: Path


class Loaded(NamedTuple):
    """A model of transformers (or peft), ready to be asked, its tokenizer, and both in words."""

    model: Any
    tokenizer: Any
    words: str


def find(name: str, base: str | None = None, *, weights: bool = True) -> Found:
    """Find a model or an adapter with its base model; what is on the Hub is downloaded into the library's cache.

    Args:
        name: A folder, or else a repository of the Hub.
        base: The base model of an adapter, if not the one that it names.
        weights: Whether the weights are needed: without, they are not downloaded.

    Raises:
        UsageError: There is no such folder, and it can't be a repository's name, or it lacks what a model needs.
        HubError: The repository can't be had.
    """
    folder = _folder(name, weights)
    if not (folder / ADAPTER).is_file():
        if base is not None:
            raise UsageError(f"llama.base is for adapters, and {name!r} is none: it has no {ADAPTER}")
        _require(folder, name, "config.json", weights)
        return Found(folder, None, folder)
    _require(folder, name, "adapter_model.safetensors" if weights else ADAPTER, weights)
    try:
        config = json.loads((folder / ADAPTER).read_text("utf-8"))
        kind, named = config["peft_type"], config["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"{name!r}: {ADAPTER} can't be read: {error!r}") from error
    if kind != "LORA":
        raise UsageError(f"{name!r} is an adapter of type {kind}; only LORA is known")
    if base is None and not isinstance(named, str):
        raise UsageError(f"{name!r}: {ADAPTER} names no base model; name it: --set llama.base=PATH")
    try:
        under = _folder(base or named, weights)
        _require(under, base or named, "config.json", weights)
    except UsageError as error:
        raise UsageError(f"the base model of {name!r}: {error}. Another can be named: --set llama.base=PATH") from error
    return Found(under, folder, folder if (folder / "tokenizer_config.json").is_file() else under)


def load(
    name: str | Found,
    *,
    base: str | None = None,
    dtype: str | None = None,
    bits: int | None = None,
    device: str | None = None,
) -> Loaded:
    """Load a model or an adapter on its base model, with its tokenizer.

    Args:
        name: A folder or a repository of the Hub, or what `find` made of it.
        base: As in `find`.
        dtype: ``float32``, ``bfloat16`` or ``float16``: of the weights, or of what is computed with 4-bit ones.
        bits: 4 for 4-bit weights.
        device: Where it runs, as torch names it.

    Raises:
        UsageError: A folder or a setting makes no sense.
        CuratorError: A library is missing, or the model can't be loaded.
    """
    if bits not in (None, 4):
        raise UsageError(f"llama.bits={bits}: only 4 is known; without it weights have the bits of llama.dtype")
    found = find(name, base) if isinstance(name, str) else name
    torch, transformers = library("torch"), library("transformers")
    place = choose_device(torch, device)
    kind = getattr(torch, choose_dtype(torch, dtype, place))
    settings: dict[str, Any] = {"dtype": kind, "device_map": {"": place}}
    if bits == 4:
        library("bitsandbytes")
        settings["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=kind
        )
    library("accelerate")
    safe = {"local_files_only": True, "trust_remote_code": False}
    with model_load_errors(found), quiet(transformers):
        tokenizer = transformers.AutoTokenizer.from_pretrained(found.tokenizer, **safe)
        model = transformers.AutoModelForCausalLM.from_pretrained(found.base, use_safetensors=True, **safe, **settings)
        taken = inspect.signature(model.forward).parameters
        if not {"position_ids", "logits_to_keep"} <= taken.keys():
            raise CuratorError(f"{found.base.name}: models of type {model.config.model_type} can't be asked in batches")
        words = f"{model.num_parameters():,} parameters, {'4-bit, ' if bits else ''}{str(kind)[6:]}, on {place}"
        if found.adapter is not None:
            words = f"adapter on {words}"
            peft = library("peft")
            model = peft.PeftModel.from_pretrained(
                model, found.adapter, is_trainable=False, torch_device=str(place), local_files_only=True
            )
    return Loaded(model.eval(), tokenizer, words)


def _folder(name: str, weights: bool) -> Path:
    path = existing(name)
    if path is not None:
        if path.is_dir():
            return path
        raise UsageError(f"{name!r} is a file; name the folder of the model")
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UsageError(f"there is no folder {name!r}, and it is not the name of a Hub repository (OWNER/NAME)")
    from huggingface_hub import snapshot_download

    with errors.hub_errors(f"model {name}"), repository.quiet_unless_terminal():
        wanted = [*_DOWNLOADED, _WEIGHTS] if weights else _DOWNLOADED
        return Path(snapshot_download(name, allow_patterns=wanted, ignore_patterns=_NOT_DOWNLOADED))


def _require(folder: Path, name: str, file: str, weights: bool) -> None:
    if not (folder / file).is_file():
        pickled = "; weights in pickles (*.bin, *.pt) are never opened" if any(folder.glob("*.bin")) else ""
        raise UsageError(f"{name!r} is no model and no adapter as save_pretrained writes it: it has no {file}{pickled}")
    if (weights or existing(name) is not None) and not any(folder.glob(_WEIGHTS)):
        raise UsageError(f"{name!r} has no *.safetensors; weights in pickles (*.bin, *.pt) are never opened")


def choose_device(torch: Any, device: str | None) -> Any:
    """Return the device of a name, by default a GPU if there is one.

    Raises:
        UsageError: There is no such device.
    """
    try:
        place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise UsageError(f"--set llama.device={device}: torch can't use it here ({first})") from error
    return place


def choose_dtype(torch: Any, dtype: str | None, place: Any) -> str:
    """Return the name of a number format, by default bfloat16 on a GPU that has it, else float32.

    Raises:
        UsageError: The name is none of those known.
    """
    if dtype is not None:
        return one_of({"llama.dtype": dtype}, "llama.dtype", _DTYPES) or dtype
    if place.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "float32"


def one_of(options: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str | None:
    """Return the value of an option that has a few known values, or None if it is not set.

    Raises:
        UsageError: It is none of them.
    """
    value = options.get(key)
    if value is not None and value not in known:
        raise UsageError(f"--set {key}={value}: there are {', '.join(known)}")
    return value


@contextmanager
def model_load_errors(found: Found) -> Iterator[None]:
    """Turn what the libraries raise about a model's files into one message.

    Raises:
        CuratorError: With their first line.
    """
    try:
        yield
    except CuratorError:
        raise
    except Exception as error:  # the libraries raise all kinds: OSError, ValueError, KeyError, their own
        first = (str(error).splitlines() or [""])[0]
        folder = found.adapter or found.base
        raise CuratorError(f"the model in {str(folder)!r} can't be loaded: {type(error).__name__}: {first}") from error


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Show the library's progress bars on a terminal only, and not what peft and trl have yet to learn about it."""
    logging = transformers.utils.logging
    with (
        bars_on_terminal(logging.is_progress_bar_enabled, logging.disable_progress_bar, logging.enable_progress_bar),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing` is deprecated", FutureWarning)
        yield


def library(name: str) -> Any:
    """Return a library that comes with the extra `llama`.

    Raises:
        CuratorError: It isn't installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise CuratorError(f"this needs {name}, which is not installed: pip install 'price-curator[llama]'") from error
