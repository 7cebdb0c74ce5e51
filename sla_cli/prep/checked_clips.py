"""Refuses clips that a store cannot hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sla_cli.core.clip import Clip
from sla_cli.errors import SlaError

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # HDF5 or sla's tables cannot hold these
LONGEST_ID = 255  # the limit of a file name, as pictures and parts may be named by it


def check_clips(clips: Sequence[Clip]) -> None:
    """Raise SlaError for an id that a store cannot hold, one that two clips have, control characters, or a recording
    with two frame rates."""
    seen: dict[str, Clip] = {}
    of_recording: dict[tuple[Path, str], Clip] = {}
    for clip in clips:
        if reason := _fault(clip):
            raise SlaError(f"{clip.where}: {reason}", "Fix the table.")
        if clip.id in seen:
            hint = "Remove or rename one of the two."
            raise SlaError(f"{clip.where}: clip {clip.id} is listed twice, first in {seen[clip.id].where}", hint)
        seen[clip.id] = clip
        other = of_recording.setdefault((clip.source.root, clip.source.path), clip)
        if other.source.fps != clip.source.fps:
            here, there = (f"{one.source.fps:g} fps" if one.source.fps else "no fps" for one in (clip, other))
            message = f"{clip.where}: {clip.source.path} has {here} here, but {there} in {other.where}"
            raise SlaError(message, "A recording has one frame rate: fix the table.")


def _fault(clip: Clip) -> str:
    if not clip.id.strip():
        return f"clip {clip.id!r} has an empty id"
    if "/" in clip.id or CONTROL.search(clip.id):
        return f"clip {clip.id[:80]!r}: an id must not contain '/', tab, NUL or similar characters"
    if len(clip.id) > LONGEST_ID:
        return f"clip {clip.id[:40]!r}…: an id of {len(clip.id)} characters; at most {LONGEST_ID} are allowed"
    if CONTROL.search(" ".join((clip.signer, *clip.glosses))) or "\0" in clip.translation:
        return f"clip {clip.id}: a tab, NUL or similar character in signer, glosses or translation"
    return ""
