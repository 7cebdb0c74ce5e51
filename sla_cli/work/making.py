"""What every stage does around its own work: refuse or take what is there, and write the receipt last.

    with making(path, receipt, force=force) as artifact:
        if artifact.there is not None:
            return read(path)
        content = compute()
        artifact.begin()
        write(path, content, check=artifact.check)
        artifact.results = {"clips": len(content)}

After an exception there is no receipt of what was begun, so the artifact counts as incomplete; a file that was not yet
replaced keeps its receipt. A folder that several processes may write is locked around it:
`with locked(folder, busy), making(folder, receipt, force=force) as artifact`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import (
    Receipt,
    already_made,
    digest_file,
    is_as_made,
    read_receipt,
    receipt_path,
    renew,
    unchanged_digest,
    write_receipt,
)
from sla_cli.errors import FormatError, ReadError, SlaError
from sla_cli.log import log
from sla_cli.system.atomic import Check, remove_leftovers, temporary_path
from sla_cli.system.file_identity import identity, unchanged
from sla_cli.work.output import check_output


@dataclass
class Making:
    """An artifact that may have to be made.

    Attributes:
        path: its file or folder.
        there: the receipt of the complete artifact of the same settings and inputs that is there, None if there is
            none. It has a new date, so that the next stage takes it as the newest, and the present sources.
        results: what the stage reports about what it made; the receipt is written at the end of the block if they are
            set.
        kind: of a file, as for `making`.
        replaces: whether a file of this kind is replaced that somebody has made since the block began.
        inputs: files that the block reads.
        written: digest of the file that the block wrote with `check`; "" until then.
    """

    path: Path
    there: Receipt | None
    results: dict[str, Any] | None = None
    kind: str = ""
    replaces: bool = True
    inputs: tuple[Path, ...] = ()
    written: str = field(init=False, default="")
    _keep: bool = field(init=False, default=False)
    _old: Receipt | None = field(init=False, default=None)
    _receipt: Path = field(init=False)  # where it was found
    _aside: Path | None = field(init=False, default=None)  # and where it is meanwhile
    _found: tuple[int, ...] | None = field(init=False)
    _made: tuple[int, ...] | None = field(init=False, default=None)  # by the block, with `check`
    _checks: list[Check] = field(init=False)

    def __post_init__(self) -> None:
        self._found = identity(self.path)
        self._checks = [unchanged(path) for path in self.inputs]

    def check(self, new: Path) -> bool:
        """Whether to keep a copy of the file that `new` replaces: it is not as its receipt says, or new.

        Raises SlaError for a file that somebody has made since the block began, and that must not be replaced. The same
        command, which runs twice at once, may have made it.
        """
        self.written, self._made = digest_file(new), identity(new)
        if not self._is_changed() or (self.path.is_file() and digest_file(self.path) == self.written):
            return self._keep
        check_output(self.path, self.kind, replace=self.replaces)
        return True

    def begin(self) -> None:
        """Take away the receipt of what will be replaced: call it before the first change.

        Raises SlaError as `check`, for a file of somebody that has the name of the receipt, or if an input was changed
        since the block began: the receipt names what it was.
        """
        for check in self._checks:
            check(self.path)
        if self._is_changed():
            check_output(self.path, self.kind, replace=self.replaces)
        if self.kind:
            read_receipt(self.path)
            self._keep = self.path.is_file() and not is_as_made(self.path)
            self._found = identity(self.path)
        with suppress(FormatError, ReadError):  # a damaged one of a folder is replaced
            self._old = read_receipt(self.path)
        self._receipt = receipt_path(self.path)
        self._aside = temporary_path(self._receipt)
        with suppress(FileNotFoundError):
            self._receipt.replace(self._aside)

    def check_made(self) -> None:
        """Raise SlaError if the file is no longer the one that the block wrote: the receipt would be of another one."""
        now = identity(Path(os.path.realpath(self.path)))
        if self._made is not None and now != self._made and (now is None or digest_file(self.path) != self.written):
            raise SlaError(
                f"{self.path} was replaced or removed by another program when this command had just written it",
                "Run this command again, with another output file if both are wanted.",
            )

    def end(self) -> None:
        """Put the receipt back that `begin` took away if what it is of is still there: the disk may be full."""
        if self._aside is None:
            return
        with suppress(OSError, SlaError):  # what the user must see is why the block failed
            if self._old is not None and not self._receipt.exists() and self._is_as_it_was(self._old):
                self._aside.replace(self._receipt)
        with suppress(OSError):  # the next command that writes the receipt removes it
            self._aside.unlink()

    def _is_as_it_was(self, old: Receipt) -> bool:
        """Whether the artifact is still what the removed receipt says."""
        if self.kind:
            return not self._is_changed()
        digests = old.results.get("digests", {})
        return bool(digests) and all(digest_file(self.path / name) == digest for name, digest in digests.items())

    def _is_changed(self) -> bool:
        return bool(self.kind) and identity(self.path) != self._found


@contextmanager
def making(
    path: Path,
    receipt: Receipt,
    *,
    force: bool,
    kind: str = "",
    keep: bool = False,
    inputs: Iterable[Path | None] = (),
    is_whole: Callable[[Receipt], bool] | None = None,
) -> Iterator[Making]:
    """An artifact, which the block makes unless it is there.

    Args:
        path: file or folder.
        receipt: its settings and inputs.
        force: make it again, whatever is there.
        kind: kind of a file, as for `check_output`; "" for a folder.
        keep: keep a file without a receipt: one whose name the user gave, without --force.
        inputs: files that the stage reads.
        is_whole: whether a folder with such a receipt is complete and unchanged.

    Raises:
        SlaError: the artifact was made with other settings or inputs and `force` is off (they are listed); or the file
            must not be written, or another program replaced it before its receipt was written.
        FormatError: the file that is there was changed since it was made.
    """
    if kind:
        check_output(path, kind, inputs=inputs, replace=True)
    old = already_made(path, receipt, force=force)
    if keep:
        check_output(path, kind, replace=old is not None)
    there = old if old is not None and _is_there(path, old, is_whole) else None
    if there is not None:
        there.sources = receipt.sources  # equal inputs, which may lie elsewhere now, or belong to a store that changed
        remove_leftovers(path)  # of a process that was killed just after the file had its name
        renew(there, path)
        log.info("%s is up to date", path)
    artifact = Making(path, there, kind=kind, replaces=not keep, inputs=tuple(filter(None, inputs)))
    try:
        yield artifact
        if artifact.results is not None:
            receipt.results = artifact.results
            artifact.check_made()
            write_receipt(receipt, path, artifact.written)
    finally:
        artifact.end()


def _is_there(path: Path, old: Receipt, is_whole: Callable[[Receipt], bool] | None) -> bool:
    if is_whole is not None:
        return is_whole(old)
    if path.is_file():
        unchanged_digest(path)
    return path.exists()
