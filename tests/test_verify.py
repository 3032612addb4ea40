"""`curator verify`: what holds is said to hold; one byte, one row or one price that is off is named."""

import json
import shutil
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from curator.build import build
from curator.digest import sha256
from curator.errors import CheckError, CuratorError, RunError, UsageError
from curator.publish import card, croissant
from curator.publish import rows as row_checks
from curator.publish import verify as verify_module
from curator.publish.measures import Measures, memory_bytes
from curator.publish.verify import verify, verify_folder
from curator.recipe import load_recipe

CARD_TEXT = "the card's generated sections say what the manifest says"
NEAR = "no row has a similarity of 0.5 or more with a row of another split"
CERTIFICATE = "the certificate is that of the files"
QUESTION = "How much does this cost to the nearest dollar?\n\n"
COURSE = {"tokenizer": "o200k_base", "split.train": 200, "split.test": 40, "slots.cap": 5}


@pytest.fixture(scope="module")
def runs(tmp_path_factory, demo_run):
    """One run of each recipe, not to be changed."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "pricer").symlink_to(demo_run)
    build(["demo:2000"], load_recipe("course-v1", COURSE), folder / "course-v1", workers=1)
    return folder


@pytest.fixture
def run(runs, tmp_path):
    """A copy of the run of `pricer` that a test may spoil."""
    return shutil.copytree(runs / "pricer", tmp_path / "run")


@pytest.fixture
def dataset(run):
    return run / "dataset"


def failures(verdict):
    """Name of each check that fails, with its problems in one text."""
    return {one.name: "\n".join(one.problems) for one in verdict.checks if one.state == "fails"}


def states(verdict):
    return {one.name: one.state for one in verdict.checks}


def fix_manifest(dataset):
    """Make the digests of manifest, card and Croissant file those of the files as they are now."""
    manifest = json.loads((dataset / "manifest.json").read_text())
    croissant = json.loads((dataset / "croissant.json").read_text())
    for name, one in manifest["files"].items():
        one |= {"bytes": (dataset / name).stat().st_size, "sha256": sha256(dataset / name)}
    for one in croissant["distribution"]:
        if one["@id"] in manifest["files"]:
            one["sha256"] = manifest["files"][one["@id"]]["sha256"]
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    (dataset / "croissant.json").write_text(json.dumps(croissant))


def forge(run, edit=None):
    """Write everything that follows from the data files anew, as a forger who knows curator would, but for `items/`."""
    dataset = run / "dataset"
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    measures = Measures()
    for split in ("train", "validation", "test"):
        for path in sorted(dataset.glob(f"data/{split}-*.parquet")):
            measures.add(split, pl.read_parquet(path))
    manifest["measured"] = measures.to_dict(manifest["recipe"]["slots"]["whole_from"])
    for name, one in manifest["files"].items():
        one |= {"bytes": (dataset / name).stat().st_size, "sha256": sha256(dataset / name)}
        if name.endswith(".parquet"):
            one["memory_bytes"] = memory_bytes(pl.read_parquet(dataset / name))
    if edit is not None:
        edit(manifest)
    (dataset / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (dataset / "croissant.json").write_text(json.dumps(croissant.describe(manifest)), "utf-8")
    (dataset / "README.md").write_text(card.render(manifest), "utf-8")
    whole = json.loads((run / "manifest.json").read_text("utf-8"))
    for name, one in whole["files"].items():
        one |= {"bytes": (run / name).stat().st_size, "sha256": sha256(run / name)}
    (run / "manifest.json").write_text(json.dumps(whole), "utf-8")


def change(path, edit):
    """Rewrite a Parquet file, its schema kept, with what `edit` makes of its rows."""
    schema = pq.read_schema(path)
    pq.write_table(edit(pl.read_parquet(path)).to_arrow().cast(schema), path)


def set_at(column, row, value):
    here = pl.int_range(pl.len()) == row
    return lambda table: table.with_columns(pl.when(here).then(pl.lit(value)).otherwise(column).alias(column))


# -- what holds


def test_real_rows_cut_inside_a_character_hold(shared_data, llama, monkeypatch, tmp_path):
    """Two of the real texts end in U+FFFD, which takes more tokens than the bytes that it stands for."""
    monkeypatch.setattr(verify_module, "load_tokenizer", lambda spec: llama)
    settings = {"tokenizer": str(shared_data / "llama-3-tokenizer"), "split.train": 100_000}
    recipe = load_recipe("course-v1", settings)
    build([str(shared_data / "amazon-2023-meta-dev.parquet")], recipe, tmp_path / "run", workers=1)
    verdict = verify(str(tmp_path / "run"))
    assert set(states(verdict).values()) == {"holds"}
    texts = pl.read_parquet(tmp_path / "run/dataset/data/*.parquet")["prompt"].str.strip_suffix("\n\nPrice is $")
    assert texts.str.ends_with("\N{REPLACEMENT CHARACTER}").any()


@pytest.mark.parametrize("name", ["pricer", "course-v1"])
@pytest.mark.parametrize("inside", ["", "dataset"])
def test_every_check_of_a_fresh_run_holds(runs, name, inside):
    verdict = verify(str(runs / name / inside))
    # What `course-v1` does not promise is told all the same.
    told = [check for check, state in states(verdict).items() if state != "holds"]
    assert told == ([NEAR] if name == "course-v1" else [])
    assert verdict.holds
    data = {path.name.split("-")[0]: pl.read_parquet(path) for path in (runs / name / "dataset/data").iterdir()}
    assert verdict.rows == {split: rows.height for split, rows in data.items()}
    assert {split: one["prompts"] for split, one in verdict.tokens.items()} == {
        split: rows["tokens"].sum() for split, rows in data.items()
    }


def test_command_reports_tokens_and_cost_and_changes_nothing(runs, invoke, tree, bundled):
    before = tree(runs / "pricer")
    result = invoke("verify", runs / "pricer", "--json", "--price-per-million", "25")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    assert told["holds"] is True
    lines = (runs / "pricer/dataset/openai/train.jsonl").read_text(encoding="utf-8").splitlines()
    contents = [message["content"] for line in lines for message in json.loads(line)["messages"]]
    chats = int(bundled.encode(pl.Series(contents)).counts.sum()) + 15 * len(lines)
    assert told["tokens"]["train"]["chats"] == chats
    assert told["cost_of_one_epoch"] == pytest.approx(chats * 25 / 1e6)
    text = invoke("verify", runs / "pricer", "--price-per-million", "25").stdout
    assert f"about {chats * 25 / 1e6:,.2f} USD for one epoch" in text
    assert tree(runs / "pricer") == before


def test_tokenizer_that_cannot_be_had_is_a_check_not_made(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["tokenizer"]["name"] = manifest["recipe"]["tokenizer"] = "a folder that is not here"
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    verdict = verify(str(dataset))
    assert states(verdict)["tokens, counted again, are as stated"] == "skipped"
    (skipped,) = [one for one in verdict.checks if one.state == "skipped"]
    assert skipped.lines()[0].startswith("skipped  tokens, counted again, are as stated: not counted again: ")
    assert verdict.tokens["train"]["chats"] is None


def test_tokenizer_of_a_known_name_with_another_digest_is_named(dataset):
    for key, value, said in (
        ("sha256", "0" * 64, "is not that of o200k_base"),
        ("name", "gpt2", "in the recipe 'o200k_"),
    ):
        manifest = json.loads((dataset / "manifest.json").read_text())
        before = json.dumps(manifest)
        manifest["tokenizer"][key] = value
        (dataset / "manifest.json").write_text(json.dumps(manifest))
        assert said in failures(verify(str(dataset)))["tokens, counted again, are as stated"]
        (dataset / "manifest.json").write_text(before)


# -- one thing that is off


@pytest.mark.parametrize(
    "name",
    [
        "data/train-00000-of-00001.parquet",
        "text/test-00000-of-00001.parquet",
        "openai/validation-00000-of-00001.parquet",
        "openai/test.jsonl",
    ],
)
@pytest.mark.parametrize("where", ["dataset", "run"])
def test_one_flipped_byte_is_named(run, name, where):
    path = run / "dataset" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = failures(verify(str(run if where == "run" else run / "dataset")))
    assert name in found["every data file has the sha256 of the manifest"]
    if where == "run":
        assert f"dataset/{name}" in found["every file of the run has the sha256 of its manifest"]


def test_every_single_byte_of_a_small_file_may_be_anything(run, tmp_path):
    """Whatever damage: a verdict with exit code 3, not a crash."""
    path = run / "dataset/data/test-00000-of-00001.parquet"
    whole = path.read_bytes()
    for at in [*range(0, len(whole), len(whole) // 25), *range(len(whole) - 40, len(whole), 7)]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert not verify_folder(run / "dataset").holds
    for size in (0, 1, 8, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        assert not verify_folder(run / "dataset").holds


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("folder", ["data", "text", "openai"])
def test_one_dropped_row_is_named(dataset, folder, fixed):
    name = f"{folder}/validation-00000-of-00001.parquet"
    change(dataset / name, lambda table: table.filter(pl.int_range(pl.len()) != 7))
    if fixed:
        fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    text = "\n".join(found.values())
    assert name in text
    check = {
        "data": "rows add up: sources, fates, splits and files",
        "text": "config text agrees with config default",
        "openai": "config openai agrees with config default",
    }[folder]
    assert check in found
    if fixed:
        assert "every data file has the sha256 of the manifest" not in found
        # From row 7 on, each row's fellow is another row.
        assert "row 7" in text


@pytest.mark.parametrize("rows", [0, 40, 75])
@pytest.mark.parametrize(("folder", "check"), [("text", "config text"), ("openai", "config openai")])
def test_config_that_ends_early_or_goes_on_is_named_once(dataset, monkeypatch, folder, check, rows):
    """Files are read by batches; a file may also end with one."""
    monkeypatch.setattr(row_checks, "_BATCH", 20)
    (short,) = dataset.glob(f"{folder}/test-*.parquet")
    change(short, lambda table: table.head(rows))
    said = failures(verify_folder(dataset))[f"{check} agrees with config default"]
    data = f"data/{short.name}"
    assert f"{folder}/{short.name} ends after {rows} rows, {data} goes on" in said
    assert said.count("goes on") == 1

    (whole,) = dataset.glob("data/test-*.parquet")
    change(whole, lambda table: table.head(rows // 2))
    said = failures(verify_folder(dataset))[f"{check} agrees with config default"] if rows else ""
    assert said.count(f"{data} ends after {rows // 2} rows, {folder}/{short.name} goes on") == bool(rows)


@pytest.mark.parametrize("fixed", [False, True])
def test_one_edited_price_is_named(dataset, fixed):
    """A price that rounds to the same dollar: nothing within the row contradicts it, the other configs do."""
    name = "data/train-00000-of-00001.parquet"
    rows = pl.read_parquet(dataset / name)
    row = rows.with_row_index("at").filter((pl.col("price") % 1).is_between(0.1, 0.3))["at"][0]
    change(dataset / name, set_at("price", row, rows["price"][row] + 0.01))
    if fixed:
        fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    assert f"text/train-00000-of-00001.parquet row {row}: price" in found["config text agrees with config default"]
    openai = found["config openai agrees with config default"]
    assert f"openai/train-00000-of-00001.parquet row {row}: says" in openai
    assert f"openai/train.jsonl line {row + 1}: says" in openai
    assert ("every data file has the sha256 of the manifest" in found) == (not fixed)


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("price", 1234.5, "completions are the price, rounded by the recipe"),
        ("price", 1234.5, "slots lie in 1 to 999, prices in the recipe's range"),
        ("slot", 0, "slots lie in 1 to 999, prices in the recipe's range"),
        ("completion", "12", "completions are the price, rounded by the recipe"),
        ("prompt", "How much?\n\nPrice is $", "prompts begin with the question and end at the answer words"),
        ("prompt", None, "prompts begin with the question and end at the answer words"),
        ("tokens", 181, "no prompt has more tokens than the cap"),
        ("tokens", 3, "tokens, counted again, are as stated"),
    ],
)
def test_one_wrong_value_is_named(dataset, column, value, check):
    name = "data/test-00000-of-00001.parquet"
    change(dataset / name, set_at(column, 11, value))
    fix_manifest(dataset)
    assert f"{name} row 11" in failures(verify(str(dataset)))[check]


def test_course_text_over_its_cap_is_named(runs, tmp_path):
    dataset = shutil.copytree(runs / "course-v1/dataset", tmp_path / "dataset")
    name = "data/test-00000-of-00001.parquet"
    longer = "How much does this cost to the nearest dollar?\n\n" + "one two three " * 60 + "\n\nPrice is $"
    change(dataset / name, set_at("prompt", 4, longer))
    fix_manifest(dataset)
    assert f"{name} row 4: the text has 18" in failures(verify(str(dataset)))["no prompt has more tokens than the cap"]


CHAT = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]
BAD_LINES = {
    "not JSON": b"{oops}\n",
    "two objects": b'{"messages": []} {"messages": []}\n',
    "empty": b"\n",
    "a list": b"[]\n",
    "another key": json.dumps({"messages": CHAT, "weight": 1}).encode() + b"\n",
    "not UTF-8": b'{"messages": "\xff"}\n',
    "order": json.dumps({"messages": [CHAT[1], CHAT[0], CHAT[2]]}).encode() + b"\n",
    "no assistant": json.dumps({"messages": CHAT[:2]}).encode() + b"\n",
    "blank": json.dumps({"messages": [*CHAT[:2], {"role": "assistant", "content": " "}]}).encode() + b"\n",
    "a number": json.dumps({"messages": [*CHAT[:2], {"role": "assistant", "content": 3}]}).encode() + b"\n",
    "deep": b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES)
def test_line_that_openai_refuses_is_named(dataset, line):
    path = dataset / "openai/test.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[8] = line
    path.write_bytes(b"".join(lines))
    fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    assert "openai/test.jsonl line 9: " in found["OpenAI lines are valid: roles in order, no empty content"]


@pytest.mark.parametrize(
    ("within", "forged"), [(b"{", b'"messages":[],'), (b'{"role":"user",', b'"content":"forged",')]
)
def test_line_with_a_key_twice_is_named(dataset, within, forged):
    path = dataset / "openai/train.jsonl"
    line, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(line.replace(within, within + forged, 1) + b"\n" + rest)
    fix_manifest(dataset)
    key = forged.split(b'"')[1].decode()
    found = failures(verify(str(dataset)))["OpenAI lines are valid: roles in order, no empty content"]
    assert found == f"openai/train.jsonl line 1: the key {key} is there twice"


def test_last_line_without_an_end_is_named(dataset):
    path = dataset / "openai/test.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    fix_manifest(dataset)
    found = failures(verify(str(dataset)))
    assert "line 105: the line has no end" in found["OpenAI lines are valid: roles in order, no empty content"]


def test_line_too_many_is_named(dataset):
    path = dataset / "openai/test.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[0]]))
    fix_manifest(dataset)
    assert "1 lines more" in failures(verify(str(dataset)))["config openai agrees with config default"]


def test_too_few_examples_are_a_warning(tmp_path):
    build(["demo:100"], load_recipe("pricer"), tmp_path / "run", workers=1)
    verdict = verify(str(tmp_path / "run"))
    assert verdict.holds
    (warned,) = [one for one in verdict.checks if one.state == "warns"]
    assert "openai/test.jsonl has 4 examples" in "\n".join(warned.problems)


def test_file_that_the_manifest_does_not_name_is_named(dataset):
    shutil.copy(dataset / "data/train-00000-of-00001.parquet", dataset / "data/train-00001-of-00002.parquet")
    found = failures(verify(str(dataset)))
    said = "data/train-00001-of-00002.parquet is not in manifest.json, and changes what is loaded"
    assert found == {"no data file that the manifest does not name": said}


def test_missing_file_is_named(dataset):
    (dataset / "text/test-00000-of-00001.parquet").unlink()
    found = failures(verify(str(dataset)))
    assert "text/test-00000-of-00001.parquet" in found["every data file has the sha256 of the manifest"]


def test_other_columns_are_named(dataset):
    path = dataset / "text/test-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).rename_columns(["words", "price"]), path)
    found = failures(verify(str(dataset)))["files are Parquet of one schema, row groups under 100 MB"]
    assert "text/test-00000-of-00001.parquet: its columns are words string, price double" in found


def test_card_and_croissant_of_other_files_are_named(dataset):
    card = dataset / "README.md"
    card.write_text(card.read_text().replace("num_examples: 105", "num_examples: 104"))
    croissant = dataset / "croissant.json"
    croissant.write_text(croissant.read_text().replace(sha256(dataset / "openai/test.jsonl"), "0" * 64))
    found = failures(verify(str(dataset)))
    assert "dataset_info of config default" in found["the card's configs and dataset_info are those of the files"]
    assert "openai/test.jsonl" in found["croissant.json has the sha256 of every data file"]


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
        assert f"README.md: section {section} says " in found[CARD_TEXT]


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
    assert verdict.holds
    (warned,) = [one for one in verdict.checks if one.state == "warns"]
    assert "section limits is missing" in warned.problems[0]


def test_card_that_was_written_for_a_repository_holds_beside_its_data(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    (dataset / "README.md").write_text(card.render(manifest, "me/prices"), "utf-8")
    assert verify(str(dataset)).holds


@pytest.mark.parametrize("key", ["size_categories", "configs"])
def test_head_that_is_not_that_of_the_files_is_named(dataset, key):
    path = dataset / "README.md"
    old, new = {"size_categories": ("- 1K<n<10K", "- 1M<n<10M"), "configs": ("data/train-*", "data/*")}[key]
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    assert f"README.md: {key}" in "".join(failures(verify(str(dataset))).values())


@pytest.mark.parametrize(
    ("config", "said"),
    [("- config_name: mine\n  default: true", "configs has config mine as the default one, too"),
     ("- config_name: text", "configs has config text 2 times")],
)  # fmt: skip
def test_config_that_comes_before_the_datasets_own_is_named(dataset, config, said):
    path = dataset / "README.md"
    entry = f"configs:\n{config}\n  data_files: mine.csv\n"
    path.write_text(path.read_text("utf-8").replace("configs:\n", entry, 1), "utf-8")
    assert failures(verify(str(dataset))) == {
        "the card's configs and dataset_info are those of the files": f"README.md: {said}"
    }


def test_config_that_a_person_added_holds(dataset):
    path = dataset / "README.md"
    entry = "configs:\n- config_name: mine\n  data_files: mine.csv\n"
    path.write_text(path.read_text("utf-8").replace("configs:\n", entry, 1), "utf-8")
    assert verify(str(dataset)).holds


def test_croissant_that_says_something_else_is_named(dataset):
    path = dataset / "croissant.json"
    stated = json.loads(path.read_text("utf-8"))
    stated["rai:dataLimitations"][1] = "None."
    stated["license"] = "CC0"
    path.write_text(json.dumps(stated), "utf-8")
    found = failures(verify(str(dataset)))["croissant.json describes the dataset as the manifest does"]
    assert "rai:dataLimitations.1 is 'None.'" in found
    assert "license is 'CC0'" in found


def test_words_of_another_version_are_not_compared_but_numbers_are(dataset):
    path = dataset / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "curator": "9.9"}), "utf-8")
    verdict = verify(str(dataset))
    assert verdict.holds
    skipped = [one.name for one in verdict.checks if one.state == "skipped"]
    assert skipped == [CARD_TEXT, "croissant.json describes the dataset as the manifest does"]
    (dataset / "README.md").write_text(
        (dataset / "README.md").read_text("utf-8").replace("num_examples: 105", "num_examples: 104"), "utf-8"
    )
    assert not verify(str(dataset)).holds


@pytest.mark.parametrize("name", ["secret.env", "notes/mine.txt", "data/notes.csv", "openai/extra.jsonl", ".hidden"])
def test_foreign_file_is_named_and_in_a_copy_of_a_repository_only_noted(dataset, name):
    (dataset / name).parent.mkdir(exist_ok=True)
    (dataset / name).write_text("KEY=1")
    found = failures(verify(str(dataset)))
    assert found.keys() == {"no file beside the dataset's own"}
    assert found["no file beside the dataset's own"].startswith(f"{name} is no file of the dataset")
    (dataset / ".gitattributes").write_text("*.parquet filter=lfs\n")
    verdict = verify(str(dataset))
    assert verdict.holds
    (warned,) = [one for one in verdict.checks if one.state == "warns"]
    assert warned.problems == [f"{name} is not curator's: nothing here speaks for it"]


def test_file_that_overrides_the_card_is_named_in_a_copy_of_a_repository_too(dataset):
    for name in (".huggingface.yaml", ".gitattributes"):
        (dataset / name).write_text("{}")
    found = failures(verify(str(dataset)))
    said = ".huggingface.yaml is not in manifest.json, and changes what is loaded"
    assert found == {"no data file that the manifest does not name": said}


def test_folder_in_a_run_with_a_foreign_file_fails_whatever_lies_beside_it(run):
    for name in ("secret.env", ".gitattributes"):
        (run / "dataset" / name).write_text("KEY=1")
    assert "secret.env" in failures(verify(str(run)))["no file beside the dataset's own"]


def test_counts_that_do_not_add_up_are_named(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["counts"]["fates"]["no_price"] += 1
    manifest["measured"]["splits"]["test"]["tokens"] += 1
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    found = failures(verify(str(dataset)))
    assert "the fates sum to 2,001" in found["rows add up: sources, fates, splits and files"]
    assert "measured.splits.test.tokens" in found["the manifest's measures are those of the rows"]


@pytest.mark.parametrize("name", ["data/test-00000-of-00001.parquet", "openai/train.jsonl"])
def test_memory_bytes_are_measured_again(dataset, name):
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["files"][name]["memory_bytes"] += 1
    path.write_text(json.dumps(manifest), "utf-8")
    found = failures(verify(str(dataset)))
    assert f"files.{name}.memory_bytes" in found["the manifest's measures are those of the rows"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda measured: measured.update(surplus=1),
        lambda measured: measured["splits"]["train"].pop("tokens"),
        lambda measured: measured["splits"].update(holdout=measured["splits"]["test"]),
        lambda measured: measured["categories"].update(in_all="3"),
        lambda measured: measured["splits"]["train"].update(rows=-1),
    ],
)
def test_measures_of_another_kind_are_no_manifest(dataset, edit):
    path = dataset / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    edit(manifest["measured"])
    path.write_text(json.dumps(manifest), "utf-8")
    assert "manifest.json: measured." in failures(verify(str(dataset)))["manifest.json can be read"]


def test_slot_over_its_cap_is_named(runs, tmp_path):
    dataset = shutil.copytree(runs / "course-v1/dataset", tmp_path / "dataset")
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["recipe"]["slots"]["cap"] = 4
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    found = failures(verify(str(dataset)))
    assert "has 5 rows, the cap is 4" in found["no slot below 240 USD is over its cap"]


def test_prompt_in_two_splits_is_named(dataset):
    """The whole row of train, in all its forms, in place of one of test."""
    for folder in ("data", "openai"):
        row = pl.read_parquet(dataset / f"{folder}/train-00000-of-00001.parquet")[5]
        change(
            dataset / f"{folder}/test-00000-of-00001.parquet",
            lambda table, row=row: pl.concat([table[:9], row, table[10:]]),
        )
    found = failures(verify(str(dataset)))
    assert found["no prompt lies in two splits"] == (
        "data/test-00000-of-00001.parquet row 9: an earlier split has the same prompt"
    )


@pytest.mark.parametrize("split", ["train", "test"])
def test_text_that_comes_twice_is_named_whatever_its_case_and_punctuation(dataset, split):
    """Row 5 of train in the place of row 9, in the same split and in another, shouted."""
    name = f"data/{split}-00000-of-00001.parquet"
    row = pl.read_parquet(dataset / "data/train-00000-of-00001.parquet")[5]
    text = row["prompt"][0].removeprefix(QUESTION).removesuffix("\n\nPrice is $")
    row = row.with_columns(prompt=pl.lit(f"{QUESTION}{text.upper().replace(' ', '  ')}!!\n\nPrice is $"))
    change(dataset / name, lambda table: pl.concat([table[:9], row, table[10:]]))
    found = failures(verify(str(dataset)))
    assert found["no text is published twice, case and punctuation ignored"] == (
        f"{name} row 9 has the text of data/train-00000-of-00001.parquet row 5"
    )
    assert "no prompt lies in two splits" not in found


@pytest.mark.parametrize("split", ["validation", "test"])
def test_near_copy_in_another_split_is_named(dataset, split):
    """A train row with another last word, in the place of row 9."""
    name = f"data/{split}-00000-of-00001.parquet"
    row = pl.read_parquet(dataset / "data/train-00000-of-00001.parquet")[5]
    text = row["prompt"][0].removesuffix("\n\nPrice is $").rsplit(" ", 1)[0]
    change(dataset / name, set_at("prompt", 9, f"{text} otherwise\n\nPrice is $"))
    for exhaustive in (False, True):
        found = failures(verify(str(dataset), exhaustive=exhaustive))
        assert found[NEAR].startswith(f"{name} row 9 and data/train-00000-of-00001.parquet row 5 have 0.9")
        assert found[NEAR].endswith(f"; 1 rows of {split} reach 0.5 with train")
        assert found[CERTIFICATE].startswith(f"{split} and train: manifest.json says 0.")
        # The index and brute force agree on what the files hold now.
        assert not [check for check in found if check.startswith("brute")]


@pytest.mark.parametrize("key, value", [("highest", 0.25), ("row", 10**6), ("other_row", None), ("reaching", 1)])
def test_certificate_that_the_files_do_not_give_is_named(dataset, key, value):
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    manifest["certificate"][1][key] = value
    (dataset / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert failures(verify(str(dataset)))[CERTIFICATE].startswith("test and train: manifest.json says")


def test_certificate_that_leaves_two_splits_out_is_named(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text("utf-8"))
    del manifest["certificate"][0]
    (dataset / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    expected = "validation and train: manifest.json says nothing, the rows give 0."
    assert failures(verify(str(dataset)))[CERTIFICATE].startswith(expected)


def test_brute_force_is_run_when_asked_for(runs, invoke):
    done = invoke("verify", runs / "pricer", "--exhaustive")
    assert done.exit_code == 0, done.output
    assert "holds    brute force over every two rows finds the same certificate" in done.output


def test_copies_are_not_asked_for_where_the_recipe_keeps_them(runs):
    assert not [one for one in verify(str(runs / "course-v1")).checks if "twice" in one.name]


def test_shared_rows_are_those_of_later_splits():
    measures = Measures()
    rows = pl.DataFrame({"prompt": ["a", "b", "c"], "tokens": 1, "price": 1.0, "slot": 1, "category": None})
    measures.add("train", rows[:2])
    measures.add("test", rows[1:])
    assert measures.shared_rows() == {"test": [0]}


# -- the run around the dataset


def test_ledger_that_disagrees_is_named(run):
    path = run / "ledger/part-00000.parquet"
    part = pl.read_parquet(path)
    row = part.with_row_index("at").filter(pl.col("fate") == "test")["at"][3]
    change(path, set_at("fate", row, "not_sampled"))
    found = failures(verify(str(run)))
    assert "ledger/part-00000.parquet" in found["every file of the run has the sha256 of its manifest"]
    assert "104 rows are test" in found["the ledger has every row once, and its fates are the dataset's"]
    assert f"row {row}: the ledger says None" in found["the selection agrees with the ledger and the published rows"]


def test_ledger_without_a_row_is_named(run):
    change(run / "ledger/part-00000.parquet", lambda table: table[1:])
    found = failures(verify(str(run)))
    ledger = found["the ledger has every row once, and its fates are the dataset's"]
    assert "does not hold rows 0 to 1999 once each" in ledger


@pytest.mark.parametrize(
    ("fate", "other", "said"),
    [
        ("exact_duplicate", "no_price", "the ledger says no_price, in the selection it is an item"),
        ("no_price", "exact_duplicate", "the ledger says exact_duplicate, in the selection it is no item"),
        ("exact_duplicate", "beyond_splits", "the ledger says beyond_splits, in the selection it is an item"),
    ],
)
def test_ledger_of_an_unpublished_row_that_the_selection_denies_is_named(run, fate, other, said):
    path = run / "ledger/part-00000.parquet"
    row = pl.read_parquet(path).with_row_index("at").filter(pl.col("fate") == fate)["at"][0]
    change(path, set_at("fate", row, other))
    found = failures(verify(str(run)))["the selection agrees with the ledger and the published rows"]
    assert found == f"shard 0 row {row}: {said}"


def test_selection_that_samples_another_row_is_named(run):
    path = run / "selection.parquet"
    row = pl.read_parquet(path).with_row_index("at").filter(~pl.col("sampled"))["at"][0]
    change(path, set_at("sampled", row, value=True))
    found = failures(verify(str(run)))["the selection agrees with the ledger and the published rows"]
    assert "in the selection it is an item of the sample" in found


def test_count_of_masked_prices_that_the_items_deny_is_named(run):
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps({**summary, "masked": 7}))
    forge(run, lambda manifest: manifest["counts"].update(masked=7))
    assert failures(verify(str(run)))[ITEMS] == "manifest.json: counts.masked is 7, items/ has 0 such rows"


ITEMS = "the published rows are the selected items"


@pytest.mark.parametrize(
    ("column", "value"),
    [("title", "Another"), ("title", None), ("category", "Toys"), ("tokens", 12), ("price", 3.25), ("prompt", "?")],
)
def test_run_forged_with_all_its_manifests_is_named(run, column, value):
    name = "data/validation-00000-of-00001.parquet"
    change(run / "dataset" / name, set_at(column, 6, value))
    forge(run)
    found = failures(verify(str(run)))
    assert f"{name} row 6: {column} not as in row " in found[ITEMS]
    if column in ("title", "category"):
        assert found.keys() == {ITEMS}  # nothing else knows


def test_two_rows_that_change_places_are_named(run):
    for folder in ("data", "text", "openai"):
        path = run / f"dataset/{folder}/test-00000-of-00001.parquet"
        change(path, lambda table: table[[1, 0, *range(2, table.height)]])
    path = run / "dataset/openai/test.jsonl"
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([second, first, *rest]))
    forge(run)
    found = failures(verify(str(run)))
    assert "data/test-00000-of-00001.parquet row 0: prompt" in found[ITEMS]


@pytest.mark.parametrize("take", [lambda table: table[1:], lambda table: pl.concat([table, table]), None])
def test_items_that_are_not_there_once_each_are_named(run, take):
    path = run / "items/part-00000.parquet"
    if take is None:
        path.unlink()
    else:
        change(path, take)
    assert "items/" in failures(verify(str(run)))[ITEMS]


@pytest.mark.parametrize(
    ("key", "value"), [("name", "demo:2000:43"), ("sha256", "0" * 64), ("rows", 2001), ("category", "Toys")]
)
def test_sources_that_the_run_did_not_read_are_named(run, key, value):
    forge(run, lambda manifest: manifest["sources"][0].update({key: value}))
    found = failures(verify(str(run)))
    assert f"dataset/manifest.json: sources.0.{key}" in found["the manifest's sources are those that the run read"]


def test_one_source_more_is_named(run):
    forge(run, lambda manifest: manifest["sources"].append({**manifest["sources"][0], "rows": 0}))
    found = failures(verify(str(run)))
    assert "sources.1" in found["the manifest's sources are those that the run read"]


def test_words_for_a_figure_that_the_summary_does_not_give_are_named(run):
    forge(run, lambda manifest: manifest["images"]["images/prices.png"].update(alt="All prices are fair."))
    found = failures(verify(str(run)))["summary and recipe agree with the dataset"]
    assert "'All prices are fair.'" in found


def test_selection_with_two_places_changed_is_named(run):
    path = run / "selection.parquet"
    rows = pl.read_parquet(path).with_row_index("at").filter(pl.col("split") == "train").sort("position")
    first, second = rows["at"][0], rows["at"][1]
    change(path, lambda table: set_at("position", first, 1)(set_at("position", second, 0)(table)))
    found = failures(verify(str(run)))["the selection agrees with the ledger and the published rows"]
    assert "data/train-00000-of-00001.parquet row 0 is not the item" in found


def test_summary_and_recipe_that_disagree_are_named(run):
    summary = json.loads((run / "summary.json").read_text())
    summary["splits"]["test"] = 7
    summary["settings"]["slots"]["cap"] = 7
    (run / "summary.json").write_text(json.dumps(summary))
    (run / "recipe.toml").write_text((run / "recipe.toml").read_text().replace("cap = 1200", "cap = 1201"))
    found = failures(verify(str(run)))["summary and recipe agree with the dataset"]
    assert "summary.json: splits.test is 7, dataset/manifest.json says 10" in found
    assert "summary.json: settings.slots.cap is 7, dataset/manifest.json says 1200" in found
    assert "recipe.toml" in found


def test_card_that_a_person_edited_is_a_warning(run):
    card = run / "dataset/README.md"
    card.write_text(card.read_text() + "\n## Mine\n")
    verdict = verify(str(run))
    assert verdict.holds
    assert states(verdict)["the card is as it was built"] == "warns"


# -- what can't be verified


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        b'{"format": 2}',
    ],
)
def test_manifest_that_is_none_fails(dataset, content):
    (dataset / "manifest.json").write_bytes(content)
    verdict = verify(str(dataset))
    assert failures(verdict).keys() == {"manifest.json can be read"}
    with pytest.raises(CheckError, match=r"manifest\.json"):
        verdict.raise_for_failures()


@pytest.mark.parametrize("name", ["../../secret", "/etc/hostname", "data/../../x.parquet", "data/train.parquet\n"])
def test_manifest_leads_nowhere_else(dataset, name):
    manifest = json.loads((dataset / "manifest.json").read_text())
    manifest["files"][name] = next(iter(manifest["files"].values()))
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    assert "is no file of a dataset" in failures(verify(str(dataset)))["manifest.json can be read"]


def test_places_that_are_nothing_of_ours(tmp_path, run, invoke):
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="neither a run"):
        verify(str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="is a file"):
        verify(str(run / "summary.json"))
    with pytest.raises(UsageError, match="no folder"):
        verify(str(tmp_path / "nowhere"))
    (run / "manifest.json").unlink()
    with pytest.raises(RunError, match="not finished"):
        verify(str(run))
    assert invoke("verify", "no-such-run").exit_code == 2


def test_exit_code_is_3_with_the_list(dataset, invoke):
    Path(dataset / "data/test-00000-of-00001.parquet").write_bytes(b"")
    result = invoke("verify", dataset)
    assert result.exit_code == 3
    assert "do not hold" in result.stderr
    assert "data/test-00000-of-00001.parquet has 0 bytes" in result.stderr
    told = json.loads(invoke("verify", dataset, "--json").stdout)
    assert told["holds"] is False


@pytest.mark.parametrize("part", ["measured", "images", "counts", "files", "recipe"])
@pytest.mark.parametrize("value", [{}, [1], None, "x"], ids=repr)
def test_a_damaged_manifest_is_named_and_ends_in_no_error(dataset, part, value):
    path = dataset / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), part: value}), "utf-8")
    try:
        verdict = verify_folder(dataset)
    except CuratorError:
        return
    assert failures(verdict)


def test_a_changed_figure_is_named(dataset):
    path = dataset / "images" / "prices.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert "images/prices.png" in "".join(failures(verify_folder(dataset)).values())


def test_half_a_character_in_a_chat_is_named(dataset):
    path = dataset / "openai" / "test.jsonl"
    path.write_bytes(path.read_bytes().replace(b"How", b"\\ud800", 1))
    assert "openai/test.jsonl line 1: it is not UTF-8" in "".join(failures(verify_folder(dataset)).values())


def test_a_recipe_that_no_longer_loads_is_a_check_that_fails(run):
    path = run / "recipe.toml"
    path.write_bytes(path.read_bytes().replace(b"style", b"styld", 1))
    assert failures(verify_folder(run))
