"""The runs that a name on the command line means, and the run that hypotheses or a score were made from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sla_cli.artifact.receipt import DIGEST, Receipt, digest_file, read_receipt
from sla_cli.errors import SlaError
from sla_cli.work.decoded import hypotheses_of
from sla_cli.work.folder import Work, find_source
from sla_cli.work.group import Member, check_group
from sla_cli.work.run import Run
from sla_cli.work.scores import FIGURES


def members(text: str, work: Work, *, split: str | None = None, search: str | None = None) -> list[Member]:
    """The files, score folders or runs that an argument names, separated by commas.

    A run is a folder, or a name in the work folder; the name given to `sla train --seeds` means the runs of all its
    seeds. If the run of each is known, they are in the order of their seeds.

    Args:
        split, search: choose among a run's hypotheses, as `hypotheses_of` takes them.

    Raises:
        SlaError: a name does not exist, it is not clear which hypotheses of a run are meant, or `check_group` refuses
            the group.
    """
    found = [member for part in parts_of(text, work) for member in _members(part, work, split, search)]
    check_group(text, found)
    seeds = [member.seed for member in found if member.seed is not None]
    return found if len(seeds) < len(found) else sorted(found, key=lambda member: member.seed or 0)


def check_choice(texts: Sequence[str], work: Work, split: str | None, search: str | None) -> None:
    """Raise SlaError for a choice among the hypotheses of runs if the arguments name none."""
    given = [name for name, value in (("--split", split), ("--search", search)) if value is not None]
    if given and all(_is_artifact(Path(part)) for text in texts for part in parts_of(text, work)):
        raise SlaError(f"{' and '.join(given)}: no effect on files and score folders, only on runs", "Leave it out.")


def parts_of(text: str, work: Work) -> list[str]:
    """What an argument names, separated by commas; of a file or run, a comma may be part of the name.

    Raises SlaError if a name is empty.
    """
    whole = os.path.exists(text) or os.path.exists(work.runs / text)  # noqa: PTH110 - Path.exists raises for a long list
    parts = [text] if whole else text.split(",")
    if not all(parts):
        raise SlaError(f"{text!r} has an empty name where hypotheses, a score or a run is needed", "Write A or A,B.")
    return parts


def _members(part: str, work: Work, split: str | None, search: str | None) -> list[Member]:
    path = Path(part)
    if _is_artifact(path):
        return [member_of(path)]
    runs = work.runs_called(part)
    if not runs:
        what = "it is a folder that is neither a score nor a run" if path.is_dir() else "no such file"
        hint = "`sla decode` makes hypotheses of a run, and `sla score` a score of hypotheses."
        raise SlaError(f"cannot read {part}: {what}, and {work.runs} has no run of this name", hint)
    known = [(run, Member.of(run.name, run.path, run)) for run in map(Run, runs)]  # refuses what is no run
    return [replace(member, path=hypotheses_of(work, run, split=split, search=search)) for run, member in known]


def _is_artifact(path: Path) -> bool:
    """Whether it is a file or a score folder, and no run."""
    return (path.exists() and not path.is_dir()) or (path / FIGURES).is_file()


def member_of(artifact: Path) -> Member:
    """A hypotheses file or a score folder, with what is known of its run.

    Nothing is known if receipts do not lead to a run, or if something on the way was made again with other content.
    """
    name = artifact.name if artifact.is_dir() else artifact.stem
    with suppress(SlaError):  # a damaged receipt or run
        return Member.of(name, artifact, _run(artifact))
    return Member(name, artifact)


def _run(artifact: Path) -> Run | None:
    for stage, name in (("score", "hypotheses"), ("decode", "emissions")):
        receipt = read_receipt(artifact)
        if receipt is None or receipt.stage != stage:
            continue
        source = _source(receipt, name, artifact)
        made = None if source is None else read_receipt(source)
        if source is None or made is None or made.results.get(DIGEST) != receipt.inputs.get(name):
            return None
        artifact = source
    emitted = read_receipt(artifact)
    run = None if emitted is None or emitted.stage != "emit" else _source(emitted, "run", artifact)
    if emitted is None or run is None or digest_file(run / "config.toml") != emitted.inputs.get("config"):
        return None
    return Run(run)


def _source(receipt: Receipt, name: str, artifact: Path) -> Path | None:
    """The present path of a source in the receipt of an artifact; None if it is not recorded, or gone."""
    return find_source(Path(receipt.sources[name]), artifact) if name in receipt.sources else None
