"""Writes the folders that ELAN loads as recognisers, and removes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sla_cli.elan.folder import check_own, files_of
from sla_cli.elan.parameters import RECOGNIZERS, ElanRecognizer
from sla_cli.errors import CONTROL, SlaError, some
from sla_cli.system.atomic import atomic_write
from sla_cli.work.output import check_folder

# Where ELAN 6 and 7 have the folder: below the home folder, or a place of the system.
PLACES = {
    "linux": ("~/ELAN*/app", "~/ELAN*/lib/app", "/opt/[Ee][Ll][Aa][Nn]*/app", "/opt/[Ee][Ll][Aa][Nn]*/lib/app"),
    "darwin": ("/Applications/ELAN*.app/Contents/app", "~/Applications/ELAN*.app/Contents/app"),
    "win32": ("~/AppData/Local/ELAN*/app", "C:/Program Files/ELAN*/app"),
}
HINT = "It is ELAN's folder app/extensions: name it with --extensions."


def find_extensions() -> Path:
    """The folder of extensions of the ELAN that is installed here. Raises SlaError unless there is exactly one."""
    found = sorted({place for pattern in PLACES.get(sys.platform, ()) for place in _places(pattern)})
    if len(found) != 1:
        several = f"ELAN is installed several times: {some(map(str, found))}"
        raise SlaError(several if found else "no ELAN was found", HINT)
    return found[0]


def _places(pattern: str) -> Iterator[Path]:
    inside = pattern.removeprefix("~/")
    root = Path(Path(pattern).anchor) if inside == pattern else Path.home()  # whose name may have brackets
    yield from (app / "extensions" for app in root.glob(inside.removeprefix(root.as_posix())) if app.is_dir())


def install(extensions: Path, defaults: Mapping[str, str]) -> list[Path]:
    """Write both recognisers, or replace them by those of this environment.

    Args:
        extensions: ELAN's folder app/extensions.
        defaults: of parameters, by their names.

    Returns:
        The two folders.

    Raises:
        SlaError: no such folder, that of an artifact of sla, or one of this name in it that is not from sla, or was
            edited.
    """
    _check_there(extensions)
    check_folder(extensions)
    recognizers = [_with_defaults(one, defaults) for one in RECOGNIZERS]
    for one in recognizers:
        check_own(extensions / one.folder, one)
    return [_write(extensions / one.folder, one) for one in recognizers]


def uninstall(extensions: Path) -> list[Path]:
    """Remove both recognisers, and return the folders that were there.

    Raises:
        SlaError: no such folder, or one of them holds something that is not from sla, or was edited; then nothing is
            removed.
    """
    _check_there(extensions)
    for one in RECOGNIZERS:
        check_own(extensions / one.folder, one)
    there = [folder for one in RECOGNIZERS if (folder := extensions / one.folder).exists()]
    for folder in there:
        for path in list(folder.iterdir()):
            path.unlink()
        folder.rmdir()
    return there


def _check_there(extensions: Path) -> None:
    if not extensions.is_dir():
        raise SlaError(f"no such folder: {extensions}", HINT)


def _with_defaults(recognizer: ElanRecognizer, defaults: Mapping[str, str]) -> ElanRecognizer:
    for name, text in defaults.items():
        if CONTROL.search(text):
            raise SlaError(f"{name}: {text!r} has a character that ELAN's files cannot hold", "Rename it.")
    parameters = (
        one.with_default(defaults[one.name]) if one.name in defaults else one for one in recognizer.parameters
    )
    return replace(recognizer, parameters=tuple(parameters))


def _write(folder: Path, recognizer: ElanRecognizer) -> Path:
    """The descriptor comes last, since ELAN loads a folder that has one."""
    folder.mkdir(exist_ok=True)
    for name, data in files_of(recognizer).items():
        with atomic_write(folder / name) as temporary:
            temporary.write_bytes(data)
    return folder
