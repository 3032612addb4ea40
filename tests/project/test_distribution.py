"""The wheel and the source distribution: what they hold, and that the wheel alone builds the demo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import curator
from repository import ROOT

NAME = f"price_curator-{curator.__version__}"
# What a source distribution is made from; nothing else of the checkout can get in.
SOURCES = ("curator", "tests", "scripts", ".ci", "reports")
FILES = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md")

pytest.importorskip("setuptools", minversion="77", reason="setuptools is not installed")


def make(folder: Path, what: str, into: Path) -> Path:
    """Build a distribution by the hook that pip and `build` call, and return it."""
    code = f"from setuptools.build_meta import {what}; import sys; print({what}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code, str(into)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return into / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of a fresh checkout, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    checkout = folder / "checkout"
    for name in SOURCES:
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
        if (ROOT / name).is_dir():  # A source distribution has no reports.
            shutil.copytree(ROOT / name, checkout / name, ignore=ignored)
    for name in FILES:
        shutil.copy(ROOT / name, checkout / name)
    packed = make(checkout, "build_sdist", folder)
    assert packed.name == f"{NAME}.tar.gz"
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / NAME


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source distribution, as `python -m build` does."""
    folder = tmp_path_factory.mktemp("wheel")
    made = make(shutil.copytree(sdist, folder / NAME), "build_wheel", folder)
    assert made.name == f"{NAME}-py3-none-any.whl"
    return made


def files(folder: Path) -> set[str]:
    """Every file of the checkout below a folder but caches."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in paths}


def test_source_distribution_holds_package_tests_and_scripts(sdist: Path) -> None:
    held = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    made = {name for name in held if name == "PKG-INFO" or name.startswith("price_curator.egg-info/")}
    wanted = set().union(*(files(ROOT / name) for name in SOURCES[:4])) | set(FILES)
    assert held - made == wanted
    assert "reports" not in {name.split("/")[0] for name in held}


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        about = archive.read(f"{NAME}.dist-info/METADATA").decode()
        commands = archive.read(f"{NAME}.dist-info/entry_points.txt").decode()
    package = {name for name in held if name.startswith("curator/")}
    assert package == files(ROOT / "curator")
    assert {"curator/py.typed", "curator/recipe/pricer.toml", "curator/pages/style.css"} <= package
    assert {name.split("/", 1)[0] for name in held - package} == {f"{NAME}.dist-info"}
    assert f"{NAME}.dist-info/licenses/LICENSE" in held
    assert "License-Expression: Apache-2.0" in about
    assert "Provides-Extra: llama" in about
    assert "\n# curator\n" in about
    assert "curator = curator.cli.commands:main" in commands


@pytest.mark.acceptance
def test_the_wheel_builds_the_demo_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Its dependencies are those of this environment; curator itself is there as the wheel and nothing else."""
    home = tmp_path / "environment"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    asked = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    done = subprocess.run([*asked, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (packages,) = home.glob("lib/python*/site-packages")
    # As lines of a .pth file these folders come after the environment's own, and their own .pth files are not read.
    here = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "dependencies.pth").write_text("\n".join(here), "utf-8")

    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)}

    def call(*command: str) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    place = call(str(python), "-c", "import curator; print(curator.__file__)").strip()
    assert Path(place).is_relative_to(packages)
    command = str(home / "bin" / "curator")
    assert call(command, "--version").split() == ["curator,", "version", curator.__version__]
    summary = json.loads(call(command, "build", "demo:2000", "--out", "run", "--workers", "1", "--json"))
    assert summary["rows_in"] == 2000 == sum(summary["fates"].values())
    assert call(command, "report", "run", "--out", "page.html")
    assert "<svg" in (tmp_path / "page.html").read_text("utf-8")
    assert (tmp_path / "run" / "dataset" / "README.md").read_text("utf-8").startswith("---\n")
