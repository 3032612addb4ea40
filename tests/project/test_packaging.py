"""What a fresh machine meets first: metadata, imports of the command, scripts that make the environment."""

import ast
import configparser
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys

import pytest
from packaging.utils import canonicalize_name

import curator
from curator.system.version import VERSION
from repository import ROOT

BASH = shutil.which("bash")
TOP_LEVEL = {
    "curator",
    "docs",
    "scripts",
    "tests",
    "reports",
    ".ci",
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "MANIFEST.in",
    ".gitignore",
}
IMPORT_NAMES = {"scikit-learn": "sklearn", "backports.zstd": "backports"}
# A stand-in for Python that installs nothing and writes down what pip was asked for.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) echo "${FAKE_VERSION:-3.11.9}"; [ -z "$FAKE_TOO_OLD" ] ;;
    "-m venv --clear "*)
        rm -rf "$4" && mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && touch "$4/pyvenv.cfg"
        echo "${FAKE_VERSION:-3.11.9}" >"$4/bin/python.version" ;;
    "-m pip install"*) echo "$*" >>"$PIP_CALLS"; exit "${FAKE_PIP_STATUS:-0}" ;;
    *sys.version*) cat "$0.version" ;;
esac
"""

needs_bash = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@pytest.fixture(scope="module")
def config():
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def requirements(config):
    """Every requirement of setup.cfg, of the base and of the extras."""
    values = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    return [line for value in values for line in value.splitlines() if line]


# -- metadata


def test_setup_cfg_names_the_distribution_its_command_and_its_python(config):
    assert config["metadata"]["name"] == "price-curator"
    assert config["options"]["python_requires"] == ">=3.11"
    assert config["options.entry_points"]["console_scripts"].split("=", 1)[1].strip() == "curator.cli.commands:main"
    assert set(config["options.extras_require"]) >= {"llama", "evaluate", "ray", "test"}


def test_version_is_the_same_everywhere(config):
    assert config["metadata"]["version"] == "attr: curator.system.version.VERSION"
    assert curator.__version__ == VERSION
    assert f"## [{curator.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_installed_metadata_has_the_version_of_the_package():
    try:
        installed = importlib.metadata.version("price-curator")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("price-curator is not installed here")
    assert installed == curator.__version__


def test_every_requirement_says_why_it_is_there(config):
    """The line above a requirement is a comment, and there is no requirement that this test overlooks."""
    explained, section, key = [], "", ""
    lines = (ROOT / "setup.cfg").read_text(encoding="utf-8").splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        if line.startswith("["):
            section = line
        elif line and not line[0].isspace():
            key = line.split("=")[0].strip()
        elif not line or line.lstrip().startswith("#"):
            continue
        elif section == "[options.extras_require]" or (section == "[options]" and key == "install_requires"):
            assert re.match(r"\s+# \w", above), f"no reason is given for {line.strip()}"
            explained.append(line.strip())
    assert explained == requirements(config)
    assert len(explained) > 15


def test_requirements_are_bounded_below(config):
    for requirement in requirements(config):
        assert re.match(r"[\w.-]+>=\d", requirement), requirement


def test_every_library_that_is_imported_is_required(config):
    """A library that is there only because another one needs it can go away with that one's next release."""
    names = {re.split(r"[^\w.-]", requirement)[0] for requirement in requirements(config)}
    required = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}
    imported = set()
    for path in (ROOT / "curator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).split(".")[0])
    # The standard library has `compression` from Python 3.14 on.
    assert imported - sys.stdlib_module_names - {"curator", "compression"} <= required


def test_data_files_are_packaged(config):
    """Each file in curator/ that is not Python is named by package_data, or else a wheel would lack it."""
    package = ROOT / "curator"
    packaged = {path for glob in config["options.package_data"]["curator"].split() for path in package.glob(glob)}
    files = {
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".py" and path.parent.name != "__pycache__" and path.name[0] != "."
    }
    assert package / "py.typed" in packaged
    assert files == packaged


def test_top_level_holds_only_what_the_design_allows():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {path.split("/")[0] for path in listing.split("\0") if path} <= TOP_LEVEL


# -- the command


@pytest.mark.parametrize("command", ["", "evaluate "])
def test_help_imports_no_heavy_library(command):
    code = (
        "import sys\n"
        "from curator.cli.commands import main\n"
        f"sys.argv = 'curator {command}--help'.split()\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'matplotlib', 'openai', 'polars', 'numpy', 'pyarrow'}\n"
        "imported = sorted(heavy & set(sys.modules))\n"
        "sys.exit(f'imported: {imported}' if imported else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--help" in done.stdout


# -- the scripts


@pytest.fixture
def ensure_env(tmp_path):
    """Calls `ensure_env EXTRA...` of scripts/_env.sh with the fake Python and further variables."""
    fake = tmp_path / "python"
    fake.write_text(FAKE_PYTHON, encoding="utf-8")
    fake.chmod(0o755)

    def call(*extras, **settings):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHON": str(fake),
            "PIP_CALLS": str(tmp_path / "calls"),
            "CURATOR_VENV": str(tmp_path / "venv"),
        }
        code = 'set -euo pipefail; source "$0"; ensure_env "$@"'
        return subprocess.run(
            [BASH, "-c", code, ROOT / "scripts/_env.sh", *extras],
            env={**env, **{key: str(value) for key, value in settings.items()}},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def pip_calls(tmp_path):
    """What pip was asked to install, one entry a call, such as `[test]` after the checkout."""
    lines = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    return [line.split()[-1].removeprefix(str(ROOT)) for line in lines]


@needs_bash
def test_wrong_python_is_named_with_what_to_do(ensure_env, tmp_path):
    done = ensure_env(FAKE_VERSION="3.9.18", FAKE_TOO_OLD="yes")
    assert done.returncode == 1
    assert "is not Python 3.11 or newer: 3.9.18" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


@needs_bash
def test_absent_python_is_named(ensure_env):
    done = ensure_env(PYTHON="/nowhere/python")
    assert done.returncode == 1
    assert "/nowhere/python" in done.stderr


@needs_bash
def test_environment_is_made_once_for_each_choice_of_extras(ensure_env, tmp_path):
    for extras in (["test", "ray"], [], ["test", "ray"], []):
        assert ensure_env(*extras).returncode == 0
    assert pip_calls(tmp_path) == ["[test,ray]", ""]
    constraints = f"--constraint {ROOT / 'scripts/constraints.txt'}"
    assert (tmp_path / "calls").read_text(encoding="utf-8").count(constraints) == 2


@needs_bash
def test_failed_installation_is_not_taken_for_done(ensure_env, tmp_path):
    done = ensure_env(FAKE_PIP_STATUS=1)
    assert done.returncode == 1
    assert "pip could not install curator" in done.stderr
    assert ensure_env().returncode == 0
    assert len(pip_calls(tmp_path)) == 2


@needs_bash
def test_other_python_makes_the_environment_again(ensure_env, tmp_path):
    ensure_env()
    left = tmp_path / "venv/left"
    left.touch()
    assert ensure_env(FAKE_VERSION="3.12.1").returncode == 0
    assert not left.exists()


@needs_bash
def test_folder_made_by_others_is_left_alone(ensure_env, tmp_path):
    mine = tmp_path / "venv/mine.txt"
    mine.parent.mkdir()
    mine.touch()
    done = ensure_env()
    assert done.returncode == 1
    assert "is not a virtual environment" in done.stderr
    assert mine.exists()


def test_constraints_hold_every_requirement(config):
    """All that setup.cfg names was tested in one release, which its bounds allow."""
    lines = (ROOT / "scripts/constraints.txt").read_text(encoding="utf-8").splitlines()
    releases = dict(line.split("==") for line in lines if line[0] != "#")
    held = {canonicalize_name(name) for name in releases}
    for line in requirements(config):
        assert canonicalize_name(re.match(r"[\w.-]+", line)[0]) in held | {"setuptools"}, line


@pytest.mark.parametrize("script", ["scripts/run", "scripts/test", "scripts/acceptance", ".ci/run"])
def test_script_is_executable_and_stops_at_errors(script):
    path = ROOT / script
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")
