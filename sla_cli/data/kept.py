"""Features of a frozen backbone that are kept on disk, and training clips that are read from them.

A file holds the features of a few clips. It gets its name when it is complete, and has checksums that are verified
when it is read: an interruption loses only the file that was being made, and two trainings write the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sla_cli.artifact.npz import read_or_remove, write_arrays
from sla_cli.config.settings import EmitConfig, TrainConfig
from sla_cli.data.batching import Sample
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.epoch_plan import cut_batches
from sla_cli.data.seen import SeenClips
from sla_cli.errors import FormatError, SlaError
from sla_cli.store.clips import Split

AGAIN = "Run the command again, with --resume if the run is still there: its features are computed again."
KEPT = 1  # makes the random numbers that choose a view independent of the other ones of a clip


class KeptFeatures:
    """The features of one view of all clips of a split, float16.

    Args:
        folder: that of this split, view, backbone and recipe; it need not exist.
        width: channels of the features.
        view: number of the view, as in `kept_transform`.

    Attributes:
        batches: indices of the clips of each file.
    """

    def __init__(self, folder: Path, split: Split, width: int, view: int = 0) -> None:
        self.folder, self.split, self.width, self.view = folder, split, width, view
        self.batches = cut_batches(range(len(split)), split.lengths, max_frames=EmitConfig.max_frames)
        self._file_of = {index: number for number, batch in enumerate(self.batches) for index in batch}

    def __getitem__(self, index: int) -> np.ndarray:
        """The features of a clip, float16 (frames, width).

        Raises:
            SlaError: its file cannot be read. All damaged files are removed, so the next training computes them again.
        """
        try:
            return self._read(self._file_of[index], [index])[0]
        except FormatError:
            for number, batch in enumerate(self.batches):
                with suppress(SlaError):
                    self._read(number, batch)
            raise

    def _read(self, number: int, indices: Sequence[int]) -> list[np.ndarray]:
        """The features of clips of one file. Raises as for one clip; a damaged file is removed."""
        path = self._path(number)
        found = read_or_remove(path, *map(str, indices), again=AGAIN)
        for index, features in zip(indices, found, strict=True):
            if (features.shape, features.dtype) != ((self.split.lengths[index], self.width), np.float16):
                path.unlink(missing_ok=True)
                raise FormatError(f"{path} is damaged: it holds features of another shape or type", AGAIN)
        return found

    def together(self, clips: SeenClips, indices: Sequence[int], held: int = 0) -> tuple[Tensor, Tensor]:
        """The features of some clips, float16 (all frames, width), and how many each has, int64 (clips,).

        Args:
            clips: of the split; they say which frames are seen.
            held: for how many more frames the first and the last frame of each are shown.

        Raises SlaError as for one clip.
        """
        parts = [np.pad(self[index][clips.frames(index)], ((held, held), (0, 0)), mode="edge") for index in indices]
        return torch.from_numpy(np.concatenate(parts)), torch.tensor([len(part) for part in parts])

    def missing(self) -> list[int]:
        """Numbers of the batches that no training has computed."""
        return [number for number in range(len(self.batches)) if not self._path(number).is_file()]

    def size(self, batches: Sequence[int]) -> int:
        """Bytes of the features of some batches."""
        return 2 * self.width * sum(self.split.lengths[index] for number in batches for index in self.batches[number])

    def keep(self, number: int, features: Tensor) -> None:
        """Write the features of a batch, (all frames, width).

        Raises SlaError if the disk is full, or values are not finite in float16.
        """
        batch = self.batches[number]
        parts = features.to("cpu", torch.half).split([self.split.lengths[index] for index in batch])
        for index, part in zip(batch, parts, strict=True):
            if not part.isfinite().all():
                hint = "Set train.keep_views=0, and check the weights of the backbone."
                raise SlaError(f"clip {self.split.ids[index]}: its features are too large for float16, or NaN", hint)
        write_arrays(self._path(number), {str(index): part.numpy() for index, part in zip(batch, parts, strict=True)})

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.npz"


class KeptDataset(ClipDataset):
    """Clips by (epoch, index) as ClipDataset shows them, but as features of one of their kept views in place of frames.

    A frozen backbone sees each frame by itself, so the features of chosen frames are the chosen rows.

    Args:
        views: of the split, at least one.
    """

    def __init__(
        self, split: Split, vocabulary: Sequence[str], stride: int, config: TrainConfig, views: Sequence[KeptFeatures]
    ) -> None:
        super().__init__(split, vocabulary, stride, config)
        self.views = views

    def batch(self, keys: Sequence[tuple[int, int]]) -> tuple[list[Sample], Tensor]:
        """Clips whose features are consecutive in a tensor: float16 (all frames, width).

        Raises SlaError as `KeptFeatures`.
        """
        samples = []
        for epoch, index in keys:
            clip, view, targets = self.shown((epoch, index))
            kept = self.views[np.random.default_rng((self.config.seed, epoch, index, KEPT)).integers(len(self.views))]
            samples.append(Sample(clip.id, kept[index][view.frames], view.transform, targets, view.shown))
        return samples, torch.from_numpy(np.concatenate([sample.frames for sample in samples]))
