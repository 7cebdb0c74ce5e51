"""Adds the present fingerprint of each recording, to detect whether it has changed since it was encoded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from sla_cli.core.clip import Clip, Source
from sla_cli.video.fingerprint import fingerprints
from sla_cli.video.source import open_tree


def stamped(clips: Sequence[Clip], cache: Path, unreadable: Collection[Path] = ()) -> list[Clip]:
    """The clips with the stamps of their recordings; a recording that cannot be examined gets none.

    Args:
        cache: the folder for the lists of archives.
        unreadable: roots that cannot be opened.
    """
    sources = [clip.source for clip in clips]
    trees = {root: open_tree(root, cache) for root in {source.root for source in sources}.difference(unreadable)}
    found = fingerprints((trees[source.root], source.path) for source in sources if source.root in trees)
    stamps = {recording: answer for recording, answer in found.items() if isinstance(answer, str)}
    return [replace(clip, source=_with_stamp(clip.source, stamps)) for clip in clips]


def _with_stamp(source: Source, stamps: dict[tuple[Path, str], str]) -> Source:
    stamp = stamps.get((source.root, source.path), "")
    if stamp and source.fps:
        stamp = f"{stamp} at {source.fps:g}"  # the frame rate belongs to the stored frames
    return replace(source, stamp=stamp)
