"""Decides to which ELAN file the tiers of each recording are added: a file for one recording, or those of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sla_cli.annotation.eaf_beside import ElanFiles, elan_below, elan_files
from sla_cli.annotation.tier import place_of
from sla_cli.core.endings import is_video
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.transcribe.outputs import ELAN, Job


def with_elan_files(
    jobs: Sequence[Job], given: int, add_to: Path
) -> tuple[list[Job], list[tuple[Job, SlaError | None]]]:
    """The jobs, each with its ELAN file; and those that are left out, with the reason if that is a fault.

    Args:
        given: recordings that were asked for, also those that were not found.
        add_to: an ELAN file; or a folder, in which the ELAN file of a recording has its name, or anywhere in which it
            links it. Next to a recording in this folder one of its name is looked for, also in subfolders.

    Raises:
        SlaError: no such file or folder, or several recordings for one file.
    """
    if not add_to.exists():
        raise SlaError(f"no such ELAN file or folder: {add_to}", "--add-to changes files that exist.")
    if not add_to.is_dir():
        if add_to.suffix.lower() != ".eaf":  # a template (.etf) has the same form
            exchanged = "Write the video before --add-to, and the ELAN file after it."
            hint = exchanged if is_video(add_to.name) else "Those of annotations end in .eaf."
            raise SlaError(f"--add-to {add_to} is no ELAN file, by its name", hint)
        if given > 1:
            fault = f"--add-to {add_to} is for one recording, but {given} were given"
            raise SlaError(fault, "Give one video; or as --add-to the folder of their ELAN files.")
        return [replace(job, add_to=add_to) for job in jobs], []
    places: dict[str, Job] = {}
    homes: dict[Path, Path] = {}  # of recordings: of their ELAN files
    spelled: dict[Path, Path] = {}  # each folder as it is written first
    for job in jobs:
        place, home = job.recording.place, job.recording.place.parent
        folder = home if home.resolve().is_relative_to(add_to.resolve()) else add_to
        homes[home] = spelled.setdefault(folder.resolve(), folder)
        _refuse_second(places.setdefault(place_of(place), job), job, add_to)
    files = [path for folder in {*homes.values()} for path in folder.iterdir()]
    others = [path for folder in homes for path in folder.iterdir() if is_video(path.name)]
    elan = elan_files([job.recording.place for job in jobs], [*files, *others, *elan_below(add_to)], homes)
    taken: dict[Path, Job] = {}
    for job in jobs:
        if (eaf := elan.of.get(job.recording.place)) is not None and eaf.is_file():
            _refuse_second(taken.setdefault(eaf, job), job, add_to)
    kept: list[Job] = []
    left: list[tuple[Job, SlaError | None]] = []
    for job in jobs:
        try:
            if (todo := _with_file(job, elan)) is not None:
                kept.append(todo)
            else:
                left.append((job, None))
        except SlaError as error:
            left.append((job, error))
    return kept, left


def with_own_elan_files(jobs: Sequence[Job], out: Path | None, given: Sequence[Path] = ()) -> list[Job]:
    """The jobs, with the ELAN file that a recording already has as its file of that kind, whatever it is called.

    Args:
        out: the folder of the files, None for those of the recordings. If it is another one, none is looked for.
        given: in the folders among these it is also looked for, at any depth.
    """
    home = None if out is None else out.resolve()
    places = [one.recording.place for one in jobs if ELAN in one.files]
    places = [place for place in places if home in (None, place.parent.resolve())]
    if not places:
        return list(jobs)
    beside = [path for folder in {place.parent for place in places} for path in folder.iterdir()]
    elan = elan_files(places, [*beside, *(path for one in given if one.is_dir() for path in elan_below(one))])
    found = elan.of | elan.further
    return [_with_own(job, found.get(job.recording.place)) for job in jobs]


def _with_own(job: Job, eaf: Path | None) -> Job:
    if eaf is None or not eaf.is_file() or eaf == job.files[ELAN]:
        return job
    log.info("%s: its ELAN file is %s (--add-to adds tiers to it)", job.recording, eaf)
    return replace(job, files={**job.files, ELAN: eaf})


def _refuse_second(first: Job, job: Job, add_to: Path) -> None:
    if first is not job:
        fault = f"{first.recording} and {job.recording} would have one ELAN file in {add_to}"
        raise SlaError(fault, "Transcribe them one by one, each with its ELAN file as --add-to.")


def _with_file(job: Job, elan: ElanFiles) -> Job | None:
    """The job with the ELAN file to which its tiers are to be added; None if that is of another recording.

    Raises SlaError if no ELAN file is found.
    """
    place = job.recording.place
    if place in elan.namesakes:
        fault = f"{job.recording}: {elan.namesakes[place]} has its name, but links another video of this name"
        raise SlaError(fault, "Give the file as --add-to if it is about this video, too.")
    if place in elan.further:
        log.info("%s: left out, %s links it beside another video", job.recording, elan.further[place])
        return None
    eaf = elan.of[place]
    if not eaf.is_file():
        fault = f"{job.recording}: no ELAN file in {eaf.parent} has its name or links it"
        raise SlaError(fault, "Link it in ELAN, or write a new file: --format eaf in place of --add-to.")
    return replace(job, add_to=eaf)
