"""The 34 categories of Amazon Reviews 2023, and which one a file's name tells."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = "McAuley-Lab/Amazon-Reviews-2023"
"""The dataset on the Hub."""

ITEMS = {
    "All_Beauty": 112_600,
    "Amazon_Fashion": 825_900,
    "Appliances": 94_300,
    "Arts_Crafts_and_Sewing": 801_300,
    "Automotive": 2_000_000,
    "Baby_Products": 217_700,
    "Beauty_and_Personal_Care": 1_000_000,
    "Books": 4_400_000,
    "CDs_and_Vinyl": 701_700,
    "Cell_Phones_and_Accessories": 1_300_000,
    "Clothing_Shoes_and_Jewelry": 7_200_000,
    "Digital_Music": 70_500,
    "Electronics": 1_600_000,
    "Gift_Cards": 1_100,
    "Grocery_and_Gourmet_Food": 603_200,
    "Handmade_Products": 164_700,
    "Health_and_Household": 797_400,
    "Health_and_Personal_Care": 60_300,
    "Home_and_Kitchen": 3_700_000,
    "Industrial_and_Scientific": 427_500,
    "Kindle_Store": 1_600_000,
    "Magazine_Subscriptions": 3_400,
    "Movies_and_TV": 747_800,
    "Musical_Instruments": 213_600,
    "Office_Products": 710_400,
    "Patio_Lawn_and_Garden": 851_700,
    "Pet_Supplies": 492_700,
    "Software": 89_200,
    "Sports_and_Outdoors": 1_600_000,
    "Subscription_Boxes": 641,
    "Tools_and_Home_Improvement": 1_500_000,
    "Toys_and_Games": 890_700,
    "Unknown": 13_200_000,
    "Video_Games": 137_200,
}
"""Items of each category, as the dataset's authors publish them (rounded; https://amazon-reviews-2023.github.io)."""


def categories() -> dict[str, int]:
    """Return the categories of Amazon Reviews 2023 with their items (rounded); each is a source for a build.

    Example:
        >>> curator.categories()["Appliances"]
        94300
    """
    return dict(ITEMS)


COURSE = (
    "Automotive",
    "Electronics",
    "Office_Products",
    "Tools_and_Home_Improvement",
    "Cell_Phones_and_Accessories",
    "Toys_and_Games",
    "Appliances",
    "Musical_Instruments",
)
"""The course's eight categories in its order."""

_LONGEST_FIRST = sorted(ITEMS, key=len, reverse=True)


def category_of(path: Path) -> str | None:
    """Return the category that a path names: ``meta_<Category>…`` as a file, ``raw_meta_<Category>`` as a folder.

    >>> category_of(Path("data/meta_Toys_and_Games.jsonl.gz"))
    'Toys_and_Games'
    >>> category_of(Path("raw_meta_Appliances/full-00000-of-00001.parquet"))
    'Appliances'
    >>> category_of(Path("meta_sample.parquet")) is None
    True
    """
    return category_of_name(path.absolute().as_posix())


def category_of_name(name: str) -> str | None:
    """Return the category that a path in a repository names."""
    *folders, file = name.split("/")
    if file.startswith("meta_"):
        return _leading(file.removeprefix("meta_"))
    named = (one.removeprefix("raw_meta_") for one in folders[::-1] if one.startswith("raw_meta_"))
    return next(map(_leading, named), None)


def _leading(text: str) -> str | None:
    """Return the category that `text` begins with; a letter after it would be of another name."""
    begun = (known for known in _LONGEST_FIRST if text.startswith(known))
    return next((known for known in begun if not text[len(known) : len(known) + 1].isalpha()), None)
