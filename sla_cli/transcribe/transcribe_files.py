"""Transcribes recordings with one model: skips those whose files exist, and continues after failures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path

from sla_cli.annotation.eaf_edit import add_to, check_can_add, has_tier
from sla_cli.annotation.eaf_own import is_uncorrected
from sla_cli.annotation.formats import KINDS, annotation_text
from sla_cli.annotation.layout import DEFAULT, Layout
from sla_cli.artifact.lock import BusyError, locked_while_made
from sla_cli.core.annotation import Annotation
from sla_cli.core.arguments import as_path
from sla_cli.errors import SlaError, naming
from sla_cli.log import ONCE, log, progress
from sla_cli.system.atomic import short_name
from sla_cli.transcribe.elan_outputs import with_elan_files, with_own_elan_files
from sla_cli.transcribe.find_recordings import FoundRecording, each_once, find_recordings
from sla_cli.transcribe.outputs import ELAN, Job, plan_outputs, refuse_same_names
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.transcript import PAGE, Transcript, like_of, options_of
from sla_cli.work.output import check_folder, check_output


@dataclass(frozen=True)
class FileOptions:
    """Options for reading recordings and writing results.

    Attributes:
        pause: seconds without a sign that end a sentence.
        min_confidence: signs that are less sure have no gloss.
        layout: names of tiers, and what a subtitle shows.
        add_to: an ELAN file to which the tiers are added, or a folder of such files.
        fps: frames per second of folders of pictures, None if there are none.
        link_video: whether a page plays the video.
        force: replace files that exist, and a tier of sla in an ELAN file.
        inputs: other files that are read; no result may replace them.
    """

    pause: float
    min_confidence: float = 0.0
    layout: Layout = DEFAULT
    add_to: Path | None = None
    fps: float | None = None
    link_video: bool = True
    force: bool = False
    inputs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The outcome for a recording.

    Attributes:
        recording: its path.
        transcript: None if it was skipped or failed.
        files: files that were written, also where others could not be.
        error: None if it did not fail.
    """

    recording: str
    transcript: Transcript | None = None
    files: tuple[Path, ...] = ()
    error: SlaError | None = None


def transcribe_files(
    videos: Sequence[Path],
    out: Path | None,
    kinds: Sequence[str],
    options: FileOptions,
    open_recognizer: Callable[[], Recognizer],
) -> Iterator[Outcome]:
    """The outcome of each recording, as soon as it is known.

    Args:
        videos: as for `find_recordings`.
        out, kinds: as for `plan_outputs`.
        open_recognizer: called once, if there is anything to do.

    Raises:
        SlaError: from `open_recognizer`, an option that changes no file that is written, or one file for several
            recordings; the error of a single recording is in its outcome.
    """
    recordings: list[FoundRecording] = []
    lost: list[Outcome] = []
    for path in videos:
        try:
            recordings += find_recordings(path)
        except SlaError as error:
            lost.append(Outcome(str(path), error=error))
    jobs = plan_outputs(each_once(recordings), out, kinds)
    if jobs:
        _check_effect(options, {*jobs[0].files, *([ELAN] if options.add_to else [])})
    if out is None or out.is_dir():
        jobs = with_own_elan_files(jobs, out, videos)
    refuse_same_names(jobs, force=options.force)
    if options.add_to is not None:
        given = len(jobs) + len(lost)
        jobs, left = with_elan_files(jobs, given, options.add_to)
        lost += [Outcome(str(job.recording), error=error) for job, error in left]
    yield from lost
    yield from _transcribed(jobs, options, open_recognizer)


def refuse_failures(outcomes: Sequence[Outcome]) -> None:
    """Raise SlaError if a recording failed: its own error if there is only one recording, else one that lists all."""
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    if failed and len(outcomes) == 1:
        raise failed[0]
    if failed:
        done = "; the others are done" * (len(failed) < len(outcomes))
        summary = f"{len(failed)} of {len(outcomes)} recordings failed{done}:"
        raise SlaError(summary, several=failed)


def _check_effect(options: FileOptions, kinds: Collection[str]) -> None:
    """Raise SlaError for an option that changes no file of these kinds, which are all that is written."""
    if not options.link_video and PAGE not in kinds:
        fault = "--no-video has no effect without a page: an ELAN file names its video"
        raise SlaError(fault, "Write a page (--format html), or leave it out.")
    for option in (field.name for field in fields(Layout)):
        given = getattr(options.layout, option) != getattr(DEFAULT, option)
        if given and not any(option in options_of(kind) for kind in kinds):
            written = f"on {' and '.join(sorted(kinds))}" if kinds else "on what is printed"
            known = ", ".join(kind for kind in (*KINDS, PAGE) if option in options_of(kind))
            raise SlaError(f"--{option} has no effect {written}", f"Leave it out; formats that have it: {known}.")


def _transcribed(
    jobs: Sequence[Job], options: FileOptions, open_recognizer: Callable[[], Recognizer]
) -> Iterator[Outcome]:
    alone = len(jobs) == 1
    with ExitStack() as stack:
        opened = cache(lambda: stack.enter_context(closing(open_recognizer())))
        others: list[Job] = []  # which other processes are transcribing now
        for job in jobs:
            try:
                yield _outcome(job, options, opened, alone=alone, wait=False)
            except BusyError:
                others.append(job)
        for job in others:
            yield _outcome(job, options, opened, alone=alone, wait=True)


def _outcome(
    job: Job, options: FileOptions, recognizer: Callable[[], Recognizer], *, alone: bool, wait: bool
) -> Outcome:
    """Transcribe a recording whose files are not there. Raises BusyError if another process does so, unless `wait`."""
    try:
        if (left := _left(job, options)) is None:
            return _skipped(job)
        left, faults = _without_corrected(left)
        _check_outputs(left, options)
    except SlaError as error:
        return _failed(job, error, alone=alone)
    opened = recognizer()
    try:
        with _locked(job, wait=wait):
            if (left := _left(left, options)) is None:  # made by the other process
                return _skipped(job)
            _check_outputs(left, options)
            return _done(opened, left, faults, options, alone=alone)
    except BusyError:
        raise
    except SlaError as error:
        return _failed(job, error, alone=alone)


def _left(job: Job, options: FileOptions) -> Job | None:
    """The job without what is there; None if that is all. Raises SlaError or FormatError as `has_tier`."""
    if options.force or not (job.files or job.add_to):
        return job
    left = replace(job, files=job.missing)
    # In an ELAN file that was named, a tier that is there is refused.
    if left.add_to not in (None, options.add_to) and has_tier(left.add_to, options.layout):
        message = "%s: %s has the tier, which stays (--force replaces those of sla)"
        log.info(message, job.recording, left.add_to, extra=ONCE)  # it is asked again after another process
        left = replace(left, add_to=None)
    return left if left.files or left.add_to else None


def _without_corrected(job: Job) -> tuple[Job, list[SlaError]]:
    """Without an ELAN file that somebody has corrected, with the fault, if there are other files to write."""
    eaf = job.files.get(ELAN)
    if eaf is None or len(job.files) == 1 or not eaf.is_file():
        return job, []
    try:
        is_uncorrected(eaf)
    except SlaError as error:
        return replace(job, files={kind: path for kind, path in job.files.items() if kind != ELAN}), [error]
    return job, []


def _skipped(job: Job) -> Outcome:
    if job.files:
        log.info("%s: skipped, its files exist (--force replaces those that sla wrote)", job.recording)
    return Outcome(str(job.recording))


def _locked(job: Job, *, wait: bool) -> AbstractContextManager[None]:
    """Keeps other processes from transcribing the same recording into the same folder, or ELAN file."""
    path = next(iter(job.files.values()), None if job.add_to is None else job.add_to.resolve())
    if path is None:
        return nullcontext()
    busy = f"another process is transcribing {job.recording}"
    return locked_while_made(path.with_name(f".{short_name(path.stem)}.lock"), busy, wait=wait)


def _check_outputs(job: Job, options: FileOptions) -> None:
    """Raise SlaError early, before hours of work, for a path or name that a file cannot have, or a tier that stays."""
    if job.add_to is not None:
        check_can_add(job.add_to, options.layout, replace=options.force)
    nothing = Annotation(job.recording.name, None, 0.0, ())
    for kind, path in job.files.items():
        as_path(path, f"the output of {job.recording}")
        inputs = (Path(str(job.recording)), job.add_to, *options.inputs)
        check_output(path, like_of(kind), inputs=inputs, replace=True)
        check_folder(path.parent)
        if kind in KINDS:
            with naming(f"{job.recording} is not transcribed"):
                annotation_text(kind, nothing, options.layout, path.parent)


def _failed(job: Job, error: SlaError, *, alone: bool) -> Outcome:
    """With several recordings, a failure is logged at once, and listed at the end."""
    if not alone:
        log.warning("%s", error.message)
    return Outcome(str(job.recording), error=error)


def _done(
    recognizer: Recognizer, job: Job, refused: Sequence[SlaError], options: FileOptions, *, alone: bool
) -> Outcome:
    """Transcribe the recording and write its files. Some may be `refused` already."""
    if options.fps is not None and job.recording.is_video:
        log.warning("%s: --fps has no effect on a video, which has its own times", job.recording)
    with progress(job.recording.name, None, "frames") as advance:
        transcript = recognizer.transcribe(
            job.recording.source,
            fps=options.fps,
            pause=options.pause,
            min_confidence=options.min_confidence,
            advance=advance,
        )
    layout, force = options.layout, options.force
    write: dict[Path, Callable[[], object]] = {
        path: partial(transcript.save, path, layout=layout, force=force, link_video=options.link_video or kind != PAGE)
        for kind, path in job.files.items()
    }
    if job.add_to is not None:
        write[job.add_to] = partial(
            add_to, job.add_to, transcript, layout, replace=force, recording=job.recording.place
        )
    written: list[Path] = []
    faults = [*refused]
    for path, one in write.items():
        try:
            one()
            written.append(path)
        except SlaError as error:  # which costs no other file
            faults.append(error)
    if faults:
        fault = SlaError("; ".join(error.message for error in faults), faults[0].hint)
        return replace(_failed(job, fault, alone=alone), files=tuple(written))
    return Outcome(str(job.recording), transcript, tuple(written))
