"""What a run keeps of its beginning: the clips that it was trained on, and the run that it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sla_cli.core.quantities import Fit, FrameRate, Line, Side, check_pixel_rate
from sla_cli.store.clips import Split
from sla_cli.store.store import Store

SAME_RATE = 0.02  # frame rates that differ by a smaller share count as equal: cameras and containers round


@dataclass(frozen=True)
class FrameFormat:
    """Properties of the frames that a run is trained on.

    Attributes:
        size: side in pixels.
        fit: how the source was made square: squash, pad or crop.
        fps: frames per second of most clips whose rate is known, 0 if none is.
        fps_lowest: lowest rate of the clips whose rate is known, 0 if none is.
        fps_highest: highest rate of these, likewise.
    """

    size: Side
    fit: Fit
    fps: FrameRate
    fps_lowest: FrameRate
    fps_highest: FrameRate

    def __post_init__(self) -> None:
        check_pixel_rate(self.size, max(self.fps, self.fps_highest))

    @classmethod
    def of(cls, train: Split) -> FrameFormat:
        """Of the clips of a train split."""
        rates = [rate for rate in train.clip_fps.tolist() if rate]
        return cls(train.size, train.fit, train.fps, min(rates, default=0.0), max(rates, default=0.0))

    def has_rate(self, fps: float) -> bool:
        """Whether this frame rate is within the range of these clips, or one of the two is unknown."""
        if not fps or not self.fps_highest:
            return True
        return (1 - SAME_RATE) * self.fps_lowest <= fps <= (1 + SAME_RATE) * self.fps_highest

    def seen_rate(self, fps: float) -> float:
        """Frames per second that the run sees of a recording with this rate: its own, or else that of most clips."""
        return fps if self.has_rate(fps) else self.fps


@dataclass(frozen=True)
class InitFrom:
    """The run whose weights another run starts from.

    Attributes:
        run: its folder.
        weights: their digest.
        origins: digests of all splits that it has learned from.
    """

    run: str
    weights: str
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunFacts:
    """Facts that stay fixed for the whole run, in addition to its settings and glosses.

    Attributes:
        store, division, corpus: the folder of the store that it was trained on, the division of its clips, and the name
            of the corpus.
        preset: the preset on which its settings are based.
        digests: digests of the store's train and dev split.
        labels: how training glosses were cleaned.
        profile: the normalisation under which dev was scored.
        frames: properties of the frames of train.
        init_from: the run that it starts from, None if it starts from initial weights.
        origins: digests of the splits from which its store was merged; of a model all others that it has learned from.
    """

    store: str
    division: Line
    corpus: Line
    preset: Line
    digests: Mapping[str, str]
    labels: Line
    profile: Line
    frames: FrameFormat
    init_from: InitFrom | None = None
    origins: tuple[str, ...] = ()

    @property
    def learned_from(self) -> set[str]:
        """Digests of all splits that it has learned from, also through the run that it starts from."""
        earlier = self.init_from.origins if self.init_from is not None else ()
        return {*self.digests.values(), *self.origins, *earlier}

    @classmethod
    def of(cls, store: Store, preset: str, init_from: InitFrom | None = None) -> RunFacts:
        """The facts of a new run on a store. Raises SlaError if the store has no train or no dev split."""
        train, dev = store["train"], store["dev"]
        digests = {"train": train.digest, "dev": dev.digest}
        known = (str(store.path.resolve()), store.division.name, store.header.corpus)
        return cls(
            *known, preset, digests, train.labels, dev.profile, FrameFormat.of(train), init_from, store.merged_from
        )
