"""How every file is written: under a temporary name, which becomes its own at the end. And one writer at a time."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from msgspec import to_builtins

from sla_cli.errors import SlaError


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a new path; at the end the file (or folder) there gets the name `path`. After an error it is removed."""
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=f".{path.name[:50]}.", suffix=".partial", dir=path.parent))
    try:
        yield hidden / path.name
        if path.is_dir():
            shutil.rmtree(path)
        (hidden / path.name).replace(path)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8, lines ended by a line feed."""
    with writing(path) as new:
        new.write_bytes(text.encode("utf-8", "surrogateescape"))


def write_json(path: Path, value: object) -> None:
    """Write a value, also of dataclasses and Structs."""
    plain = to_builtins(value, enc_hook=str)
    write_text(path, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")


def write_tsv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]], head: str = "") -> None:
    """Write a tab-separated table without quoting, after the lines of `head`."""
    write_text(path, head + "".join("\t".join(map(str, row)) + "\n" for row in (columns, *rows)))


def refuse_existing(path: Path | None, force: bool = False) -> None:
    """Raise SlaError for an output that exists, unless it is to be replaced; for a folder unless it is empty."""
    if path is None or force or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    raise SlaError(f"{path} exists", "Use --force to replace it, or give another name.")


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a folder, which is created. Raises SlaError if another process does and `wait` is off."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=-1 if wait else 0):
            yield
    except Timeout as error:
        raise SlaError(f"another process is writing {folder}", "Wait for it, or name another folder.") from error


def edit_file(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file by what `change` makes of its content; processes that use this take turns."""
    with FileLock(path.with_name(f".{path.name}.lock")):
        changed = change(path.read_bytes())
        with writing(path) as new:
            new.write_bytes(changed)
            shutil.copymode(path, new)
