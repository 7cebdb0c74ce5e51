"""Decode all clips of a split, in one process or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sla_cli.core.calibration import UNCHANGED, Calibration
from sla_cli.core.ctc import columns_of
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.decode.processes import EmissionSource, map_clips
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.work.emissions import Emission


def decode_split(
    emissions: EmissionSource,
    glosses: Sequence[str],
    stride: int,
    options: BeamOptions,
    jobs: int = 1,
    progress: Callable[[int], None] | None = None,
    calibration: Calibration = UNCHANGED,
) -> list[list[Hypothesis]]:
    """Decode clips.

    Args:
        emissions, jobs, progress: as for `map_clips`.
        glosses: the vocabulary; glosses[i] has column i + 1, column 0 is the blank.
        stride: video frames per output step.
        calibration: how confidences become probabilities.

    Returns:
        The n-best list of each clip, best first, in the order of `emissions`; spans in video frames.

    Raises:
        SlaError: names the clip whose emissions cannot be decoded; or the vocabulary, the language model or the
            options are bad; or a process died.
    """
    options.check_nbest()
    columns = columns_of(glosses)
    with BeamDecoder(glosses, options) as decoder:

        def decode_clip(clip: Emission) -> list[Hypothesis]:
            hypotheses = []
            for rank, found in enumerate(decoder.nbest(clip.log_probs, options.nbest), start=1):
                spans = clip.places([columns[gloss] for gloss in found.glosses], found.spans, stride)
                sure = calibration(found.confidence)
                hypotheses.append(Hypothesis(clip.id, found.glosses, found.score, spans, sure, rank, clip.fps))
            return hypotheses

        return list(map_clips(decode_clip, emissions, jobs, progress))
