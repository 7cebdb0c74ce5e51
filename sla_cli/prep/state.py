"""An unfinished store: its lock, its spool, and in the spool the arguments that `sla prep --resume` takes up."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sla_cli.atomic import atomic_write
from sla_cli.errors import FormatError, SlaError

BEGUN = "begun.json"


@dataclass(frozen=True)
class Begun:
    """The arguments of a prep.

    Attributes:
        config: of PrepConfig.
        replaces: when the store was finished that is made again from its frames (`--force`), "" otherwise.
    """

    corpus: str
    source: str
    protocol: str
    config: dict[str, Any]
    on_error: str
    force: bool
    replaces: str = ""


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the store's lock: two processes at work on one store would take each other's files away."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("a")
    except OSError as error:
        raise SlaError(f"cannot write {out}: {error.strerror}", "Choose another folder with --work.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SlaError(
                f"another process is writing {out}", "Wait for it, or name another --work folder."
            ) from error
        yield


def spool_path(out: Path, recipe: str) -> Path:
    """Where clips of a recipe wait until the store is written."""
    return out / f".spool-{recipe}"


def begin(out: Path, recipe: str, begun: Begun) -> Path:
    """The spool to work in: with what an earlier attempt left there, unless its frames are to be read again.

    Raises:
        SlaError: an attempt of other settings is unfinished, and `begun.force` is off.
    """
    spool = spool_path(out, recipe)
    for other in out.glob(".spool-*"):
        if other == spool:
            continue
        if not begun.force:
            raise SlaError(
                f"{out} was begun with other settings and is not finished: {_differences(read_begun(other), begun)}",
                "`sla prep --resume` goes on with it, --force drops it.",
            )
        shutil.rmtree(other)
    if begun.replaces and (not (spool / BEGUN).is_file() or read_begun(spool).replaces != begun.replaces):
        shutil.rmtree(spool, ignore_errors=True)
    with atomic_write(spool / BEGUN) as temporary:
        temporary.write_text(json.dumps(asdict(begun), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return spool


def read_begun(spool: Path) -> Begun:
    """The arguments that a spool was begun with. Raises FormatError."""
    path = spool / BEGUN
    try:
        return Begun(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, TypeError) as error:
        raise FormatError(f"{path}: cannot be read ({error})", f"Remove the folder {spool}.") from error


def newest_begun(stores: Path) -> tuple[Path, Begun]:
    """The unfinished store that was worked on last, and how it was begun. Raises SlaError where there is none."""
    found = sorted(stores.glob(f"*/.spool-*/{BEGUN}"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise SlaError(
            f"no unfinished store in {stores}",
            "`sla prep CORPUS SOURCE` begins one, and tries again the clips that a finished one lacks.",
        )
    return found[-1].parents[1], read_begun(found[-1].parent)


def _differences(old: Begun, new: Begun) -> str:
    was, now = ({**asdict(begun), **begun.config} for begun in (old, new))
    shown = [key for key in now if key not in {"config", "force", "replaces", "on_error"}]
    changed = [key for key in shown if was.get(key) != now[key]]
    return "; ".join(f"{key} was {was.get(key)!r}, now {now[key]!r}" for key in changed)
