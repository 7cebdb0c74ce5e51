"""Signs while log-probabilities come: those that cannot change any more, and how the others look now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.calibration import Calibration
from sla_cli.core.ctc import feasible
from sla_cli.core.force_align import force_align
from sla_cli.core.place import place
from sla_cli.search.decoder import confidences
from sla_cli.search.growing import Growing
from sla_cli.transcribe.live_steps import LiveSteps
from sla_cli.transcribe.windows import Floats

PAST = 2  # final glosses


class PlacedGloss(NamedTuple):
    """A gloss with its place.

    Attributes:
        column: of the log-probabilities.
        start, end: in frames, end exclusive.
        stop: the step after the last one that emits it.
        confidence: from 0 to 1, calibrated.
    """

    column: int
    start: int
    end: int
    stop: int
    confidence: float


class LiveSigns:
    """Places the glosses of a search that grows.

    A gloss of the best hypothesis is final when `following` final steps come after its own, or when it began `most`
    final steps ago; the search then goes on from it.

    Args:
        most: steps that a gloss waits for its end, and that are kept when none waits.
        following: the more, the better its end is known.

    Attributes:
        expected: the glosses after the final ones, as they look now. No gloss overlaps the one before it.
    """

    def __init__(
        self, growing: Growing, steps: LiveSteps, calibration: Calibration, stride: int, most: int, following: int
    ) -> None:
        self._growing, self._steps, self._calibration, self._stride = growing, steps, calibration, stride
        self._most, self._following = most, following
        self._kept = steps.ahead  # final steps from `_first` on; none yet
        self._first = 0
        self._past: list[int] = []  # columns of final glosses on the steps that are kept
        self._until = 0  # frame with which the last final gloss ends
        self.expected: list[PlacedGloss] = []

    @property
    def held(self) -> int:
        """Number of final steps that are kept."""
        return len(self._kept)

    def add(self, final: Floats, *, last: bool = False) -> list[PlacedGloss]:
        """The glosses that are final now that these steps are. `last`: no step follows, so all are."""
        self._kept = np.concatenate((self._kept, final))
        self._growing.add(final)
        labels = self._growing.ended()[0][0] if last else self._growing.best(self._steps.ahead)
        steps = np.concatenate((self._kept, self._steps.ahead))
        if not feasible(len(steps), [*self._past, *labels]):  # the search may emit a gloss before a final one ends
            self._past = []
        placed = self._placed(labels, steps)
        self.expected = []
        if labels and not placed:
            return []  # not yet
        before, new = placed[: len(self._past)], placed[len(self._past) :]
        ready = [one for one in new if last or self._is_final(one)]
        if not last:
            ready = ready[: self._growing.forget([one.column for one in ready])]
        waiting = new[len(ready)].start // self._stride if len(ready) < len(new) else self._steps.done
        self._forget([*before, *ready], min(waiting, self._steps.done))
        told = list(_after(self._until, new))
        ready, self.expected = told[: len(ready)], told[len(ready) :]
        self._until = ready[-1].end if ready else self._until
        return ready

    def _is_final(self, one: PlacedGloss) -> bool:
        done = self._steps.done
        held = done - one.start // self._stride >= self._most  # perhaps for ever
        return held or one.stop + self._following <= done

    def _placed(self, new: Sequence[int], log_probs: NDArray[np.floating]) -> list[PlacedGloss]:
        """The past glosses and new ones on these steps, which begin with the first that is kept.

        None if they do not fit.
        """
        labels = [*self._past, *new]
        if not labels or not feasible(len(log_probs), labels):
            return []
        first = self._first * self._stride
        frames = min(len(log_probs) * self._stride, self._steps.frames - first)
        spans = force_align(log_probs, labels)
        places = place(labels, spans, self._stride, frames, self._steps.shown(first, first + frames))
        sure = self._calibration(confidences(log_probs, labels, spans))
        return [
            PlacedGloss(column, first + start, first + end, self._first + stop, confidence)
            for column, (start, end), (_, stop), confidence in zip(labels, places, spans, sure, strict=True)
        ]

    def _forget(self, final: Sequence[PlacedGloss], waiting: int) -> None:
        """Drop steps that no later gloss needs; the first that is not final begins at step `waiting`.

        A few final glosses stay, since the frames of a sign may begin before the last step of the one before it.
        """
        cut = final[-PAST - 1].stop if len(final) > PAST else self._first
        cut = max(cut, waiting - self._most)
        self._past = [one.column for one in final if one.stop > cut]
        self._kept = self._kept[cut - self._first :].copy()
        self._first = cut
        self._steps.forget(cut)


def _after(until: int, placed: Iterable[PlacedGloss]) -> Iterator[PlacedGloss]:
    """The glosses as they are told: each from the end of the one before on, the first from frame `until` on.

    Frames that came later may show that a gloss begins before the end that the one before it was given for good, or
    even ends there. It then has one frame.
    """
    for one in placed:
        start = max(one.start, until)
        until = max(one.end, start + 1)
        yield one._replace(start=start, end=until)
