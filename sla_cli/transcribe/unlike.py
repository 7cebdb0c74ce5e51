"""Says in one sentence in what a recording is unlike the training data of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sla_cli.video.appearance import Appearance
from sla_cli.work.run_facts import FrameFormat

SLOWEST = 0.4  # of the frame rate in training: half of it cost no glosses, a third did (docs/experiments/unlike.md)


def unlike_training(
    distance: float | None,
    appearance: Appearance,
    usual: Mapping[str, tuple[float, float]],
    rate: float,
    frames: FrameFormat,
) -> str | None:
    """The sentence, without the recording's name; None if the recording is like the training data.

    Args:
        distance: of its frames, relative to the limit of the run; None if the run knows none.
        appearance: how it looks.
        usual: how clips look in training, as `Domain.usual`.
        rate: its frames per second, 0 if unknown.
        frames: those of training.
    """
    slow = 0 < rate < SLOWEST * frames.fps_lowest
    if not slow and (distance is None or distance <= 1):
        return None
    facts = [f"{rate:.3g} frames per second ({frames.fps_lowest:g} in training)"] if slow else []
    if distance is not None and distance > 1:
        facts += [f"its frames are {distance:.1f} times as far from those of training as is still usual"]
        facts += _unusual(appearance, usual)
    return f"unlike the training data, glosses may be wrong: {'; '.join(facts)}"


def _unusual(appearance: Appearance, usual: Mapping[str, tuple[float, float]]) -> Iterator[str]:
    for name, value in appearance._asdict().items():
        if name not in usual:
            continue
        low, high = usual[name]
        if not low <= value <= high:
            found, least, most = (f"{number:.0f}" if number >= 10 else f"{number:.2g}" for number in (value, low, high))
            yield f"{name.replace('_', ' ')} {found} % ({least} to {most} % in training)"
