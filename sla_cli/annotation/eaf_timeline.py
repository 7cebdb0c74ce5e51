"""The timeline of an ELAN file, which may begin within a recording: TIME_ORIGIN is the offset of its zero point.

ELAN plays an annotation at its time plus TIME_ORIGIN milliseconds of the recording.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from sla_cli.annotation.eaf_document import Document, Node
from sla_cli.annotation.timed import TimedSentence, TimedSign
from sla_cli.core.counted import counted
from sla_cli.log import log


def on_timeline(
    document: Document, sentences: Sequence[TimedSentence], media: Path | None
) -> tuple[TimedSentence, ...]:
    """Times of the recording as times of the file; what is before its zero point is left out, with a warning.

    Raises:
        FormatError: an offset that is not a whole number of milliseconds.
    """
    linked = document.header.named("MEDIA_DESCRIPTOR")
    found = [one for one in linked if media is not None and _names(one, media.name)]
    if linked and media is not None and not found:
        log.warning("%s has no link to %s: times are written as in the recording", document.name, media.name)
    origin = document.milliseconds(found[0], "TIME_ORIGIN") if found else 0
    if not origin:
        return tuple(sentences)
    moved = [tuple(_moved(sign, origin) for sign in sentence if sign.end > origin) for sentence in sentences]
    before = sum(sign.start < origin for sentence in sentences for sign in sentence)
    if before:
        log.warning(
            "%s begins %.3f s into %s: %s before that, shortened or left out",
            document.name, origin / 1000, media.name if media else "",
            counted(before, "sign begins", "signs begin"),
        )  # fmt: skip
    return tuple(sentence for sentence in moved if sentence)


def _moved(sign: TimedSign, origin: int) -> TimedSign:
    return replace(sign, start=max(sign.start - origin, 0), end=sign.end - origin)


def _names(descriptor: Node, name: str) -> bool:
    """Whether a link names this file; macOS stores letters with accents decomposed."""
    urls = [descriptor.attributes.get(key, "") for key in ("MEDIA_URL", "RELATIVE_MEDIA_URL")]
    names = {form.replace("\\", "/").rpartition("/")[2] for url in urls for form in (url, unquote(url))}
    return unicodedata.normalize("NFC", name) in {unicodedata.normalize("NFC", one) for one in names}
