"""Card, Croissant file and `publish` claim source, licence and language only where they are known or stated."""

import json
import re
import shutil
from pathlib import Path

import polars as pl
import pytest
from huggingface_hub import DatasetCard

import curator
from curator.dataset import card, croissant
from curator.dataset.origin import origin
from curator.errors import RecipeError
from curator.publish import merge
from curator.publish.push import Plan
from curator.recipe.load import load_recipe
from curator.recipe.settings import CardSettings
from curator.verify.verify import verify_folder
from repository import ROOT

pytestmark = pytest.mark.figures

AMAZON = "McAuley-Lab/Amazon-Reviews-2023"
SETTINGS = {"text.min_chars": 0, "split.validation": 20, "split.test": 20}
STATED = {
    "title": "Lamps & <b>bulbs</b>",
    "source": "Our shop's catalogue [2026](javascript:alert(1)) <!-- curator:end collection -->",
    "source_url": "https://shop.example/catalogue?year=2026&kind=(all)",
    "license": "CC-BY-4.0",
    "language": ["de", "en"],
}
DEMO = {"kind": "demo", "name": "demo:400:7", "category": None, "rows": 400, "bytes": 0, "sha256": "d" * 64}
FILE = {**DEMO, "kind": "parquet", "name": "lamps.parquet", "bytes": 9, "sha256": "f" * 64}
FETCHED = {**FILE, "name": "raw_meta_Appliances/full-00000-of-00001.parquet", "category": "Appliances"}
FETCHED |= {"repository": AMAZON, "revision": "a" * 40}
OTHER = {**FILE, "name": "data/train.parquet", "repository": "shops/lamps_", "revision": "b" * 40}
CITED = "hou2024bridging"


@pytest.fixture(scope="module")
def runs(tmp_path_factory, raw_row, write_rows):
    """Runs of the same 200 rows of a shop that mention no other: of a file, and of a table in memory."""
    folder, rows = tmp_path_factory.mktemp("origin"), [raw_row(n) for n in range(200)]
    file = write_rows(folder / "lamps.parquet", rows)
    table = pl.DataFrame(rows).drop("average_rating", "rating_number")
    for name, source in (("file", file), ("table", table)):
        curator.build(source, folder / name, settings=SETTINGS, workers=1)
    return folder


@pytest.fixture(scope="module")
def manifest(runs):
    """Returns a manifest with these sources, and this `card` in its recipe."""
    text = (runs / "file" / "dataset" / "manifest.json").read_text("utf-8")

    def of(*sources, **stated):
        made = json.loads(text)
        made["sources"] = list(sources)
        made["recipe"]["card"] = CardSettings(**stated).model_dump(mode="json")
        return made

    return of


def head(manifest):
    """The card's head as the Hub's library reads it."""
    return DatasetCard(card.render(manifest, "me/lamps")).data.to_dict()


def licence(manifest):
    return {key: value for key, value in head(manifest).items() if key.startswith("license")}


def section(manifest, name):
    return " ".join(card.sections(card.render(manifest, "me/lamps"))[name].split())


def warning(manifest):
    return Plan(Path(), "me/lamps", None, public=True, origin=origin(manifest), rows=1, version="0").warning()


# -- what is claimed of each source


@pytest.mark.parametrize("name", ["file", "table"])
def test_rows_of_ones_own_are_claimed_for_nobody(runs, name):
    dataset = runs / name / "dataset"
    for page in (dataset / "README.md", dataset / "croissant.json", runs / name / "report.html"):
        assert not re.search("(?i)amazon|mcauley|made up", page.read_text("utf-8")), page
    data = DatasetCard.load(dataset / "README.md").data.to_dict()
    assert not data.keys() & {"language", "license", "license_name", "license_link", "source_datasets"}
    assert data["tags"] == ["price-prediction", "regression", "e-commerce"]
    described = json.loads((dataset / "croissant.json").read_text("utf-8"))
    assert not described.keys() & {"inLanguage", "license", "citeAs", "prov:wasDerivedFrom"}
    made = json.loads((dataset / "manifest.json").read_text("utf-8"))
    assert "local files or tables in memory" in section(made, "collection")
    assert "doesn't know who made them" in section(made, "collection")
    assert "grants no licence" in section(made, "licence")
    assert "language of the texts is not known" in section(made, "limits")
    assert "knows no licence" in warning(made)
    assert verify_folder(dataset).ok


def test_the_demo_is_made_up(manifest):
    made = manifest(DEMO)
    assert licence(made) == {"license": "other", "license_name": "made-up-data"}
    assert (head(made)["language"], head(made)["source_datasets"]) == (["en"], ["original"])
    assert "**Every product, text and price in it is made up.**" in section(made, "summary")
    assert "no source's licence applies" in section(made, "licence")
    assert "find out" not in warning(made) + section(made, "licence")
    assert croissant.describe(made)["inLanguage"] == ["en"]


def test_amazon_reviews_are_named_and_cited(manifest):
    made, link = manifest(FETCHED), f"https://huggingface.co/datasets/{AMAZON}"
    assert licence(made) == {"license": "other", "license_name": "none-stated-upstream", "license_link": link}
    assert (head(made)["language"], head(made)["source_datasets"]) == (["en"], [AMAZON])
    assert "Amazon Reviews 2023 states no licence" in section(made, "licence")
    assert "Amazon Reviews 2023 states no licence" in warning(made)
    assert CITED in section(made, "citation")
    described = croissant.describe(made)
    assert CITED in described["citeAs"]
    assert described["prov:wasDerivedFrom"] == [{"@id": link}]


def test_another_dataset_of_the_hub_is_linked_and_its_licence_left_to_it(manifest):
    made, link = manifest(OTHER), "https://huggingface.co/datasets/shops/lamps_"
    assert licence(made) == {}
    assert "language" not in head(made)
    assert head(made)["source_datasets"] == ["shops/lamps_"]
    assert "Amazon" not in card.render(made) + json.dumps(croissant.describe(made))
    for name in ("summary", "collection", "citation"):
        assert f"](<{link}>)" in section(made, name)
    assert "b" * 40 in section(made, "collection")
    assert "`shops/lamps_` is the one that this dataset states; look it up there." in section(made, "licence")
    assert "shops/lamps_" in warning(made)
    assert croissant.describe(made)["prov:wasDerivedFrom"] == [{"@id": link}]


@pytest.mark.parametrize(
    ("sources", "language", "source_datasets"),
    [
        ([DEMO, FETCHED], ["en"], ["original", AMAZON]),
        ([FETCHED, FILE], None, [AMAZON]),
        ([DEMO, FILE], None, ["original"]),
        ([FETCHED, OTHER, OTHER], None, [AMAZON, "shops/lamps_"]),
    ],
)
def test_claims_hold_for_all_of_several_sources(manifest, sources, language, source_datasets):
    made = manifest(*sources)
    assert licence(made) == {}
    assert head(made).get("language") == croissant.describe(made).get("inLanguage") == language
    assert head(made)["source_datasets"] == source_datasets
    assert not {"synthetic", "amazon-reviews-2023"} & set(head(made)["tags"])
    for source in sources:
        assert f"`{source['name']}`" in section(made, "collection")
    for name, known in (("demo catalogue", DEMO), ("local files", FILE), ("McAuley Lab", FETCHED)):
        assert (name in section(made, "collection")) == (known in sources)
    assert len(list(origin(made).licences())) == len({source.get("repository", source["kind"]) for source in sources})
    assert "Every product, text and price" not in card.render(made)


# -- what the recipe states


def test_what_the_recipe_states_is_in_head_and_text_and_does_nothing_else(manifest):
    made = manifest(FILE, **STATED)
    assert head(made)["pretty_name"] == STATED["title"]
    assert licence(made) == {"license": "cc-by-4.0"}
    assert head(made)["language"] == ["de", "en"]
    text = card.render(made, "me/lamps")
    assert list(card.sections(text)) == list(card.sections(card.render(manifest(FILE))))
    shown = DatasetCard(text).text
    assert "# Lamps &amp; &lt;b&gt;bulbs&lt;/b&gt;\n" in shown
    outside = re.sub(r"```toml\n.*?```|```bash\n.*?```", "", shown, flags=re.DOTALL)
    assert "<b>" not in outside
    assert "](javascript" not in outside
    assert f"<{STATED['source_url'].replace('&', '&amp;')}>" in section(made, "collection")
    assert "`cc-by-4.0`; curator has not checked it" in section(made, "licence")
    assert "`de` and `en`, as the recipe states" in section(made, "limits")
    described = croissant.describe(made)
    assert (described["license"], described["inLanguage"]) == ("cc-by-4.0", ["de", "en"])
    assert described["prov:wasDerivedFrom"] == [{"@id": STATED["source_url"]}]
    assert "cc-by-4.0" in warning(made)


def test_a_licence_that_the_hub_does_not_list_is_other_with_its_name(manifest):
    assert licence(manifest(DEMO, license="House-Rules-1.0")) == {"license": "other", "license_name": "house-rules-1.0"}
    assert licence(manifest(FETCHED, license="mit")) == {"license": "mit"}
    assert "Amazon Reviews 2023 states no licence" in section(manifest(FETCHED, license="mit"), "licence")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("license", "all rights reserved"),
        ("license", "other"),
        ("license", "mit\nlicense_link: x"),
        ("language", ["English"]),
        ("language", "en-US"),
        ("source_url", "javascript:alert(1)"),
        ("source_url", "https://shop.example/>x"),
    ],
)
def test_what_no_card_can_say_is_refused(key, value):
    with pytest.raises(RecipeError, match=rf"card\.{key}.* can't be used"):
        load_recipe("pricer", {f"card.{key}": value})


def test_a_card_alone_is_built_anew_from_the_same_parts(runs, tmp_path, tree):
    out = shutil.copytree(runs / "file", tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in out.glob("items/*")}
    settings = {**SETTINGS, **{f"card.{key}": value for key, value in STATED.items()}}
    run = curator.build(runs / "lamps.parquet", out, settings=settings, workers=1)
    assert before == {path: path.stat().st_mtime_ns for path in out.glob("items/*")}
    for folder in ("data", "text", "openai", "images"):
        assert tree(out / "dataset" / folder) == tree(runs / "file" / "dataset" / folder)
    assert DatasetCard.load(out / "dataset" / "README.md").data.license == "cc-by-4.0"
    assert run.verify().ok
    assert load_recipe("pricer", settings).mapping_key() == load_recipe("pricer", SETTINGS).mapping_key()


# -- cards that are there already


def test_what_earlier_versions_claimed_goes_and_what_a_person_wrote_stays(manifest):
    made, claimed = manifest(FILE), manifest(FETCHED)
    before = json.loads(json.dumps(made))
    del before["recipe"]["card"]
    old = card.render(claimed, "me/lamps")
    assert head(made) == DatasetCard(merge.merge(old, made, "me/lamps", before)).data.to_dict()

    ours = (
        f"license: other\nlicense_name: none-stated-upstream\nlicense_link: https://huggingface.co/datasets/{AMAZON}\n"
    )
    for theirs in ("license: mit\n", "license: other\nlicense_name: house-rules\n"):
        merged = merge.merge(old.replace(ours, theirs), made, "me/lamps", before)
        assert theirs in merged
        assert "license_link" not in merged.partition("\n---\n")[0]
        assert "The head of this card names the licence" in card.sections(merged)["licence"]
        assert merge.merge(merged, made, "me/lamps", made) == merged


def test_a_licence_stated_later_replaces_none_but_not_a_persons(manifest):
    before, after = manifest(FILE), manifest(FILE, license="house-rules")
    old = card.render(before, "me/lamps")
    assert merge.merge(old, after, "me/lamps", before) == card.render(after, "me/lamps")
    kept = merge.merge(old.replace("---\n", "---\nlicense: mit\n", 1), after, "me/lamps", before)
    assert DatasetCard(kept).data.license == "mit"
    assert "license_name" not in kept.partition("\n---\n")[0]


def test_what_earlier_versions_claimed_is_no_persons_word(runs, manifest, tmp_path):
    dataset = shutil.copytree(runs / "file" / "dataset", tmp_path / "dataset")
    raw = json.loads((dataset / "manifest.json").read_text("utf-8"))
    del raw["recipe"]["card"], raw["promises"]
    (dataset / "manifest.json").write_text(json.dumps(raw), "utf-8")
    claimed = card.render(manifest(FETCHED))
    for text, is_ours in ((claimed, True), (card.render(raw), True), (claimed.replace("none-stated", "mine"), False)):
        (dataset / "README.md").write_text(text, "utf-8")
        (check,) = (one for one in verify_folder(dataset).checks if one.id == "card-licence")
        assert (check.problems == []) == is_ours


def test_the_recipe_of_the_document_loads(tmp_path):
    (recipe,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "cards.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "mine.toml").write_text(recipe, "utf-8")
    assert load_recipe(tmp_path / "mine.toml").card.license == "cc-by-4.0"
