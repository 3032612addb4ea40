"""Where a dataset's rows come from: what is known of their source, licence and language, and what the recipe states.

Card, Croissant file and `curator publish` claim what is said here, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from curator.dataset.licences import HUB
from curator.recipe.load import Recipe
from curator.recipe.settings import CardSettings
from curator.sources.categories import REPOSITORY

AMAZON = "Amazon Reviews 2023"
"""What people call the dataset that `REPOSITORY` is."""
LOCAL = "local files or tables in memory"
"""What sources are called that neither curator made nor the Hub holds."""


def url_of(repository: str) -> str:
    """Return the address of a dataset of the Hub."""
    return f"https://huggingface.co/datasets/{repository}"


AMAZON_HEAD: Mapping[str, Any] = {
    "language": ["en"],
    "license": "other",
    "license_name": "none-stated-upstream",
    "license_link": url_of(REPOSITORY),
    "source_datasets": [REPOSITORY],
}
"""What a card's head claims of Amazon Reviews 2023. Versions without `card` in the recipe did so of any rows."""


@dataclass(frozen=True)
class Origin:
    """The sources of a dataset by what is known of them.

    Attributes:
        stated: What the recipe states; curator hasn't checked it.
        demo: Whether rows come from the built-in catalogue, which is made up.
        amazon: Whether rows come from Amazon Reviews 2023 on the Hub.
        others: Other datasets of the Hub, each with its commits (hex).
        local: Whether rows come from local files or tables in memory.
    """

    stated: CardSettings
    demo: bool
    amazon: bool
    others: Mapping[str, list[str]]
    local: bool

    @property
    def is_known(self) -> bool:
        """Whether curator knows all sources: its own catalogue, Amazon Reviews 2023."""
        return not (self.others or self.local)

    @property
    def only_demo(self) -> bool:
        """Whether all rows are made up."""
        return self.is_known and not self.amazon

    @property
    def only_amazon(self) -> bool:
        """Whether all rows come from Amazon Reviews 2023."""
        return self.is_known and not self.demo

    @property
    def only_local(self) -> bool:
        """Whether nothing is known of any row."""
        return not (self.demo or self.amazon or self.others)

    @property
    def languages(self) -> list[str]:
        """Languages of the texts (ISO 639); empty if they are not known."""
        return [*self.stated.language] or ["en"] * self.is_known

    @property
    def repositories(self) -> list[str]:
        """The datasets of the Hub that rows come from."""
        return [REPOSITORY] * self.amazon + [*self.others]

    def head(self) -> dict[str, Any]:
        """Return what a card's head says of language, licence and source; of what is not known, nothing."""
        sources = ["original"] * self.demo + self.repositories
        return {
            **({"language": self.languages} if self.languages else {}),
            **self._licence(),
            **({"source_datasets": sources} if sources else {}),
        }

    def _licence(self) -> dict[str, str]:
        if name := self.stated.license:
            return {"license": name} if name in HUB else {"license": "other", "license_name": name}
        if self.only_demo:
            return {"license": "other", "license_name": "made-up-data"}
        if self.only_amazon:
            return {key: value for key, value in AMAZON_HEAD.items() if key.startswith("license")}
        return {}

    def licences(self, show: Callable[[str], str] = str) -> Iterator[str]:
        """Yield a sentence on the licence of each source.

        Args:
            show: Writes the name of a repository.
        """
        if self.demo:
            made_up = "All of the data" if self.only_demo else "What comes from the demo catalogue"
            yield f"{made_up} is made up by a program, so no source's licence applies to it."
        if self.amazon:
            yield f"{AMAZON} states no licence; the texts are Amazon's and its sellers'."
        for name in self.others:
            yield f"The licence of the rows of {show(name)} is the one that this dataset states; look it up there."
        if self.local:
            yield f"curator knows no licence of rows from {LOCAL}."


def origin(manifest: Mapping[str, Any]) -> Origin:
    """Return where the rows of a dataset come from, by its manifest."""
    sources = manifest["sources"]
    on_hub = [(one["repository"], one["revision"]) for one in sources if one.get("repository")]
    others: dict[str, list[str]] = {}
    for name, revision in dict.fromkeys(on_hub):
        if name != REPOSITORY:
            others.setdefault(name, []).append(revision)
    return Origin(
        stated=Recipe.model_validate(manifest["recipe"]).card,
        demo=any(one["kind"] == "demo" for one in sources),
        amazon=any(name == REPOSITORY for name, _ in on_hub),
        others=others,
        local=any(one["kind"] != "demo" and not one.get("repository") for one in sources),
    )
