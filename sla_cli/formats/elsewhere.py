"""Where the newest hypotheses lie that were written outside the work folder: hypotheses/newest-elsewhere.json.

It holds `path`, relative to the work folder if the file lies in or beside it, and `finished` as in the file's receipt.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from sla_cli.atomic import atomic_write
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.receipt import digest_file, read_receipt

NOTE = Path("hypotheses") / "newest-elsewhere.json"


def note_elsewhere(work: Path, path: Path, finished: str) -> None:
    """Remember that `path` holds the newest hypotheses."""
    place, root = path.resolve(), work.resolve()
    told = os.path.relpath(place, root) if place.is_relative_to(root.parent) else str(place)
    with atomic_write(work / NOTE) as temporary:
        temporary.write_text(json.dumps({"path": told, "finished": finished}) + "\n", encoding="utf-8")


def newest_elsewhere(work: Path) -> tuple[Path, str] | None:
    """Path and time of what was remembered last, None if nothing was. Raises FormatError where it cannot be read."""
    try:
        note = json.loads((work / NOTE).read_text(encoding="utf-8"))
        place, finished, here = (work.resolve() / note["path"]).resolve(), str(note["finished"]), Path.cwd()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{work / NOTE}: cannot be read ({error})", "Delete it.") from error
    return place.relative_to(here) if place.is_relative_to(here) else place, finished


def check_unchanged(path: Path, finished: str) -> None:
    """Raise SlaError where the newest hypotheses are gone, or were changed since they were decoded."""
    hint = "Name the hypotheses to score, or decode again with --force."
    if not path.is_file():
        raise SlaError(f"the newest hypotheses are gone: {path}", hint)
    receipt, digest = read_receipt(path), digest_file(path)
    if receipt is None or (receipt.finished, receipt.results.get("digest", digest)) != (finished, digest):
        raise SlaError(f"the newest hypotheses were changed since they were decoded: {path}", hint)
