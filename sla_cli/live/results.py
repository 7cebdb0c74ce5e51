"""The file of what was signed, written again while it grows, so that a kill loses little."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from sla_cli.annotation.formats import annotation_text
from sla_cli.annotation.layout import DEFAULT
from sla_cli.artifact.receipt import digest_file
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.system.atomic import encoded, refuse_read_only, write_text
from sla_cli.transcribe.segments import Segment
from sla_cli.transcribe.transcript import PAGE, Transcript, kind_named, like_of, text_of
from sla_cli.work.output import check_output

OFTEN = 10.0  # seconds after which the glosses of an open segment that do not change any more are written too
SHARE = 20  # at most one part in so many of the time is spent on writing: a file of hours takes long


class _ChangedError(Exception):
    """Somebody has changed or made the file, or made it read-only."""


class Results:
    """Collects segments, and writes them.

    Args:
        path: its extension names the format, as for `Transcript.save`.
        name, made: as of `Transcript`.
        media: the video that the times are of; None if there is none.
        force: replace a file that exists.

    Raises:
        SlaError: now, for an unknown extension, a file that may not be replaced, or a name that it cannot hold.
    """

    def __init__(self, path: Path, name: str, media: Path | None, made: Mapping[str, str], *, force: bool) -> None:
        self._kind = kind_named(path)
        check_output(path, like_of(self._kind), replace=force)
        if self._kind != PAGE:
            annotation_text(self._kind, Annotation(name, None, 0.0, ()), DEFAULT, path.parent)
        self._path, self._name, self._media, self._made = path, name, media, made
        self._complete: list[Sentence] = []
        self._open: tuple[Sentence, ...] = ()  # of signs that do not change any more
        self._digest = digest_file(path) if path.exists() else ""  # of the file as it was written last, or found
        self._keep = self._kind != "eaf"  # a copy of what it replaces first
        self._written = self._cost = -math.inf  # when, and how many seconds it took

    def add(self, segment: Segment) -> None:
        """A segment that has changed. The file is written if it is complete, or that was some time ago."""
        rows = zip(segment.tokens, segment.timestamps, segment.ends, segment.confidences, strict=True)
        signs = tuple(Sign(*row) for row in rows)[: segment.fixed]
        self._open = (Sentence(signs),) if signs else ()
        if segment.is_final:
            self._complete += self._open
            self._open = ()
        begin = time.monotonic()
        if begin < self._written + max(SHARE * self._cost, 0.0 if segment.is_final else OFTEN):
            return
        try:
            self.write(segment.time)
        except SlaError as error:  # there may be room at the end
            log.warning("%s", error.message)
        self._written = time.monotonic()
        self._cost = self._written - begin

    def write(self, duration: float) -> None:
        """Write what does not change any more, and the duration in seconds. Raises SlaError as `Transcript.save`."""
        sentences = (*self._complete, *self._open)
        transcript = Transcript(self._name, self._media, duration, sentences, self._made)
        while True:
            text = text_of(self._kind, transcript, self._path)
            try:
                self._check_own()
                write_text(self._path, text, check=lambda _: self._check_own(), keep=self._keep)
                break
            except _ChangedError:
                self._go_on_elsewhere()
        self._digest, self._keep = digest_bytes(encoded(text)), False

    def _check_own(self) -> None:
        """Raise _ChangedError if the file is not as it was written last, or found at the start. None may be there."""
        if not os.path.lexists(self._path):
            return
        if not self._path.is_file() or digest_file(self._path) != self._digest:
            raise _ChangedError
        try:
            refuse_read_only(self._path)
        except SlaError as error:
            raise _ChangedError from error

    def _go_on_elsewhere(self) -> None:
        names = (self._path.with_stem(f"{self._path.stem}-{number}") for number in count(2))
        new = next(path for path in names if not os.path.lexists(path))
        log.warning("%s was changed or made meanwhile; all is written to %s", self._path, new.name)
        self._path, self._digest, self._keep = new, "", False
