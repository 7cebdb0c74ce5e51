"""The clips of any store as a run sees them: whole clips, at the frame rate that the run was trained on."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.store.clips import Split
from sla_cli.video.timing import selected
from sla_cli.work.run_facts import FrameFormat


class SeenClips:
    """A split whose clips are resampled to the frame rate of a run if they have another one.

    Args:
        like: the frames that the run was trained on; None leaves all clips unchanged.

    Attributes:
        lengths: frames of each clip, as the run sees it.
        rates: frames per second of each clip, as the run sees it; 0 if unknown.
    """

    def __init__(self, split: Split, like: FrameFormat | None = None) -> None:
        self.split = split
        self.rates = split.clip_fps.tolist()
        self._resampled: dict[int, NDArray[np.int64]] = {}
        for index, rate in enumerate(self.rates):
            if like is not None and not like.has_rate(rate):
                # The frames nearest in time to 0, 1/fps, 2/fps, … seconds.
                times = ((number / rate, number) for number in range(split.lengths[index]))
                nearest = [number for _, number in selected(times, None, None, like.fps, split.ids[index])]
                self._resampled[index] = np.array(nearest, np.int64)
                self.rates[index] = like.fps
        self.lengths = [len(self._resampled.get(index, range(length))) for index, length in enumerate(split.lengths)]

    def __len__(self) -> int:
        return len(self.split)

    def frames(self, index: int) -> NDArray[np.int64]:
        """Numbers of the frames that are seen, sorted; one that is seen twice is listed twice."""
        return self._resampled.get(index, np.arange(self.split.lengths[index]))


def see(split: Split, like: FrameFormat) -> SeenClips:
    """The clips of a split as a run sees them; what is changed is logged.

    Larger frames need no change: the model's crop is a share of the frame, and is resized to the model's input.

    Raises:
        SlaError: frames with another fit, or smaller than those of training; names the command that fixes it.
    """
    again = "Make another store of its corpus with `sla prep`, under another --name and with"
    if split.fit != like.fit:
        raise SlaError(
            f"the frames of {split} were made with fit {split.fit}, but the run was trained with {like.fit}",
            f"{again} --fit {like.fit} --size {like.size}.",
        )
    if split.size < like.size:
        raise SlaError(
            f"the frames of {split} have {split.size} px, but the run was trained on {like.size} px",
            f"{again} --size {like.size}.",
        )
    if split.size > like.size:
        log.info("frames of %d px are resized like those of %d px that the run was trained on", split.size, like.size)
    seen = SeenClips(split, like)
    other_rates = Counter(rate for rate in split.clip_fps.tolist() if not like.has_rate(rate))
    for rate, clips in sorted(other_rates.items()):
        log.info(
            "resampling %s of %g frames per second to %g, the rate in training", counted(clips, "clip"), rate, like.fps
        )
    unknown = seen.rates.count(0.0)
    if like.fps and unknown:
        text = "the frame rate of %s is unknown: all frames are used, although training had %g per second"
        log.warning(text, counted(unknown, "clip"), like.fps)
    if not like.fps and unknown < len(seen.rates):
        text = "the run does not know the frame rate of its training clips: all frames of %s are used"
        log.warning(text, counted(len(seen.rates) - unknown, "clip"))
    return seen
