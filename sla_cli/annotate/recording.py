"""One recording: its video, and its ELAN file, which is the only state; nothing is kept here but a list for undo."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Lock

from msgspec import Struct

from sla_cli.annotate.content import Content, TierChanges, difference, read_content
from sla_cli.annotate.operations import Operation, Undo, operation_edits
from sla_cli.annotate.scope import Scope
from sla_cli.annotation.eaf import document_text
from sla_cli.annotation.eaf_change import reversed_edits
from sla_cli.annotation.eaf_document import Edit
from sla_cli.artifact.edit_file import edit_file
from sla_cli.artifact.text import read_bytes
from sla_cli.errors import FrameError, SlaError, some
from sla_cli.system.atomic import write_text
from sla_cli.system.garbage_collection import without_garbage_collection
from sla_cli.system.regular_file import open_regular
from sla_cli.video.decoder import open_video

USUAL_RATE = 25.0  # frames per second, if the video does not state it
NOTED = 3  # sentences in the note about a recording
Noted = tuple[float, float, str]  # start and end of a sentence, in seconds of the video, and why it is to be annotated
ABSENT = ""  # digest of a file that is not there yet


class ChangedError(SlaError):
    """The file is not the version that the page has seen."""


class Applied(Struct):
    """The answer to an operation.

    Attributes:
        digest: of the file as it is now.
        said: what was done, in a few words.
        changes: what changed, by tier.
        done: what the file says about being done.
        signer: who signs, as the file says.
    """

    digest: str
    said: str
    changes: dict[str, TierChanges]
    done: str
    signer: str


class Counts(Struct):
    """Figures of a file.

    Attributes:
        digest: of the file, "" if there is none.
        open, decided: numbers of suggestions.
        glosses: number of annotations on the tiers of glosses.
        done: whether the recording is done.
        origin: milliseconds of the video at which its timeline begins.
    """

    digest: str
    open: int
    decided: int
    glosses: int
    done: bool
    origin: int


@dataclass(frozen=True)
class _Undoable:
    """A version that an operation wrote, and the edits that give the one before it."""

    digest: str
    edits: list[Edit]
    said: str


@dataclass
class Recording:
    """A recording of the queue.

    Attributes:
        name: for people, unique in the queue.
        eaf: its ELAN file, which may not exist yet.
        sentences: what is to be done in it, () for all of it.
    """

    name: str
    video: Path
    eaf: Path
    scope: Scope
    sentences: Sequence[Noted] = ()
    _lock: Lock = field(default_factory=Lock)
    _undo: list[_Undoable] = field(default_factory=list)
    _counted: tuple[object, Counts] | None = None

    @cached_property
    def timing(self) -> tuple[float, float]:
        """Frames per second and seconds of the video, as its header states; 0 seconds if it does not."""
        try:
            with open_regular(self.video) as file, open_video(file, str(self.video), 0) as decoder:
                return decoder.rate or USUAL_RATE, decoder.duration
        except (FrameError, OSError):  # the page says that it cannot play it
            return USUAL_RATE, 0.0

    def content(self) -> Content:
        """The file as it is now. Raises SlaError if it cannot be read, FormatError if it is not an ELAN file."""
        return self._content(read_bytes(self.eaf) if self.eaf.exists() else None)

    def counts(self) -> Counts:
        """Figures of the file for the queue, read again if it was written. Raises SlaError as `content`."""
        try:
            facts = self.eaf.stat()
            version: object = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        except OSError:
            version = None
        if self._counted is None or self._counted[0] != version:
            self._counted = version, _count(self.content(), self.scope)
        return self._counted[1]

    def note(self, origin: int) -> str:
        """What is to be done in it, with times of its file's timeline; "" for all of it."""
        begin = origin / 1000
        return some([f"{start - begin:.3f} to {end - begin:.3f} s: {why}" for start, end, why in self.sentences], NOTED)

    def edit(self, digest: str, operation: Operation | Undo) -> Applied:
        """Apply an operation to the file, which is written as a whole.

        Args:
            digest: of the version that the page has seen.

        Raises:
            ChangedError: the file is another version; nothing was done.
            SlaError: the operation is refused, or the file cannot be read or written; it is unchanged.
        """
        with self._lock:
            applied: list[Applied] = []

            def change(data: bytes) -> bytes:
                after, answer = self._after(self._content(data), digest, operation)
                applied[:] = [answer]
                return after

            undo = list(self._undo)  # as it is again if nothing is written
            try:
                if digest == ABSENT and not self.eaf.exists():
                    return self._make(operation)
                edit_file(self.eaf, change)
            except BaseException:
                self._undo = undo
                raise
            return applied[0]

    def _after(self, before: Content, digest: str, operation: Operation | Undo) -> tuple[bytes, Applied]:
        """The bytes of the next version, which can be read again, and the answer."""
        if before.digest != digest:
            raise ChangedError(f"{self.eaf} was changed by another program or page")
        if isinstance(operation, Undo):
            edits, said = self._taken_back(before)
        else:
            edits, said = operation_edits(before, self.scope, operation)
        data = before.document.edited(edits)
        after = self._content(data)
        if not isinstance(operation, Undo):
            self._undo.append(_Undoable(after.digest, reversed_edits(before.document, edits), said))
        return data, Applied(after.digest, said, difference(before, after), after.done, after.signer)

    def _taken_back(self, now: Content) -> tuple[list[Edit], str]:
        if not self._undo:
            raise SlaError("there is nothing to undo", "Only what was done since `sla annotate` was started can be.")
        last = self._undo.pop()
        if last.digest != now.digest:
            raise SlaError("another program has changed the file since: nothing can be undone", "Correct it by hand.")
        return last.edits, f"undone: {last.said}"

    def _content(self, data: bytes | None) -> Content:
        if data is None:
            if not self.video.exists():  # a file that is made now would hide what a share holds that is only away
                raise SlaError(f"{self.video} is not there any more", "Bring it back, then go on.")
            found = _parsed(self._empty().encode(), self.eaf, self.video, self.scope)
            return replace(found, digest=ABSENT)
        return _parsed(data, self.eaf, self.video, self.scope)

    def _make(self, operation: Operation | Undo) -> Applied:
        """Write the file with its first operation, unless another program makes it just now."""
        data, applied = self._after(self._content(None), ABSENT, operation)

        def check(_: Path) -> None:
            if os.path.lexists(self.eaf):  # a link that leads nowhere, too
                raise ChangedError(f"{self.eaf} was made by another program")

        write_text(self.eaf, data.decode(), check=check)
        return applied

    def _empty(self) -> str:
        return document_text([], self.video, self.eaf.parent)


@lru_cache(maxsize=3)  # each operation reads what the one before it wrote
def _parsed(data: bytes, eaf: Path, video: Path, scope: Scope) -> Content:
    with without_garbage_collection():
        return read_content(data, eaf, video, scope)


def _count(content: Content, scope: Scope) -> Counts:
    suggestions = content.tiers.get(scope.suggestions, {})
    waiting = sum(not one.decision for one in suggestions.values())
    glosses = sum(len(content.tiers.get(tier, ())) for tier in scope.glosses)
    return Counts(content.digest, waiting, len(suggestions) - waiting, glosses, content.is_done, content.origin)
