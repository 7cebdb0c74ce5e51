"""Adds to each clip where its frames come from, and the present fingerprint of its recording, to detect a change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from sla_cli.core.clip import Clip, origin_of
from sla_cli.video.fingerprint import fingerprints
from sla_cli.video.source import open_tree


def stamped(
    clips: Sequence[Clip], root: Path, media: Path | None, cache: Path, unreadable: Collection[Path] = ()
) -> list[Clip]:
    """The clips with their origins and stamps; a recording that cannot be examined gets no stamp.

    Args:
        root: folder or archive of the corpus.
        media: the folder of recordings outside the corpus, if there is one.
        cache: the folder for the lists of archives.
        unreadable: roots that cannot be opened.
    """
    sources = [clip.source for clip in clips]
    trees = {root: open_tree(root, cache) for root in {source.root for source in sources}.difference(unreadable)}
    found = fingerprints((trees[source.root], source.path) for source in sources if source.root in trees)
    located = []
    for clip, source in zip(clips, sources, strict=True):
        answer = found.get((source.root, source.path))
        stamp = answer if isinstance(answer, str) else ""
        if stamp and source.fps:
            stamp = f"{stamp} at {source.fps:g}"  # the frame rate belongs to the stored frames
        origin = origin_of(source, root, media)
        located.append(replace(clip, source=replace(source, stamp=stamp), origin=origin))
    return located
