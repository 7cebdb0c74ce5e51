"""Uses the frames of another store: for a second division of a corpus, they are not decoded and stored again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.clip import Source, split_origin
from sla_cli.errors import SlaError
from sla_cli.prep.cache import EncodedClip
from sla_cli.prep.write import stored_clips
from sla_cli.store.paths import takes_frames
from sla_cli.store.store import Store

Part = tuple[str, float | None, float | None]  # stamp of a recording, start and end


class Lender:
    """A finished store whose frames other stores use in place."""

    def __init__(self, path: Path, recipe: str, borrower: Path) -> None:
        """Raises SlaError if it is not a finished store, its frames were made in another way, or are in `borrower`."""
        store = Store(path)
        if takes_frames(path, borrower):
            what = "it is that store" if path == borrower else f"{path} uses its frames"
            hint = "Give the new store another --name, or leave out --frames-from."
            raise SlaError(f"{borrower} cannot use frames of {path}: {what}", hint)
        split = store[store.splits[0]]
        if split.recipe != recipe:
            how = f"{split.size} px, {split.fit}, {split.codec} {split.quality or ''}".rstrip()
            raise SlaError(
                f"frames of {path} cannot be used: they were made in another way ({how}) or by another version of sla",
                "Leave out --size, --fit, --codec, --quality and --fps, or make it again with --force.",
            )
        self._by_origin = {origin: replace(clip, lent=True) for origin, clip in stored_clips(path, recipe).items()}
        self._by_stamp = {
            (clip.stamp, *split_origin(origin)[1:]): clip for origin, clip in self._by_origin.items() if clip.stamp
        }
        receipt = read_receipt(path)
        self._root = receipt.sources.get("source", "") if receipt is not None else ""

    def find(self, origin: str, source: Source, root: Path) -> EncodedClip | None:
        """The clip with this origin, or one of the same recording and times under another name.

        A recording that cannot be examined now counts as the same only in the corpus at `root` from which the store was
        made: another corpus may have another recording of that name.
        """
        if not source.stamp and self._root != str(root):
            return None
        clip = self._by_origin.get(origin)
        if clip is not None and clip.serves(source):
            return clip
        return self._by_stamp.get((source.stamp, source.start, source.end)) if source.stamp else None
