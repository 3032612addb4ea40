"""Files, card and Croissant description that are not those of the manifest are named."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from curator.dataset import card
from curator.system.digest import sha256
from curator.verify.verify import verify
from verify_tools import failures, states


def test_file_that_the_manifest_does_not_name_is_named(dataset):
    shutil.copy(dataset / "data/train-00000-of-00001.parquet", dataset / "data/train-00001-of-00002.parquet")
    found = failures(verify(str(dataset)))
    said = "data/train-00001-of-00002.parquet is not in manifest.json, and changes what is loaded"
    assert found == {"foreign-data": said}


def test_missing_file_is_named(dataset):
    (dataset / "text/test-00000-of-00001.parquet").unlink()
    found = failures(verify(str(dataset)))
    assert "text/test-00000-of-00001.parquet" in found["files"]


def test_other_columns_are_named(dataset):
    path = dataset / "text/test-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).rename_columns(["words", "price"]), path)
    found = failures(verify(str(dataset)))["parquet"]
    assert "text/test-00000-of-00001.parquet: its columns are words string, price double" in found


def test_card_and_croissant_of_other_files_are_named(dataset):
    card = dataset / "README.md"
    card.write_text(card.read_text().replace("num_examples: 105", "num_examples: 104"))
    croissant = dataset / "croissant.json"
    croissant.write_text(croissant.read_text().replace(sha256(dataset / "openai/test.jsonl"), "0" * 64))
    found = failures(verify(str(dataset)))
    assert "dataset_info of config default" in found["card-head"]
    assert "openai/test.jsonl" in found["croissant-digests"]


@pytest.mark.parametrize(
    ("old", "new", "section"),
    [
        ("No reviews are in it", "", None),
        ("Made-up products teach no real", "They teach every real", "motivation"),
        ("| **train** | ", "| **train** | 9", "processing"),
        ("--recipe pricer", "--recipe course-v1", "rebuild"),
    ],
)
def test_card_text_that_the_manifest_does_not_give_is_named(dataset, old, new, section):
    path = dataset / "README.md"
    text = path.read_text("utf-8")
    assert (old in text) == (section is not None)
    path.write_text(text.replace(old, new), "utf-8")
    found = failures(verify(str(dataset)))
    if section is None:
        assert found == {}
    else:
        assert f"README.md: section {section} says " in found["card-text"]


def test_a_persons_own_sections_and_line_ends_are_left_alone(dataset):
    path = dataset / "README.md"
    text = path.read_text("utf-8").replace("<!-- curator:begin splits -->", "## Mine\n\n<!-- curator:begin splits -->")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    verdict = verify(str(dataset))
    assert set(states(verdict).values()) == {"holds"}


def test_card_without_one_of_its_sections_is_a_warning(dataset):
    path = dataset / "README.md"
    text = path.read_text("utf-8")
    path.write_text(text.replace(card.sections(text)["limits"], ""), "utf-8")
    verdict = verify(str(dataset))
    assert verdict.ok
    (warned,) = [one for one in verdict.checks if one.state == "warns"]
    assert "section limits is missing" in warned.problems[0]


def test_card_that_was_written_for_a_repository_holds_beside_its_data(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    (dataset / "README.md").write_text(card.render(manifest, "me/prices"), "utf-8")
    assert verify(str(dataset)).ok


@pytest.mark.parametrize("key", ["size_categories", "configs"])
def test_head_that_is_not_that_of_the_files_is_named(dataset, key):
    path = dataset / "README.md"
    old, new = {"size_categories": ("- 1K<n<10K", "- 1M<n<10M"), "configs": ("data/train-*", "data/*")}[key]
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    assert f"README.md: {key}" in "".join(failures(verify(str(dataset))).values())


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("- config_name: mine\n  default: true", "configs has config mine as the default one, too"),
        ("- config_name: text", "configs has config text 2 times"),
    ],
)
def test_config_that_comes_before_the_datasets_own_is_named(dataset, config, said):
    path = dataset / "README.md"
    entry = f"configs:\n{config}\n  data_files: mine.csv\n"
    path.write_text(path.read_text("utf-8").replace("configs:\n", entry, 1), "utf-8")
    assert failures(verify(str(dataset))) == {"card-head": f"README.md: {said}"}


def test_config_that_a_person_added_holds(dataset):
    path = dataset / "README.md"
    entry = "configs:\n- config_name: mine\n  data_files: mine.csv\n"
    path.write_text(path.read_text("utf-8").replace("configs:\n", entry, 1), "utf-8")
    assert verify(str(dataset)).ok


def test_croissant_that_says_something_else_is_named(dataset):
    path = dataset / "croissant.json"
    stated = json.loads(path.read_text("utf-8"))
    stated["rai:dataLimitations"][1] = "None."
    stated["license"] = "CC0"
    path.write_text(json.dumps(stated), "utf-8")
    found = failures(verify(str(dataset)))["croissant"]
    assert "rai:dataLimitations.1 is 'None.'" in found
    assert "license is 'CC0'" in found


def test_words_of_another_version_are_not_compared_but_numbers_are(dataset):
    path = dataset / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "curator": "9.9"}), "utf-8")
    verdict = verify(str(dataset))
    assert verdict.ok
    skipped = [one.id for one in verdict.checks if one.state == "skipped"]
    assert skipped == ["card-text", "croissant"]
    (dataset / "README.md").write_text(
        (dataset / "README.md").read_text("utf-8").replace("num_examples: 105", "num_examples: 104"), "utf-8"
    )
    assert not verify(str(dataset)).ok


@pytest.mark.parametrize("name", ["secret.env", "notes/mine.txt", "data/notes.csv", "openai/extra.jsonl", ".hidden"])
def test_foreign_file_is_named_and_in_a_copy_of_a_repository_only_noted(dataset, name):
    (dataset / name).parent.mkdir(exist_ok=True)
    (dataset / name).write_text("KEY=1")
    found = failures(verify(str(dataset)))
    assert found.keys() == {"foreign-files"}
    assert found["foreign-files"].startswith(f"{name} is no file of the dataset")
    (dataset / ".gitattributes").write_text("*.parquet filter=lfs\n")
    verdict = verify(str(dataset))
    assert verdict.ok
    (warned,) = [one for one in verdict.checks if one.state == "warns"]
    assert warned.problems == [f"{name} is not curator's: nothing here speaks for it"]


def test_file_that_overrides_the_card_is_named_in_a_copy_of_a_repository_too(dataset):
    for name in (".huggingface.yaml", ".gitattributes"):
        (dataset / name).write_text("{}")
    found = failures(verify(str(dataset)))
    said = ".huggingface.yaml is not in manifest.json, and changes what is loaded"
    assert found == {"foreign-data": said}


def test_folder_in_a_run_with_a_foreign_file_fails_whatever_lies_beside_it(run):
    for name in ("secret.env", ".gitattributes"):
        (run / "dataset" / name).write_text("KEY=1")
    assert "secret.env" in failures(verify(str(run)))["foreign-files"]
