"""The options of a hosted model on the command line, and the endpoint and the key of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from curator.errors import ProviderError, UsageError, nearest
from curator.llm.endpoints import OPENAI, host, is_key

PREFIX = "openai"
"""What settings of hosted models begin with."""


class HostedOptions(BaseModel):
    """What `--set openai.KEY=VALUE` sets."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    base_url: str = Field("", description="The endpoint; else OPENAI_BASE_URL, else OpenAI's own.")
    concurrency: int = Field(8, ge=1, le=256, description="Maximum questions under way at once.")
    attempts: int = Field(6, ge=1, le=20, description="Maximum attempts at one question.")
    timeout: float = Field(120.0, gt=0, le=3600, description="Longest wait for an answer (seconds).")
    temperature: Annotated[float, Field(ge=0, le=2)] | Literal["none"] = Field(
        0.0, description="Sampling temperature; none sends none."
    )
    seed: int | Literal["none"] = Field(42, description="Sampling seed; none sends none.")
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Maximum tokens of an answer, reasoning included; by default none is sent."
    )
    reasoning_effort: str | None = Field(None, description="Sent as it is, such as minimal.")
    logprobs: int = Field(0, ge=0, le=20, description="Likeliest tokens to ask for at each position; 0 asks for none.")
    input_price: float | None = Field(None, ge=0, description="USD for a million input tokens.")
    output_price: float | None = Field(None, ge=0, description="USD for a million output tokens.")

    @property
    def sampling(self) -> dict[str, Any]:
        """Return what an answer depends on: the part of the options that the cache's keys are made of."""
        names = {"temperature", "seed", "max_tokens", "reasoning_effort", "logprobs"}
        return self.model_dump(include=names)


def sentences() -> dict[str, str]:
    """Return every option by the name it has on the command line, with its sentence."""
    return {f"{PREFIX}.{name}": field.description or "" for name, field in HostedOptions.model_fields.items()}


def read_options(options: Mapping[str, Any]) -> HostedOptions:
    """Return the options of a command that are for this kind of model.

    Raises:
        UsageError: One has no such name, or a value that can't be.
    """
    mine = {}
    for name, value in options.items():
        first, dot, rest = name.partition(".")
        if first == PREFIX:
            mine[rest if dot else name] = value
    try:
        found = HostedOptions.model_validate(mine)
    except ValidationError as error:
        first_error = error.errors()[0]
        key = str(first_error["loc"][0])
        known = list(HostedOptions.model_fields)
        if key not in known:
            raise UsageError(
                f"--set {PREFIX}.{key}: there is no such option.{nearest(key, known)} There are"
                f" {', '.join(f'{PREFIX}.{name}' for name in known)}."
            ) from None
        sentence = HostedOptions.model_fields[key].description
        raise UsageError(
            f"--set {PREFIX}.{key}={mine[key]} can't be used. {first_error['msg']}. It is: {sentence}"
        ) from None
    if (found.input_price is None) != (found.output_price is None):
        raise UsageError(f"--set {PREFIX}.input_price and {PREFIX}.output_price: give both, or neither")
    return found


def find_url(options: HostedOptions) -> str:
    """Return the base URL of the endpoint.

    Raises:
        UsageError: It is none.
    """
    url = (options.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI).strip().rstrip("/")
    if host(url) is None:
        raise UsageError(
            f"the base URL {public_url(url)!r} is none; it is like {OPENAI} (--set {PREFIX}.base_url=URL, or"
            " OPENAI_BASE_URL)"
        )
    return url


def public_url(url: str) -> str:
    """Return a URL as it may be shown: without what may be secret in it.

    >>> public_url("https://me:secret@example.org/v1?token=secret")
    'https://example.org/v1'
    """
    return re.sub(r"(?<=//)[^/@]*@|[?#].*$", "", url)


def find_key() -> str:
    """Return the key of OPENAI_API_KEY.

    Raises:
        ProviderError: There is none, or it can't be sent.
    """
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        raise ProviderError(
            "OPENAI_API_KEY is not set: put the endpoint's key into that environment variable, or any word if it takes"
            " none"
        )
    if not is_key(key):
        raise ProviderError("OPENAI_API_KEY holds characters that no key can have; is it another text?")
    return key
