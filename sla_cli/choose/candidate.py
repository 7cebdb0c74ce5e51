"""What may be annotated next, and what is annotated already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.hypothesis import Glosses

Peaks = NDArray[np.float16]


@dataclass(frozen=True)
class Candidate:
    """A clip or a stretch of a recording without annotation, and what a run recognises in it.

    Attributes:
        id: of the clip; of a stretch the path of its recording within the folder.
        seconds: its length, above 0.
        signer: "" if unknown.
        recording: path of the video or folder that it is in, "" if unknown.
        elan: path of its ELAN file, "" if that lies beside it, or there is none.
        start: where it begins there, in seconds.
        glosses: the hypothesis; () if no strategy needs it, as the next ones.
        confidence: of each gloss, from 0 to 1.
        log_likelihood: natural logarithm of the hypothesis's probability, over all of its CTC paths.
        peaks: features under the peak of each gloss, see `peak_features`.
    """

    id: str
    seconds: float
    signer: str = ""
    recording: str = ""
    elan: str = ""
    start: float = 0.0
    glosses: Glosses = ()
    confidence: tuple[float, ...] = ()
    log_likelihood: float = 0.0
    peaks: Peaks | None = None


@dataclass
class Annotated:
    """What is annotated, and what is chosen in addition: strategies look for what it lacks.

    Attributes:
        glosses: how often each occurs.
        signers: seconds of each.
    """

    glosses: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    signers: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _peaks: defaultdict[str, list[NDArray[np.float32]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, glosses: Glosses, signer: str, seconds: float) -> None:
        """Count a clip, or a candidate by its hypothesis."""
        for gloss in glosses:
            self.glosses[gloss] += 1
        self.signers[signer] += seconds

    def add_peaks(self, glosses: Sequence[str], peaks: Peaks) -> None:
        """Features under peaks, a row for each gloss."""
        for gloss, peak in zip(glosses, peaks, strict=True):
            self._peaks[gloss].append(peak[np.newaxis].astype(np.float32))

    def peaks(self, gloss: str) -> NDArray[np.float32] | None:
        """The features under all peaks of a gloss, (peaks, width); None if there are none."""
        parts = self._peaks[gloss]
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
        return parts[0] if parts else None
