"""Stretches of recordings that may be annotated next, as candidates: sentences that nobody has annotated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from sla_cli.annotation.eaf_beside import elan_below, elan_files
from sla_cli.annotation.eaf_document import read_document
from sla_cli.annotation.eaf_own import corrected
from sla_cli.annotation.eaf_read import links_of, tiers_of
from sla_cli.annotation.tier import origin_in
from sla_cli.choose.candidate import Candidate
from sla_cli.core.annotation import Sentence
from sla_cli.core.counted import counted
from sla_cli.core.ctc import columns_of, log_likelihood
from sla_cli.errors import SlaError, in_line, some
from sla_cli.log import log, progress
from sla_cli.transcribe.find_recordings import FoundRecording, find_recordings
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.transcript import Transcript

EDGE = 0.5  # seconds of a pause that belong to the sentence beside it, so that a missed sign at its end does, too
Span = tuple[float, float]  # seconds of a recording, end exclusive


def stretch_candidates(folder: Path, model: Recognizer, *, pause: float, fps: float | None) -> Iterator[Candidate]:
    """Each sentence that `sla transcribe` finds in the recordings of a folder, unless a person has annotated in it.

    Annotations are those of a recording's ELAN file, in all tiers except those that are as sla wrote them.

    Args:
        pause: seconds without a sign that end a sentence.
        fps: frames per second of folders of pictures.

    Raises:
        SlaError: there is no recording, two would have one ELAN file, or each of them or its ELAN file cannot be read.
            Otherwise those that cannot be read are logged and left out.
    """
    recordings, elan = _recordings_in(folder)
    if fps is not None and all(one.is_video for one in recordings):
        log.warning("--fps has no effect on videos, which have their own times")
    silent, failed, done = list[str](), list[SlaError](), 0
    with progress(f"recognise {folder}", len(recordings), "recordings") as advance:
        for recording, eaf in zip(recordings, elan, strict=True):
            try:
                for name in (str(recording), _elsewhere(eaf, recording)):
                    if in_line(name) != name:
                        raise SlaError(f"{name!r}: the name cannot stand in a table", "Rename it.")
                annotated = annotated_spans(eaf, recording.place)
                transcript = model.transcribe(recording.source, fps=fps, pause=pause, min_confidence=0)
            except SlaError as error:  # the others may be read for hours already
                log.warning("%s is left out: %s", recording, error.message)
                failed.append(error)
                continue
            if not transcript.sentences:
                silent.append(str(recording))
            for sentence, span in zip(transcript.sentences, widened(transcript), strict=True):
                if any(start < span[1] and span[0] < end for start, end in annotated):
                    done += 1
                else:
                    yield _candidate(recording, eaf, transcript, sentence, span)
            advance(1)
    if len(failed) == len(recordings):
        raise failed[0]
    if silent:
        log.warning("no gloss is recognised in %s", some(silent))
    if done:
        log.info("%s annotated by a person: left out", counted(done, "sentence is", "sentences are"))


def _recordings_in(folder: Path) -> tuple[list[FoundRecording], list[Path]]:
    """The recordings, each with its ELAN file; those that one links beside another are left out, such as cameras.

    Raises:
        SlaError: as `find_recordings`; or two recordings have one ELAN file, as of one name, also in an archive.
    """
    recordings = find_recordings(folder)
    places = [one.place for one in recordings]
    listed = [path for parent in {place.parent for place in places} for path in parent.iterdir()]
    found = elan_files(places, [*listed, *(elan_below(folder) if folder.is_dir() else ())])
    if found.further:
        log.info("left out %s: ELAN files link them beside another video", some(path.name for path in found.further))
    kept = [(one, found.of[place]) for one, place in zip(recordings, places, strict=True) if place in found.of]
    chosen = dict[Path, tuple[FoundRecording, Path]]()
    for one, eaf in kept:
        shared = eaf.resolve() if _may_share(one, eaf) else Path(str(one))
        other, _ = chosen.setdefault(shared, (one, eaf))
        if other is not one and _comes_first(one, other, eaf):
            chosen[shared] = (one, eaf)
    return [one for one, _ in chosen.values()], [eaf for _, eaf in chosen.values()]


def _may_share(one: FoundRecording, eaf: Path) -> bool:
    """Whether its ELAN file may be that of another one too: not of a link to nothing, nor of a pipe; in an archive if
    it is there."""
    return (one.place.is_file() or one.place.is_dir()) if one.source.root.is_dir() else eaf.is_file()


def _comes_first(one: FoundRecording, other: FoundRecording, eaf: Path) -> bool:
    """Whether it is taken instead of another one with its ELAN file, as by `sla annotate`: a video before its pictures.

    Raises SlaError for two videos, of which none is a link to the other, and for any two in an archive.
    """
    if not one.source.root.is_dir():
        raise SlaError(f"{other} and {one} have one ELAN file, {eaf}", "Unpack the archive.")
    if other.is_video == one.is_video and not other.place.samefile(one.place):
        hint = "Move one of them away, such as the original of a converted one."
        raise SlaError(f"{other} and {one} have one ELAN file, {eaf}", hint)
    return one.is_video and not other.is_video


def annotated_spans(path: Path, recording: Path) -> list[Span]:
    """Where a person has annotated: seconds of a recording, of each annotation in its ELAN file; none without a file.

    Args:
        recording: where it lies.

    Raises:
        FormatError: it is not an ELAN file; names file and line.
    """
    if not path.is_file():
        return []
    document = read_document(path)
    tiers = tiers_of(document)
    by_people = corrected(document, tiers)
    marks = [mark for tier in tiers if tier.name in by_people for mark in tier.marks]
    origin = origin_in(links_of(document), recording, path.parent)
    return [((mark.start + origin) / 1000, (mark.end + origin) / 1000) for mark in marks]


def widened(transcript: Transcript) -> list[Span]:
    """From begin to end of each sentence, with the edges of the pauses around it."""
    if not (sentences := transcript.sentences):
        return []
    pauses = [(left.end, right.start) for left, right in pairwise(sentences)]
    starts = [0.0, *(max((end + start) / 2, start - EDGE) for end, start in pauses)]
    ends = [*(min((end + start) / 2, end + EDGE) for end, start in pauses), transcript.duration]
    return [
        (max(start, sentence.start - EDGE), min(end, sentence.end + EDGE))
        for start, end, sentence in zip(starts, ends, sentences, strict=True)
    ]


def _candidate(
    recording: FoundRecording, eaf: Path, transcript: Transcript, sentence: Sentence, span: Span
) -> Candidate:
    glosses = tuple(sign.gloss for sign in sentence.signs)
    return Candidate(
        recording.source.path,
        span[1] - span[0],
        recording=str(recording),
        elan=_elsewhere(eaf, recording),
        start=span[0],
        glosses=glosses,
        confidence=tuple(sign.confidence for sign in sentence.signs),
        log_likelihood=_log_likelihood(transcript, glosses, span),
    )


def _elsewhere(eaf: Path, recording: FoundRecording) -> str:
    """The ELAN file, "" if it is in the folder of the recording."""
    return str(eaf) if eaf.parent != recording.place.parent else ""


def _log_likelihood(transcript: Transcript, glosses: Sequence[str], span: Span) -> float:
    """Of the glosses in the output steps whose middle is in the span."""
    log_probs, times = transcript.log_probs, transcript.step_times
    assert log_probs is not None and times is not None  # `Recognizer` gives them
    middles = (times[1:] + times[:-1]) / 2
    inside = log_probs[np.searchsorted(middles, span[0]) : np.searchsorted(middles, span[1])]
    columns = columns_of(transcript.glosses)
    return log_likelihood(inside, [columns[gloss] for gloss in glosses])
