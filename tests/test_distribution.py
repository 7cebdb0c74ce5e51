"""Distributions: a wheel with exactly the package's files, and a source archive that builds the same."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata

from sla_cli import __version__

ROOT = Path(__file__).parents[1]
NAME = f"sla_cslr-{__version__}"
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
BESIDE = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "MANIFEST.in"}
MADE = {"PKG-INFO", "setup.cfg"}  # by setuptools


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build with the setuptools of this environment, which needs no network."""
    command = [sys.executable, "-c", BUILD, f"build_{kind}", str(folder)]
    answer = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return folder / answer.stdout.splitlines()[-1]


def package_files() -> set[str]:
    files = (path for path in (ROOT / "sla_cli").rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in files if path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("setuptools", minversion="77", reason="the build backend is not installed")
    source = tmp_path_factory.mktemp("source") / "sla"
    strangers = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "sla-work", "sla-demo*")
    shutil.copytree(ROOT, source, ignore=strangers)
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Of the source archive, as pip makes it."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return ZipFile(build("wheel", folder / NAME, folder))


def test_the_source_archive_holds_the_package_and_what_builds_it(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {member.name.removeprefix(f"{NAME}/") for member in archive if member.isfile()}
    assert {name for name in names if not name.startswith("sla_cslr.egg-info/")} == package_files() | BESIDE | MADE


def test_the_wheel_holds_the_package_and_nothing_else(wheel: ZipFile) -> None:
    names = set(wheel.namelist())
    about = {f"{NAME}.dist-info/{file}" for file in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    about |= {f"{NAME}.dist-info/licenses/LICENSE", f"{NAME}.dist-info/top_level.txt"}
    assert names == package_files() | about
    templates = {name for name in names if name.endswith((".html.j2", ".css", ".js"))}
    assert len(templates) > 5
    for name in templates:
        assert wheel.read(name) == (ROOT / name).read_bytes()


def test_metadata(wheel: ZipFile) -> None:
    """`from_email` refuses what PyPI would."""
    found = Metadata.from_email(wheel.read(f"{NAME}.dist-info/METADATA"), validate=True)
    assert (found.name, str(found.version), found.license_expression) == ("sla-cslr", __version__, "Apache-2.0")
    assert found.license_files == ["LICENSE"]
    assert found.description_content_type == "text/markdown"
    assert found.description == (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(found.provides_extra or ()) == {"torch", "dask", "archives", "onnx", "web", "docs", "test", "dev"}
    versions = [name.rpartition(" ")[2] for name in found.classifiers or () if re.search(r":: 3\.\d+$", name)]
    assert found.requires_python is not None
    assert versions
    assert all(found.requires_python.contains(version) for version in versions)


def test_the_version_stands_in_one_place() -> None:
    sources = [*ROOT.glob("*.toml"), *ROOT.glob("*.cff"), *ROOT.glob("sla_cli/**/*.py")]
    stated = re.compile(rf"version[\W_]+{re.escape(__version__)}\b")
    holders = [path for path in sources if stated.search(path.read_text(encoding="utf-8"))]
    assert holders == [ROOT / "sla_cli" / "__init__.py"]
