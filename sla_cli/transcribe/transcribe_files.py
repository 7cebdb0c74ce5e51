"""Transcribes recordings with one model: skips those whose files exist, and continues after failures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from pathlib import Path

from sla_cli.annotation.eaf_edit import add_to, check_can_add
from sla_cli.annotation.formats import KINDS, annotation_text
from sla_cli.annotation.layout import DEFAULT, Layout
from sla_cli.artifact.lock import BusyError, locked_while_made
from sla_cli.core.annotation import Annotation
from sla_cli.core.arguments import as_path
from sla_cli.errors import SlaError, naming
from sla_cli.log import log, progress
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
        jobs = with_own_elan_files(jobs, out)
        if options.force:  # two cameras may have one ELAN file
            refuse_same_names(jobs)
    if options.add_to is not None:
        given = len(jobs) + len(lost)
        jobs, left = with_elan_files(jobs, given, options.add_to, options.layout, again=options.force)
        lost += [Outcome(str(job.recording), error=error) for job, error in left]
    yield from lost
    yield from _transcribed(jobs, options, open_recognizer)


def refuse_failures(outcomes: Sequence[Outcome]) -> None:
    """Raise SlaError if a recording failed: its own error if there is only one recording, else one that lists all."""
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    if failed and len(outcomes) == 1:
        raise failed[0]
    if failed:
        summary = f"{len(failed)} of {len(outcomes)} recordings failed; the others are done:"
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
        if _is_made(job, options):
            return _skipped(job)
        if job.add_to is not None:
            check_can_add(job.add_to, options.layout, replace=options.force)
        _check_outputs(job, _wanted(job, options), options)
    except SlaError as error:
        return _failed(job, error, alone=alone)
    opened = recognizer()
    try:
        with _locked(job, wait=wait):
            if _is_made(job, options):  # by the other process
                return _skipped(job)
            return _done(opened, job, tuple(_wanted(job, options).values()), options, alone=alone)
    except BusyError:
        raise
    except SlaError as error:
        return _failed(job, error, alone=alone)


def _wanted(job: Job, options: FileOptions) -> Mapping[str, Path]:
    return job.files if options.force else job.missing


def _is_made(job: Job, options: FileOptions) -> bool:
    return bool(job.files) and not _wanted(job, options) and job.add_to is None


def _skipped(job: Job) -> Outcome:
    log.info("%s: skipped, its files exist (--force replaces those that sla wrote)", job.recording)
    return Outcome(str(job.recording))


def _locked(job: Job, *, wait: bool) -> AbstractContextManager[None]:
    """Keeps other processes from transcribing the same recording into the same folder."""
    if not job.files:
        return nullcontext()
    path = next(iter(job.files.values()))
    busy = f"another process is transcribing {job.recording}"
    return locked_while_made(path.with_name(f".{short_name(path.stem)}.lock"), busy, wait=wait)


def _check_outputs(job: Job, files: Mapping[str, Path], options: FileOptions) -> None:
    """Raise SlaError early, before hours of work, for a path or a name that a file cannot have."""
    nothing = Annotation(job.recording.name, None, 0.0, ())
    for kind, path in files.items():
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


def _done(recognizer: Recognizer, job: Job, files: tuple[Path, ...], options: FileOptions, *, alone: bool) -> Outcome:
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
        path: partial(transcript.save, path, layout=layout, force=force, link_video=options.link_video)
        for path in files
    }
    if job.add_to is not None:
        write[job.add_to] = partial(
            add_to, job.add_to, transcript, layout, replace=force, recording=job.recording.place
        )
    written: list[Path] = []
    faults: list[SlaError] = []
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
