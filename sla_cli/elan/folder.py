"""The files in the folder of a recogniser, and whether a folder holds only such files, as sla wrote them."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from sla_cli.core.digest import digest_bytes
from sla_cli.elan.descriptor import BATCH, HELP, MADE, SHELL, descriptor_text
from sla_cli.elan.parameters import ElanRecognizer
from sla_cli.errors import SlaError, reading
from sla_cli.pages.template import template_of
from sla_cli.system.atomic import remove_leftovers
from sla_cli.system.regular_file import read_regular

SEAL = re.compile(rf"<!-- {MADE}(.*?) -->".encode())  # digests of all files, `NAME=DIGEST`, in the descriptor
HINT = "Move it to another place."


def files_of(recognizer: ElanRecognizer) -> dict[str, bytes]:
    """The files by name; last the descriptor, in which digests tell later whether somebody has edited one."""
    texts = {
        SHELL: _shell(recognizer.name),
        BATCH: _batch(recognizer.name),
        HELP: template_of("elan", "help").render(recognizer=recognizer),
        recognizer.descriptor: descriptor_text(recognizer),
    }
    files = {name: text.encode(errors="backslashreplace") for name, text in texts.items()}
    seal = "".join(f" {name}={_digest(data)}" for name, data in files.items())
    return files | {recognizer.descriptor: SEAL.sub(f"<!-- {MADE}{seal} -->".encode(), files[recognizer.descriptor])}


def check_own(folder: Path, recognizer: ElanRecognizer) -> None:
    """Raise SlaError for a link, and if there is something that `install` did not write or somebody has edited since.

    A file is as sla wrote it if the descriptor has its digest, or if the same would be written now. Only the descriptor
    depends on options, and it is written last: so what an interrupted installation left is known, too.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise SlaError(f"{folder} is not a folder from sla", HINT)
    with reading(folder):
        for name in (wanted := files_of(recognizer)):
            remove_leftovers(folder / name)
        there = {path.name: _content(path) for path in folder.iterdir()}
    found = SEAL.search(there.get(recognizer.descriptor) or b"")
    digests = set(found[1].decode(errors="replace").split()) if found else set()
    for name, data in sorted(there.items()):
        if name not in wanted or data is None:
            raise SlaError(f"{folder} holds {name}, which is not from sla", HINT)
        if data != wanted[name] and f"{name}={_digest(data)}" not in digests:
            raise SlaError(f"{folder} holds {name}, which is not from sla or was edited since", HINT)


def _content(path: Path) -> bytes | None:
    """None for a link and a folder. Raises OSError."""
    return None if path.is_symlink() or path.is_dir() else read_regular(path)


def _digest(data: bytes) -> str:
    """Of a file, for the descriptor without the digests in it."""
    return digest_bytes(SEAL.sub(b"", data))


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
        f'  echo error: this Python is gone: "{python}"',  # brackets in it would end the block
        "  echo hint: install sla again, then run: sla elan install",
        "  echo RESULT: FAILED.",
        "  exit /b 2",
        ")",
        "set PYTHONUTF8=1",
        f'"{python}" -P -m sla_cli elan {name}',
    )
    return "".join(f"{line}\r\n" for line in lines)
