"""What a fresh machine meets first: metadata, imports of the command, scripts that make the environment."""

import ast
import configparser
import importlib.metadata
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import curator

ROOT = Path(__file__).resolve().parents[1]
BASH = shutil.which("bash")
TOP_LEVEL = {
    *("curator", "scripts", "tests", "reports", ".ci", "setup.cfg", "pyproject.toml"),
    *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "MANIFEST.in", ".gitignore"),
}
IMPORT_NAMES = {"scikit-learn": "sklearn"}
# A stand-in for Python that installs nothing and writes down what pip was asked for.
FAKE_PYTHON = """#!/bin/sh
case "$*" in
    *version_info*) cat "$0.version" 2>/dev/null || echo "${FAKE_VERSION:-3.11.9}" ;;
    *hashlib*) cksum ;;
    "-m venv "*)
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
        echo "${FAKE_VERSION:-3.11.9}" >"$3/bin/python.version" ;;
    "-m pip install"*) echo "$*" >>"$PIP_CALLS"; echo "$FAKE_PIP_LOG" >&2; exit "${FAKE_PIP_STATUS:-0}" ;;
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
    assert config["options.entry_points"]["console_scripts"].split("=", 1)[1].strip() == "curator.cli:main"
    assert set(config["options.extras_require"]) >= {"llama", "evaluate", "ray", "test"}


def test_version_is_the_same_everywhere(config):
    assert config["metadata"]["version"] == curator.__version__
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
        assert re.match(r"[\w-]+>=\d", requirement), requirement


def test_every_library_that_is_imported_is_required(config):
    """A library that is there only because another one needs it can go away with that one's next release."""
    names = {re.split(r"[^\w-]", requirement)[0] for requirement in requirements(config)}
    required = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}
    imported = set()
    for path in (ROOT / "curator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).split(".")[0])
    assert imported - sys.stdlib_module_names - {"curator"} <= required


def test_data_files_are_packaged(config):
    """Each file in curator/ that is not Python is named by package_data, or else a wheel would lack it."""
    package = ROOT / "curator"
    packaged = {
        path for glob in config["options.package_data"]["curator"].split() for path in package.glob(glob)
    }
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


def test_help_imports_no_heavy_library():
    code = (
        "import sys\n"
        "from curator.cli import main\n"
        "sys.argv = ['curator', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "heavy = {'torch', 'transformers', 'datasets', 'matplotlib', 'openai'}\n"
        "imported = sorted(heavy & set(sys.modules))\n"
        "sys.exit(f'imported: {imported}' if imported else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "build" in done.stdout


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
    """What pip was asked to install, one entry a call, such as `.[test]`."""
    return [line.split()[-1] for line in (tmp_path / "calls").read_text(encoding="utf-8").splitlines()]


@needs_bash
@pytest.mark.parametrize("version", ["3.9.18", "2.7.18", "4.0.0"])
def test_wrong_python_is_named_with_what_to_do(ensure_env, tmp_path, version):
    done = ensure_env(FAKE_VERSION=version)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert f"python is {version}" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not (tmp_path / "venv").exists()


@needs_bash
def test_absent_python_is_named(ensure_env):
    done = ensure_env(PYTHON="/nowhere/python")
    assert done.returncode == 1
    assert "none of /nowhere/python is on the PATH" in done.stderr


@needs_bash
def test_environment_is_made_once_and_serves_fewer_extras(ensure_env, tmp_path):
    assert ensure_env("test").returncode == 0
    assert ensure_env("test").returncode == 0
    assert ensure_env().returncode == 0
    assert pip_calls(tmp_path) == [".[test]"]


@needs_bash
def test_further_extras_keep_the_ones_installed(ensure_env, tmp_path):
    for extras in ([], ["test"], ["evaluate"], []):
        assert ensure_env(*extras).returncode == 0
    assert pip_calls(tmp_path) == [".", ".[test]", ".[evaluate,test]"]


@needs_bash
def test_interrupted_environment_is_made_again(ensure_env, tmp_path):
    ensure_env("test")
    (tmp_path / "venv/.curator-stamp").unlink()
    half_written = tmp_path / "venv/lib"
    half_written.mkdir()
    assert ensure_env("test").returncode == 0
    assert not half_written.exists()
    assert pip_calls(tmp_path) == [".[test]", ".[test]"]


@needs_bash
def test_other_python_makes_the_environment_again(ensure_env, tmp_path):
    ensure_env()
    left = tmp_path / "venv/left"
    left.touch()
    assert ensure_env(FAKE_VERSION="3.12.1").returncode == 0
    assert not left.exists()


@needs_bash
def test_failed_addition_leaves_a_working_environment(ensure_env, tmp_path):
    """pip that failed before it changed anything: what was there goes on working without it."""
    ensure_env()
    done = ensure_env("test", FAKE_PIP_STATUS=1)
    assert done.returncode == 1
    assert "pip could not install curator" in done.stderr
    assert ensure_env(FAKE_PIP_STATUS=1).returncode == 0


@needs_bash
def test_broken_addition_is_made_again(ensure_env, tmp_path):
    """pip that failed after it began to change the environment: the next call starts afresh."""
    ensure_env()
    left = tmp_path / "venv/left"
    left.touch()
    done = ensure_env("test", FAKE_PIP_STATUS=1, FAKE_PIP_LOG="Installing collected packages: x")
    assert done.returncode == 1
    assert ensure_env().returncode == 0
    assert not left.exists()


@needs_bash
def test_disk_that_fills_up_during_the_installation_is_named(ensure_env):
    done = ensure_env(FAKE_PIP_STATUS=1, FAKE_PIP_LOG="ERROR: OSError: [Errno 28] No space left on device")
    assert done.returncode == 1
    assert "the disk filled up" in done.stderr


@needs_bash
def test_folder_made_by_others_is_left_alone(ensure_env, tmp_path):
    mine = tmp_path / "venv/mine.txt"
    mine.parent.mkdir()
    mine.touch()
    done = ensure_env()
    assert done.returncode == 1
    assert "was not made by this script" in done.stderr
    assert mine.exists()


@needs_bash
def test_full_disk_is_said_before_anything_is_installed(ensure_env, tmp_path):
    df = tmp_path / "bin/df"
    df.parent.mkdir()
    df.write_text(
        "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Capacity Mounted'\necho 'd 9 9 4096 99% /'\n"
    )
    df.chmod(0o755)
    done = ensure_env(PATH=f"{df.parent}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert "not enough disk space" in done.stderr
    assert "free: 4 MB" in done.stderr
    assert not (tmp_path / "calls").exists()


@needs_bash
def test_the_extra_llama_needs_more_disk(ensure_env, tmp_path):
    df = tmp_path / "bin/df"
    df.parent.mkdir()
    df.write_text("#!/bin/sh\necho 'Filesystem 1024-blocks Used Available'\necho 'd 9 9 3072000'\n")
    df.chmod(0o755)
    path = f"{df.parent}:{os.environ['PATH']}"
    assert "needed: 4500 MB" in ensure_env("llama", PATH=path).stderr
    assert ensure_env("test", PATH=path).returncode == 0


@needs_bash
def test_pip_is_held_to_the_constraints(ensure_env, tmp_path):
    """Each line of them is a release of something that setup.cfg requires."""
    assert ensure_env("test").returncode == 0
    constraints = ROOT / "scripts/constraints.txt"
    assert f"--constraint {constraints}" in (tmp_path / "calls").read_text(encoding="utf-8")
    lines = [line for line in constraints.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    required = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert lines
    for line in lines:
        assert f"    {line.split('==')[0]}>=" in required


@needs_bash
@pytest.mark.skipif(importlib.util.find_spec("ensurepip") is None, reason="this Python has no ensurepip")
def test_no_network_is_said_and_the_environment_is_not_taken_for_done(ensure_env, tmp_path):
    """The real pip, with a registry on a loopback port that nothing listens on."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: refuses, and no other process gets it
        done = ensure_env(
            PYTHON=sys.executable,
            PIP_CONFIG_FILE=os.devnull,
            PIP_INDEX_URL=f"http://127.0.0.1:{closed.getsockname()[1]}/simple",
            PIP_RETRIES=0,
        )
    log = tmp_path / "venv/pip.log"
    assert done.returncode == 1
    assert "could not reach a package registry" in done.stderr
    assert f"The whole log: {log}" in done.stderr
    assert log.stat().st_size > 0
    assert not (tmp_path / "venv/.curator-stamp").exists()


@pytest.mark.parametrize("script", ["scripts/run", "scripts/test", ".ci/run"])
def test_script_is_executable_and_stops_at_errors(script):
    path = ROOT / script
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")
