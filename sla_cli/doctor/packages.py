"""Packages: their versions, whether they can be imported, and what is missing for which command."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from sla_cli.artifact.receipt import environment
from sla_cli.errors import ONNX, TORCH, WEB

OTHERS = ("scipy", "matplotlib", *TORCH[2:], *ONNX, *WEB, "torchvision", "distributed", "indexed_gzip")
# Modules of the packages that all or nearly all commands need.
BASE = ("numpy", "cv2", "av", "h5py", "scipy", "kenlm", "matplotlib", "jinja2", "rich", "typer", "tomli_w", "msgspec")


@dataclass(frozen=True)
class Feature:
    """A feature that needs packages which not every installation has.

    Attributes:
        commands: what a user types.
        modules: what it imports.
        get: how to get it.
    """

    commands: str
    modules: tuple[str, ...]
    get: str


@dataclass(frozen=True)
class Missing:
    """Packages that some commands lack.

    Attributes:
        commands: commands that need the packages
        packages: modules that are missing
        get: how to install them
    """

    commands: str
    packages: list[str]
    get: str


FEATURES = (
    Feature(
        "sla train, emit, transcribe, live, serve, export, publish, demo, annotate --run",
        TORCH,
        "pip install 'sla-cslr[torch]'",
    ),
    Feature("sla export --onnx; transcribe, live, serve --runtime onnx", ONNX, "pip install 'sla-cslr[onnx]'"),
    Feature("sla annotate, serve", WEB, "pip install 'sla-cslr[web]'"),
    Feature("sla prep --scheduler", ("dask", "distributed"), "pip install 'sla-cslr[dask]'"),
    Feature("sla prep of a .tar.gz", ("indexed_gzip",), "pip install 'sla-cslr[archives]'"),
    Feature("sla decode --engine pyctcdecode", ("pyctcdecode",), "Python 3.11 or 3.12; --engine prefix replaces it"),
)


def versions() -> dict[str, str]:
    """Name to version of sla, Python, the machine, and the packages that are installed; sla's git revision, if any."""
    found = dict(environment())
    for name in OTHERS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return {name: text for name, text in found.items() if text not in ("missing", "")}


def broken() -> Iterator[str]:
    """A sentence for each package that is required, or installed for a feature, and cannot be imported here.

    PyTorch is left out, and what needs it if it cannot be imported.
    """
    left_out = TORCH if why_not("torch") else TORCH[:1]
    optional = (name for feature in FEATURES for name in feature.modules)
    for module in (*BASE, *(name for name in optional if name not in left_out and find_spec(name) is not None)):
        if reason := why_not(module):
            yield f"{module} cannot be imported: {reason}"


def why_not(module: str) -> str:
    """Why a module cannot be imported, in one line; "" if it can."""
    try:
        import_module(module)
    except Exception as error:  # noqa: BLE001, a package that does not fit another raises anything
        return next(iter(str(error).splitlines()), "") or type(error).__name__
    return ""


def lacking() -> list[Missing]:
    """What is missing for features; complete features are left out."""
    found = [(feature, [name for name in feature.modules if find_spec(name) is None]) for feature in FEATURES]
    return [Missing(feature.commands, names, feature.get) for feature, names in found if names]
