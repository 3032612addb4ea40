"""The templates' environment: everything that is put into a page is escaped."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jinja2

from curator.system.display import visible
from curator.system.version import VERSION


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """Return the templates' environment: all that is put into a page is escaped, and nothing may be missing.

    There is one, which keeps the templates that it has compiled.
    """
    return jinja2.Environment(
        loader=jinja2.PackageLoader("curator", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )


def render(template: str, **values: Any) -> str:
    """Return the page that a template makes of values, and of the version of curator."""
    return environment().get_template(template).render(version=VERSION, **values)


def _shown(value: object) -> object:
    """Make a text that goes into a page harmless beyond its markup, which is escaped after this."""
    return visible(value, keep="\n\t") if isinstance(value, str) and not hasattr(value, "__html__") else value


def clipped(text: str | None, most: int = 300) -> str | None:
    """Return a text of at most so many characters: a page must not grow with whatever a row holds."""
    return text if text is None or len(text) <= most else f"{text[: most - 1]}…"
