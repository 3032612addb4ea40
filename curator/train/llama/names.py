"""The names in a call of `curator train llama` that only its libraries and the model know: trackers and layers."""

from __future__ import annotations

from pathlib import Path

from curator.errors import UsageError, nearest
from curator.llm.local import library
from curator.train.llama.options import Options


def check_names(options: Options, folder: Path) -> None:
    """Check the trackers and the layers that get an adapter, long before the model's weights are loaded.

    Args:
        options: How to train.
        folder: The base model's.

    Raises:
        UsageError: There is no such tracker, or the model has no such layer.
        CuratorError: A library is missing.
    """
    library("transformers")
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK as TRACKERS

    for name in options.report_to:
        if name not in TRACKERS:
            near, known = nearest(name, TRACKERS), ", ".join(TRACKERS)
            raise UsageError(f"--report-to {name}: there is no such tracker.{near} There are {known}")
    if "wandb" in options.report_to:
        library("wandb")
    layers = _layers(folder)
    ends = sorted({layer.rpartition(".")[2] for layer in layers})
    for target in options.targets:
        # As peft matches them.
        if not any(layer == target or layer.endswith(f".{target}") for layer in layers):
            raise UsageError(
                f"--target {target}: the model has no such layer.{nearest(target, ends)} It has {', '.join(ends)}"
            )


def _layers(folder: Path) -> list[str]:
    """Return the names of a model's linear layers, from its configuration alone: no weight is read or made."""
    torch = library("torch")
    accelerate = library("accelerate")
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    with accelerate.init_empty_weights():
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return [name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear | Conv1D)]
