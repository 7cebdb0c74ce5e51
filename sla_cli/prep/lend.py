"""Frames that another store lends: a second division of a corpus is not decoded and stored again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sla_cli.core.clip import Source, split_origin
from sla_cli.errors import SlaError
from sla_cli.formats.store import Store
from sla_cli.prep.cache import EncodedClip
from sla_cli.prep.write import stored_clips

Part = tuple[str, float | None, float | None]  # stamp of a recording, start and end


class Lender:
    """A finished store whose frames others use where they lie."""

    def __init__(self, path: Path, recipe: str, out: Path) -> None:
        """Raises SlaError where it is no finished store, its frames were made in another way, or lie in the store that
        is to be written (`out`), which would lose them."""
        store = Store(path)
        split = store[store.splits[0]]
        if split.recipe != recipe:
            how = f"{split.size} px, {split.fit}, {split.codec} {split.quality or ''}".rstrip()
            raise SlaError(
                f"{path} cannot lend its frames: they were made in another way ({how}) or by another version of sla",
                "Leave out --size, --fit, --codec, --quality and --fps, or make it again with --force.",
            )
        self._by_origin = {origin: replace(clip, lent=True) for origin, clip in stored_clips(path, recipe).items()}
        if any(clip.path.parent == out for clip in self._by_origin.values()):
            message = f"{out} holds the frames of {path} itself, and would lose them"
            raise SlaError(message, "Give the new store another --name.")
        self._by_stamp = {
            (clip.stamp, *split_origin(origin)[1:]): clip for origin, clip in self._by_origin.items() if clip.stamp
        }

    def find(self, origin: str, source: Source) -> EncodedClip | None:
        """The clip of this origin, or one of the same recording and times under another name."""
        clip = self._by_origin.get(origin)
        if clip is not None and clip.serves(source):
            return clip
        return self._by_stamp.get((source.stamp, source.start, source.end)) if source.stamp else None
