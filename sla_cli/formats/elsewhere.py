"""Where the newest hypotheses lie that were written outside the work folder: hypotheses/newest-elsewhere.json."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sla_cli.atomic import atomic_write
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.receipt import digest_file, read_receipt

NOTE = Path("hypotheses") / "newest-elsewhere.json"


@dataclass(frozen=True)
class Elsewhere:
    """Hypotheses outside the work folder's own.

    Attributes:
        path: the file; in newest-elsewhere.json relative to the work folder if it lies in or beside it.
        finished: when it was decoded: the text that stands in its receipt.
    """

    path: str
    finished: str

    def checked(self) -> Path:
        """Where the hypotheses lie. Raises SlaError where they are gone, or were changed since they were decoded."""
        path = Path(self.path)
        hint = "Name the hypotheses to score, or decode again with --force."
        if not path.is_file():
            raise SlaError(f"the newest hypotheses are gone: {path}", hint)
        receipt, digest = read_receipt(path), digest_file(path)
        if receipt is None or (receipt.finished, receipt.results.get("digest", digest)) != (self.finished, digest):
            raise SlaError(f"the newest hypotheses were changed since they were decoded: {path}", hint)
        return path


def note_elsewhere(work: Path, path: Path) -> None:
    """Remember that `path` holds the newest hypotheses; it has its receipt."""
    receipt, place, root = read_receipt(path), path.resolve(), work.resolve()
    assert receipt is not None
    told = os.path.relpath(place, root) if place.is_relative_to(root.parent) else str(place)
    with atomic_write(work / NOTE) as temporary:
        text = json.dumps(asdict(Elsewhere(told, receipt.finished)), indent=1, ensure_ascii=False)
        temporary.write_text(f"{text}\n", encoding="utf-8")


def newest_elsewhere(work: Path) -> Elsewhere | None:
    """What was remembered last, None if nothing was. Raises FormatError where it cannot be read."""
    try:
        note = Elsewhere(**json.loads((work / NOTE).read_text(encoding="utf-8")))
        place = (work.resolve() / note.path).resolve()
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise FormatError(f"{work / NOTE}: cannot be read ({error})", "Delete it.") from error
    here = Path.cwd()
    return replace(note, path=str(place.relative_to(here) if place.is_relative_to(here) else place))
