"""Decides which files are written for each recording."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.transcribe.find_recordings import FoundRecording
from sla_cli.transcribe.transcript import ending_of, kind_named

ELAN = "eaf"  # kind of an ELAN file; also if only a folder is given


@dataclass(frozen=True)
class Job:
    """A recording, the files to be written for it by kind, and the ELAN file to which its tiers are added, if any."""

    recording: FoundRecording
    files: Mapping[str, Path]
    add_to: Path | None = None

    @property
    def missing(self) -> dict[str, Path]:
        """The files that do not exist yet."""
        return {kind: path for kind, path in self.files.items() if not os.path.isfile(path)}  # noqa: PTH113, Path.is_file raises for a name that is too long


def plan_outputs(recordings: Sequence[FoundRecording], out: Path | None, kinds: Sequence[str]) -> list[Job]:
    """The files to write for each recording.

    Args:
        out: a folder; or, for one recording, a file, whose extension is an additional kind. None means next to the
            recording.
        kinds: kinds of files.

    Raises:
        SlaError: one file for several recordings, or an unknown extension.
    """
    if out == Path("-"):
        raise SlaError("--output - names no file", "Without it, --format and --add-to, glosses are printed.")
    if out is not None and out.suffix and not out.is_dir():
        if len(recordings) > 1:
            hint = "Name a folder: one that is there, or a name without a point."
            raise SlaError(f"--output {out} is one file for {len(recordings)} recordings", hint)
        named = {kind_named(out): out}
        beside = {kind: out.with_suffix(ending_of(kind)) for kind in kinds}
        return [Job(recording, beside | named) for recording in recordings]
    if out is not None and not kinds:
        kinds = (ELAN,)
    return [
        Job(one, {kind: (out or one.folder) / f"{one.name}{ending_of(kind)}" for kind in kinds}) for one in recordings
    ]


def refuse_same_names(jobs: Sequence[Job], *, force: bool) -> None:
    """Raise SlaError if a file would be written for two recordings: two cameras may have one ELAN file, which is
    written with `force` only."""
    made: dict[Path, Job] = {}
    for job in jobs:
        for kind, path in job.files.items():
            if path.name != f"{job.recording.name}{ending_of(kind)}" and not force:
                continue  # a file that is there, and links the recording
            other = made.setdefault(path.parent.resolve() / path.name, job)
            if other is not job:
                raise SlaError(
                    f"{path} would be written for both {other.recording} and {job.recording}",
                    "Transcribe them one by one, each with another -o.",
                )
