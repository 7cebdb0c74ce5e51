"""An unfinished store: its encoding cache, and the request with which `sla prep CORPUS --resume` continues it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sla_cli.artifact.json_file import read_json
from sla_cli.errors import FormatError, ReadError, SlaError
from sla_cli.prep.request import PrepRequest
from sla_cli.system.atomic import remove_folder, write_text

CACHE = re.compile(r"\.spool-[0-9a-f]+")
BEGUN = "begun.json"  # file in the folder of the cache

OnError = Literal["stop", "skip"]


@dataclass(frozen=True)
class Begun:
    """A prep that was begun.

    Attributes:
        on_error: whether a clip that cannot be read prevents writing the store, or is left out.
        force: whether an existing store is replaced.
    """

    request: PrepRequest
    on_error: OnError = "stop"
    force: bool = False


def cache_folder(out: Path, recipe: str) -> Path:
    """The folder of encoded clips of a recipe until the store is written."""
    return out / f".spool-{recipe}"


def begin(out: Path, begun: Begun) -> Path:
    """The folder of the cache, with the files of an earlier attempt.

    Raises:
        SlaError: an attempt with other settings is unfinished, and `begun.force` is off.
    """
    folder = cache_folder(out, begun.request.recipe)
    for other in out.glob(cache_folder(out, "*").name):
        if other == folder or not CACHE.fullmatch(other.name) or other.is_symlink() or not other.is_dir():
            continue
        if (other / BEGUN).is_file() and not begun.force:  # without it, a part was interrupted before it began
            _refuse_other(out, read_begun(other).request, begun.request)
        remove_folder(other)
    values = {**vars(begun), "request": begun.request.to_json()}
    write_text(folder / BEGUN, json.dumps(values, indent=1, ensure_ascii=False) + "\n")
    return folder


def _refuse_other(out: Path, begun: PrepRequest, now: PrepRequest) -> None:
    """Raise SlaError if an attempt with other settings would be discarded; frames of an older encoder are of no use."""
    was, new = (
        {"corpus": values["corpus"], **values["options"], **values["frames"]}
        for values in (begun.to_json(), now.to_json())
    )
    changed = [key for key in new if was.get(key) != new[key]]
    if changed:
        differences = "; ".join(f"{key} was {was.get(key)!r}, now {new[key]!r}" for key in changed)
        hint = "The same settings as before continue it; --force without --part discards it."
        raise SlaError(f"{out} is unfinished and was begun with other settings: {differences}", hint)


def read_begun(folder: Path) -> Begun:
    """The prep that a cache belongs to. Raises FormatError, or ReadError if that cannot be known now."""
    path, hint = folder / BEGUN, f"Remove the folder {folder}."
    try:
        values = read_json(path, hint, names=True)
        request = PrepRequest.from_json(values.pop("request"))
        begun = Begun(request, **values)
        if begun.on_error not in ("stop", "skip") or type(begun.force) is not bool:
            raise TypeError
        return begun
    except ReadError:  # what was encoded may be whole
        raise
    except SlaError as error:
        raise FormatError(f"{path}: cannot be read ({error.message})", hint) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(f"{path} does not hold what a prep was begun with", hint) from error


def newest_unfinished(stores: Path, corpus: str) -> tuple[Path, Begun]:
    """The most recent unfinished store of a corpus. Raises SlaError if there is none."""
    found = sorted(stores.glob(f"*/{cache_folder(stores, '*').name}/{BEGUN}"), key=lambda path: path.stat().st_mtime_ns)
    for path in reversed(found):
        begun = read_begun(path.parent)
        if begun.request.corpus.name == corpus:
            return path.parents[1], begun
    hint = f"`sla prep {corpus} SOURCE` begins one, and also tries again the clips that a finished store lacks."
    raise SlaError(f"no unfinished store of {corpus} in {stores}", hint)
