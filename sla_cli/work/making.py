"""What every stage does around its own work: refuse or take what is there, and write the receipt last.

    with making(path, receipt, force=force) as artifact:
        if artifact.there is not None:
            return read(path)
        content = compute()
        artifact.begin()
        write(path, content)
        artifact.results = {"clips": len(content)}

After an exception there is no receipt of what was begun, so the artifact counts as incomplete. A folder that several
processes may write is locked around it: `with locked(folder, busy), making(folder, receipt, force=force) as artifact`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import Receipt, already_made, receipt_path, renew, unchanged_digest, write_receipt
from sla_cli.log import log
from sla_cli.work.output import check_output


@dataclass
class Making:
    """An artifact that may have to be made.

    Attributes:
        path: its file or folder.
        there: the receipt of the complete artifact of the same settings and inputs that is there, None if there is
            none. It has a new date, so that the next stage takes it as the newest.
        results: what the stage reports about what it made; the receipt is written at the end of the block if they are
            set.
    """

    path: Path
    there: Receipt | None
    results: dict[str, Any] | None = None

    def begin(self) -> None:
        """Remove the receipt of what will be replaced: call it before the first change."""
        receipt_path(self.path).unlink(missing_ok=True)


@contextmanager
def making(
    path: Path,
    receipt: Receipt,
    *,
    force: bool,
    kind: str = "",
    named: bool = False,
    inputs: Iterable[Path | None] = (),
    is_whole: Callable[[Receipt], bool] | None = None,
) -> Iterator[Making]:
    """An artifact, which the block makes unless it is there.

    Args:
        path: file or folder.
        receipt: its settings and inputs.
        force: make it again, whatever is there.
        kind: kind of a file, as for `check_output`; "" for a folder.
        named: whether the user named the file: one without a receipt is then kept, unless `force` is on.
        inputs: files that the stage reads.
        is_whole: whether a folder with such a receipt is complete and unchanged.

    Raises:
        SlaError: the artifact was made with other settings or inputs and `force` is off (they are listed); or the file
            must not be written.
        FormatError: the file that is there was changed since it was made.
    """
    if kind:
        check_output(path, kind, inputs=inputs, replace=True)
    old = already_made(path, receipt, force=force)
    if named:
        check_output(path, kind, replace=force or old is not None)
    there = old if old is not None and _is_there(path, old, is_whole) else None
    if there is not None:
        renew(there, path)
        log.info("%s is up to date", path)
    artifact = Making(path, there)
    yield artifact
    if artifact.results is not None:
        receipt.results = artifact.results
        write_receipt(receipt, path)


def _is_there(path: Path, old: Receipt, is_whole: Callable[[Receipt], bool] | None) -> bool:
    if is_whole is not None:
        return is_whole(old)
    if path.is_file():
        unchanged_digest(path)
    return path.exists()
