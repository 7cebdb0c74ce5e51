"""Writes the folders that ELAN loads as recognisers, and removes them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sla_cli.elan.descriptor import BATCH, HELP, MADE, SHELL, descriptor_text
from sla_cli.elan.parameters import RECOGNIZERS, ElanRecognizer
from sla_cli.errors import SlaError, some
from sla_cli.pages.template import template_of
from sla_cli.system.atomic import write_text

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
    whole = Path(pattern).expanduser()
    root = Path(whole.anchor)
    yield from (app / "extensions" for app in root.glob(str(whole.relative_to(root))) if app.is_dir())


def install(extensions: Path, defaults: Mapping[str, str]) -> list[Path]:
    """Write both recognisers, or replace them by those of this environment.

    Args:
        extensions: ELAN's folder app/extensions.
        defaults: of parameters, by their names.

    Returns:
        The two folders.

    Raises:
        SlaError: no such folder, or one of this name in it that is not from sla.
    """
    if not extensions.is_dir():
        raise SlaError(f"no such folder: {extensions}", HINT)
    for one in RECOGNIZERS:
        check_own(extensions / one.folder, one)
    return [_write(extensions / one.folder, _with_defaults(one, defaults)) for one in RECOGNIZERS]


def uninstall(extensions: Path) -> list[Path]:
    """Remove both recognisers, and return the folders that were there.

    Raises:
        SlaError: one of them holds something that is not from sla; then nothing is removed.
    """
    there = [(extensions / one.folder, one) for one in RECOGNIZERS if (extensions / one.folder).exists()]
    for folder, one in there:
        check_own(folder, one)
    for folder, one in there:
        for name in (one.descriptor, SHELL, BATCH, HELP):
            (folder / name).unlink(missing_ok=True)
        folder.rmdir()
    return [folder for folder, _ in there]


def check_own(folder: Path, recognizer: ElanRecognizer) -> None:
    """Raise SlaError if there is something that `install` did not write."""
    if not folder.exists():
        return
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {folder.name}
    others = names - {recognizer.descriptor, SHELL, BATCH, HELP}
    descriptor = folder / recognizer.descriptor
    if others or (descriptor.exists() and MADE not in descriptor.read_text(encoding="utf-8", errors="replace")):
        raise SlaError(f"{folder} holds {min(others or names)}, which is not from sla", "Move it to another place.")


def _with_defaults(recognizer: ElanRecognizer, defaults: Mapping[str, str]) -> ElanRecognizer:
    parameters = (
        one.with_default(defaults[one.name]) if one.name in defaults else one for one in recognizer.parameters
    )
    return replace(recognizer, parameters=tuple(parameters))


def _write(folder: Path, recognizer: ElanRecognizer) -> Path:
    """The descriptor comes last, since ELAN loads a folder that has one."""
    folder.mkdir(exist_ok=True)
    write_text(folder / SHELL, _shell(recognizer.name))
    write_text(folder / BATCH, _batch(recognizer.name))
    write_text(folder / HELP, template_of("elan", "help").render(recognizer=recognizer))
    write_text(folder / recognizer.descriptor, descriptor_text(recognizer))
    return folder


def _shell(name: str) -> str:
    """ELAN may start it without a locale: Python shall write UTF-8 all the same."""
    python = shlex.quote(sys.executable)
    return f"""#!/bin/sh
# ELAN starts this file, and reads what it prints.
if [ ! -x {python} ]; then
  echo "error: this Python is gone:" {python}
  echo "hint: install sla again, then run: sla elan install"
  echo "RESULT: FAILED."
  exit 2
fi
PYTHONUTF8=1 exec {python} -P -m sla_cli elan {name}
"""


def _batch(name: str) -> str:
    python = sys.executable.replace("%", "%%")
    lines = (
        "@echo off",
        "chcp 65001 >nul",
        f'if not exist "{python}" (',
        f"  echo error: this Python is gone: {python}",
        "  echo hint: install sla again, then run: sla elan install",
        "  echo RESULT: FAILED.",
        "  exit /b 2",
        ")",
        "set PYTHONUTF8=1",
        f'"{python}" -P -m sla_cli elan {name}',
    )
    return "".join(f"{line}\r\n" for line in lines)
