"""Finished batches of an unfinished emissions file, one file each, so that an interrupted attempt can be continued."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sla_cli.artifact.npz import read_or_remove, write_arrays
from sla_cli.core.place import FrameScores
from sla_cli.data.seen import SeenClips
from sla_cli.work.emissions import Emission, check_finite


class Parts:
    """A folder of finished batches.

    Args:
        folder: folder of attempts with the same settings.
        batches: indices of the clips of each batch.
        dtype: of the log-probabilities on disk, float32 or float16.
        least: that of the scores of frames; None if there are none.
    """

    def __init__(self, folder: Path, batches: Sequence[Sequence[int]], dtype: str, least: int | None) -> None:
        self.folder, self.batches, self.dtype, self.least = folder, batches, dtype, least

    def missing(self, numbers: Sequence[int]) -> list[int]:
        """The batches that no attempt has finished."""
        return [number for number in numbers if not self._path(number).is_file()]

    def keep(self, number: int, emissions: Sequence[Emission]) -> None:
        """Write a finished batch. Raises FormatError if the model gave NaN."""
        for emission in emissions:
            check_finite(f"clip {emission.id}", emission.log_probs)
        arrays = {}
        for index, emission in zip(self.batches[number], emissions, strict=True):
            arrays[str(index)] = emission.log_probs.astype(self.dtype)
            if emission.shown is not None:
                arrays[f"{index}-frames"] = emission.shown.scores
        write_arrays(self._path(number), arrays)

    def joined(self, clips: SeenClips) -> Iterator[Emission]:
        """All clips in the store's order. Raises SlaError if a batch cannot be read."""
        batch_of = {index: number for number, batch in enumerate(self.batches) for index in batch}
        for index, name in enumerate(clips.split.ids):
            names = [str(index)] if self.least is None else [str(index), f"{index}-frames"]
            path = self._path(batch_of[index])
            log_probs, *scores = read_or_remove(path, *names, again="Run again: its clips are computed again.")
            shown = None if self.least is None else FrameScores(scores[0], self.least)
            yield Emission(name, log_probs, clips.lengths[index], clips.rates[index], shown)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"
