"""The dataset's card, Croissant file and Parquet: every number recomputed from the files, nothing broken by them."""

import hashlib
import io
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from curator.cli.commands import main
from curator.dataset import card, card_facts, croissant, rebuild_command
from curator.dataset.columns import CONFIGS
from curator.dataset.markdown import code, md
from curator.pipeline import build
from curator.publish import merge
from curator.recipe.load import load_recipe, parse_setting
from curator.run.ledger import REASONS
from curator.verify.verify import verify_folder

pytestmark = pytest.mark.figures

SECTIONS = [
    "summary",
    "use",
    "motivation",
    "composition",
    "collection",
    "processing",
    "splits",
    "checks",
    "limits",
    "people",
    "licence",
    "rebuild",
    "maintenance",
    "citation",
]
OF_OTHERS = ("processing", "composition", "collection", "rebuild")  # they hold the recipe's and the products' own words
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "a | b | c",
    "---\nlicense: mit\n---",
    "<!-- curator:end composition -->\n# Mine",
    "{{ 7 * 7 }} {% raw %}",
    "`code` *bold* [link](javascript:alert(3))",
    "key: [unclosed",
    "www.example.org Www.example.org",
    "moor \u202etnaignuf\u2066 \u200f\u061c",
]
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


CROISSANT = """
import json, os, sys
import mlcroissant

found = mlcroissant.Dataset(sys.argv[1])
counts = [sum(1 for _ in found.records(name)) for name in ("default", "text")]
print(json.dumps([sorted(found.metadata.ctx.issues.errors), counts]), flush=True)
# Its libraries' threads sometimes abort a process that ends in the usual way.
os._exit(0)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("card") / "run"
    build(["demo:2000"], load_recipe("pricer", {"slots.cap": 25}), path, workers=1)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, raw_row, write_rows):
    """A run of rows from a file whose categories and titles try to be markup, as does what the recipe says of them."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        raw_row(n, main_category=HOSTILE[n % len(HOSTILE)], title=HOSTILE[(n + 1) % len(HOSTILE)]) for n in range(200)
    ]
    source = write_rows(folder / "odd `name` | x.parquet", rows)
    stated = {
        "card.title": " ".join(HOSTILE),
        "card.source": " ".join(HOSTILE),
        "card.source_url": "https://a.example/(?&b",
    }
    recipe = load_recipe("course-v1", {"tokenizer": "o200k_base", "split.train": 100, "split.test": 20, **stated})
    build([str(source)], recipe, folder / "run", workers=1)
    return folder / "run"


@pytest.fixture(scope="module")
def fetched(hostile, tmp_path_factory):
    """The dataset of `hostile`, as if its rows had come from Amazon Reviews 2023 on the Hub."""
    dataset = shutil.copytree(hostile / "dataset", tmp_path_factory.mktemp("fetched") / "dataset")
    manifest = manifest_of(dataset)
    manifest["sources"][0] |= {
        "category": "Books",
        "repository": "McAuley-Lab/Amazon-Reviews-2023",
        "revision": "a" * 40,
    }
    for name, content in (("manifest.json", manifest), ("croissant.json", croissant.describe(manifest))):
        (dataset / name).write_text(json.dumps(content), "utf-8")
    (dataset / "README.md").write_text(card.render(manifest), "utf-8")
    return dataset


@pytest.fixture(scope="module")
def real(tmp_path_factory, shared_data):
    path = tmp_path_factory.mktemp("real") / "run"
    settings = {"slots.cap": 30, "split.train": 2_000, "split.validation": 200, "split.test": 200}
    build([str(shared_data / "amazon-2023-meta-dev.parquet")], load_recipe("pricer", settings), path, workers=1)
    return path


@pytest.fixture(params=["run", "hostile", "real"])
def dataset(request):
    return request.getfixturevalue(request.param) / "dataset"


def text_of(dataset):
    return (dataset / "README.md").read_text(encoding="utf-8")


def manifest_of(dataset):
    return json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))


def table(text, heading):
    """The cells of the first table below a heading, without its head."""
    lines = text.partition(f"## {heading}\n")[2].splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("| --- "))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return rows


def data(dataset, folder="data"):
    return {
        split: pl.read_parquet(sorted(dataset.glob(f"{folder}/{split}-*.parquet")), glob=False)
        for split in ("train", "validation", "test")
        if any(dataset.glob(f"{folder}/{split}-*.parquet"))
    }


# -- the YAML head


def test_yaml_passes_the_libraries_own_reading(dataset):
    from datasets import Features
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs

    found = DatasetCard(text_of(dataset))
    head = found.data.to_dict()
    configs = MetadataConfigs.from_dataset_card_data(found.data)
    assert list(configs) == ["default", "text", "openai"]
    assert configs.get_default_config_name() == "default"
    infos = DatasetInfosDict.from_dataset_card_data(found.data)
    for config, folder in ((name, one.folder) for name, one in CONFIGS.items()):
        rows = data(dataset, folder)
        info = infos[config]
        assert {name: split.num_examples for name, split in info.splits.items()} == {
            split: frame.height for split, frame in rows.items()
        }
        files = [path for path in (dataset / folder).iterdir() if path.suffix == ".parquet"]
        assert info.download_size == sum(path.stat().st_size for path in files)
        assert info.dataset_size == sum(split.num_bytes for split in info.splits.values())
        for path in files:
            assert Features.from_arrow_schema(pq.read_schema(path)) == info.features
        for split, one in info.splits.items():
            arrow = sum(pq.read_table(path).nbytes for path in (dataset / folder).glob(f"{split}-*.parquet"))
            # Arrow's offsets have one entry more than there are values, and a bitmap where there are nulls.
            assert one.num_bytes == pytest.approx(arrow, rel=0.002)
    total = sum(frame.height for frame in data(dataset).values())
    assert head["size_categories"] == [card._size_category(total)]
    assert head["task_categories"] == ["text-generation"]


# -- the text


def test_every_section_is_there_and_nothing_is_left_open(dataset):
    text = text_of(dataset)
    assert list(card.sections(text)) == SECTIONS
    for left in ("More Information Needed", "TODO", "{{", "{%", "None", "nan", "REPO", "[]", "undefined"):
        found = {name: section for name, section in card.sections(text).items() if name not in OF_OTHERS}
        assert not re.search(rf"(?<!\w){re.escape(left)}(?!\w)", "".join(found.values())), left
    assert str(dataset.parent) not in text
    assert "/tmp" not in text


def test_numbers_are_those_of_the_files(dataset):
    text, frames = text_of(dataset), data(dataset)
    summary = json.loads((dataset.parent / "summary.json").read_text())
    ledger = pl.read_parquet(sorted((dataset.parent / "ledger").glob("*.parquet")), glob=False)
    assert f"{sum(frame.height for frame in frames.values()):,} prompts" in text
    assert table(text, "What is in it") == [
        [
            split,
            f"{frame.height:,}",
            f"{frame['tokens'].sum():,}",
            f"{frame['tokens'].max():,}",
            f"{frame['price'].min():.2f}",
            str(frame["slot"].sort()[(frame.height - 1) // 2]),
            f"{frame['price'].max():.2f}",
            f"{frame['slot'].n_unique():,}",
        ]
        for split, frame in frames.items()
    ]
    left, steps = ledger.height, []
    for reason, sentence in REASONS.items():
        if count := (ledger["fate"] == reason).sum():
            left -= count
            steps.append([f"`{reason}`", f"-{count:,}", f"{left:,}", sentence])
    steps += [[f"**{split}**", f"{frame.height:,}", "", "Published."] for split, frame in frames.items()]
    assert table(text, "How it was made")[1:] == steps
    assert left == sum(frame.height for frame in frames.values())
    categories = pl.concat(frames.values())["category"].drop_nulls().value_counts()
    largest = sorted(categories.iter_rows(), key=lambda one: (-one[1], one[0]))[:20]
    for name, count in largest:
        assert f"| {md(name)} | {count:,} |" in text
    checks = {row[0]: row[1:] for row in table(text, "Checks")}
    promised = manifest_of(dataset)["promises"]
    assert list(checks) == [md(one["name"]) for one in summary["checks"] if one["id"] in promised]
    rows = "every row read has one fate, and the files hold the rows of the splits"
    assert checks[rows] == [f"{ledger.height:,} rows read", "yes"]
    for found, holds in checks.values():
        assert holds in ("yes", "–") or (holds == "no" and "the recipe keeps" in found)


def test_limits_say_what_was_counted_and_when(run, hostile):
    said = "more than {} characters of {}, counted before the cut to tokens"
    assert said.format(100, "cleaned text") in text_of(run / "dataset").replace("\n", " ")
    course = text_of(hostile / "dataset").replace("\n", " ")
    assert said.format(300, "description, features and details") in course


def test_flattening_is_said_with_its_count(run):
    left_out = json.loads((run / "summary.json").read_text())["fates"]["not_sampled"]
    assert f"which left {left_out:,} out" in text_of(run / "dataset")


def test_load_snippet_runs(run, tmp_path):
    (snippet,) = re.findall(r"```python\n(.*?)```", text_of(run / "dataset"), re.DOTALL)
    environment = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", snippet]
    done = subprocess.run(
        command, cwd=run, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == data(run / "dataset")["train"]["prompt"][0] + "\n"


def test_command_in_the_card_builds_the_same_bytes(run, tmp_path, tree):
    (command,) = re.findall(r"```bash\n(.*?)```", text_of(run / "dataset"), re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    assert words[:2] == ["curator", "build"]
    with redirect_stdout(io.StringIO()):
        main([*words[1:], "--out", str(tmp_path / "again"), "--workers", "1"], standalone_mode=False)
    assert tree(tmp_path / "again/dataset") == tree(run / "dataset")


def test_command_spells_any_value():
    recipe = load_recipe(
        "pricer",
        {
            "name": "mine",
            "prompt.answer": "It's: $",
            "slots.weights": {"Toys & Games": 2.5, "Books": 1.0},
            "text.detail_keys_dropped": ['"quoted"', "$HOME", "back`tick"],
            "split.held_out_share": 0.25,
            "openai.system": "true",
        },
    )
    manifest = {"sources": [{"kind": "demo", "name": "demo:9:9"}], "recipe": recipe.model_dump(mode="json")}
    words = shlex.split(rebuild_command.command(manifest).replace("\\\n", " "))
    settings = dict(parse_setting(word) for flag, word in itertools.pairwise(words) if flag == "--set")
    assert load_recipe("pricer", settings) == recipe


def test_sources_are_named_as_they_are_given():
    hub = {"repository": "McAuley-Lab/Amazon-Reviews-2023"}
    files = [{"name": f"raw_meta_Toys/{n}", "category": "Toys", **hub} for n in range(3)]
    assert rebuild_command.source_names([*files, {"name": "a b.jsonl", "category": None}]) == ["Toys", "a b.jsonl"]


# -- text that tries to be something else


def test_product_text_is_shown_and_does_nothing(hostile):
    text = text_of(hostile / "dataset")
    found = DatasetCard(text)
    assert found.data.license is None
    assert list(card.sections(text)) == SECTIONS
    outside_code = re.sub(r"(?ms)^```.*?^```$", "", found.text)
    for tag in ("<script", "<img", "](javascript"):
        assert tag not in outside_code
    assert "49" not in [row[0] for row in table(text, "What is in it")]
    rows = {row[0] for row in re.findall(r"(?m)^\| (.+?) \| [0-9,]+ \|$", text)}
    assert rows
    assert all(len(re.split(r"(?<!\\)\|", line)) == 4 for line in re.findall(r"(?m)^\| .*alert.*$", text))


@pytest.mark.parametrize("name", HOSTILE)
def test_escaped_text_holds_no_markup(name):
    escaped = md(name)
    assert "\n" not in escaped
    assert not re.search(r"[<>]|(?<!\\)[|*`\[\]]", escaped)
    assert not re.search(r"(?i)www\.", escaped)
    assert not TURNING.search(escaped + code(name))
    assert "\n" not in code(name)


@pytest.mark.parametrize("file", ["README.md", "croissant.json", "../report.html"])
def test_nothing_that_turns_text_around_is_left_raw(hostile, file):
    text = (hostile / "dataset" / file).read_text("utf-8")
    assert not TURNING.search(text)
    if file != "croissant.json":
        assert "u202etnaignuf" in text


def test_command_and_settings_with_text_that_turns_around_still_mean_the_same():
    weights = {"Toys \u202e": 2.0, "Books \x7f": 1.0}
    recipe = load_recipe("pricer", {"name": "mine", "slots.weights": weights, "openai.system": "a\u2066b"})
    manifest = {"sources": [{"kind": "demo", "name": "demo:9:9"}], "recipe": recipe.model_dump(mode="json")}
    command = rebuild_command.command(manifest)
    assert not TURNING.search(command)
    words = shlex.split(command.replace("\\\n", " "))
    settings = dict(parse_setting(word) for flag, word in itertools.pairwise(words) if flag == "--set")
    assert load_recipe("pricer", settings) == recipe


# -- merging


def test_merge_of_an_untouched_card_is_the_new_card(run, hostile):
    old, new = (manifest_of(path / "dataset") for path in (run, hostile))
    assert merge.merge(card.render(old, "me/x"), new, "me/x", old) == card.render(new, "me/x")
    assert merge.merge(card.render(new, "me/x"), new, "me/x", new) == card.render(new, "me/x")


def test_merge_keeps_what_a_person_changed_and_removed(run):
    manifest = manifest_of(run / "dataset")
    text = card.render(manifest, "me/x").replace("- e-commerce\n", "- mine\n").replace("language:\n- en\n", "")
    text = text.replace("<!-- curator:begin limits -->\n", "")
    text = text.replace("# Product prices, recipe pricer", "# Our own name")
    merged = merge.merge(text, manifest, "me/x", manifest)
    data = DatasetCard(merged).data
    assert "mine" in data.tags
    assert data.language is None
    assert "# Our own name\n" in merged
    # The section whose begin was lost is written again after its fellow; what lay there is now a person's.
    assert list(card.sections(merged)) == SECTIONS
    assert merged.count("## Limits") == 2


@pytest.mark.parametrize(
    "theirs", ["", "just text", "---\n---\n", "---\nlicense: mit\n---\n", "\ufeff---\r\na: 1\r\n---\r\nHi\r\n"]
)
def test_merge_takes_any_card(run, theirs):
    manifest = manifest_of(run / "dataset")
    merged = merge.merge(theirs, manifest, "me/x", None)
    assert list(card.sections(merged)) == SECTIONS
    assert merge.merge(merged, manifest, "me/x", manifest) == merged
    assert DatasetCard(merged).data.configs == card.metadata(manifest)["configs"]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("license: mit\n", "The head of this card names the licence `mit`."),
        ("license: other\nlicense_name: house-rules\n", "The head of this card names the licence `house-rules`."),
        ("license:\n- mit\n- cc-by-4.0\n", "The head of this card names the licence `mit, cc-by-4.0`."),
        ("", "The head of this card names no licence."),
    ],
)
def test_licence_of_a_person_stays_and_the_text_says_whose_it_is(fetched, tmp_path, head, said):
    """What curator knows of the source's licence must still be said."""
    manifest = manifest_of(fetched)
    before = card.render(manifest, "me/x")
    data = card.metadata(manifest)
    ours = f"license: other\nlicense_name: {data['license_name']}\nlicense_link: {data['license_link']}\n"
    assert ours in before
    merged = merge.merge(before.replace(ours, head), manifest, "me/x", manifest)
    assert merge.merge(merged, manifest, "me/x", manifest) == merged
    section = card.sections(merged)["licence"]
    assert said in section
    assert "grants no licence" not in section
    assert "Amazon Reviews 2023 states no licence" in section
    assert data["license_name"] not in merged.partition("\n---\n")[0]

    dataset = shutil.copytree(fetched, tmp_path / "dataset")
    for text in (merged, before.replace(ours, head), before):
        (dataset / "README.md").write_text(text, "utf-8")
        verdict = verify_folder(dataset)
        assert verdict.ok
        warned = "\n".join(line for one in verdict.checks if "licence" in one.name for line in one.problems)
        assert ("a person's word" in warned) == (text != before)
        assert ("speaks of another licence" in warned) == (text == before.replace(ours, head))
    (dataset / "README.md").write_text(merged.replace("Amazon Reviews 2023 states no licence", ""), "utf-8")
    assert not verify_folder(dataset).ok


def test_merge_refuses_yaml_that_is_none(run):
    with pytest.raises(merge.CardError, match="YAML"):
        merge.merge("---\na: [\n---\n", manifest_of(run / "dataset"), "me/x", None)


# -- Croissant and Parquet


def test_croissant_file_is_valid_and_has_the_digests(dataset, tmp_path):
    description = json.loads((dataset / "croissant.json").read_text(encoding="utf-8"))
    named = {one["@id"]: one["sha256"] for one in description["distribution"] if "sha256" in one}
    assert named == {
        name: hashlib.sha256((dataset / name).read_bytes()).hexdigest() for name in manifest_of(dataset)["files"]
    }
    sets = {one["@id"]: one["includes"] for one in description["distribution"] if "includes" in one}
    for config in ("default", "text"):
        files = {path for pattern in sets[f"files-of-{config}"] for path in dataset.glob(pattern)}
        assert files == set((dataset / CONFIGS[config].folder).iterdir())
    pytest.importorskip("mlcroissant")
    command = [sys.executable, "-c", CROISSANT, str(dataset / "croissant.json")]
    environment = os.environ | {"HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    errors, counts = json.loads(done.stdout)
    assert errors == []
    assert counts == [sum(frame.height for frame in data(dataset).values())] * 2


def test_parquet_is_as_the_hub_likes_it(dataset):
    files = sorted(dataset.rglob("*.parquet"))
    schemas = {}
    for path in files:
        metadata = pq.ParquetFile(path).metadata
        schemas.setdefault(path.parent.name, []).append(pq.read_schema(path))
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            assert group.total_byte_size < 100_000_000
            for column in range(group.num_columns):
                assert group.column(column).has_offset_index
    assert {folder: len({str(one) for one in found}) for folder, found in schemas.items()} == {
        "data": 1,
        "text": 1,
        "openai": 1,
    }


def test_long_rows_make_small_row_groups(tmp_path):
    from curator.dataset.write import _writing_parquet

    with _writing_parquet(tmp_path / "long.parquet", pa.schema([("text", pa.string())])) as write:
        write(pl.DataFrame({"text": ["x" * 100_000] * 3_000}))
    metadata = pq.ParquetFile(tmp_path / "long.parquet").metadata
    assert metadata.num_row_groups > 3
    assert Path(tmp_path / "long.parquet").stat().st_size < 10**8


def test_every_way_the_text_is_arranged_and_shortened_is_told(run):
    manifest = json.loads((run / "dataset" / "manifest.json").read_text("utf-8"))
    manifest["recipe"]["text"] |= {"prose_lines": 3, "prose_chars": 60}
    told = {
        "main_category": (False, "the item's own category stands before"),
        "detail_keys_first": ([], "keys come first: `Item Weight`"),
        "units": ("as_listed", "are written one way"),
        "prose_lines": (0, "the first 3 lines stay"),
        "prose_chars": (0, "or after 60 characters"),
    }
    said = "\n".join(card_facts.processing(manifest))
    for key, (off, words) in told.items():
        assert words in said
        text = {**manifest["recipe"]["text"], key: off}
        recipe = {**manifest["recipe"], "text": text}
        assert words not in "\n".join(card_facts.processing({**manifest, "recipe": recipe}))
