"""A group of runs: one configuration, trained with several seeds. Other runs have no mean and no spread of seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from sla_cli.config.checks import values_of
from sla_cli.config.settings import Config
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.work.run import Run

# Settings in which runs of a group may differ: the seed, and those that change no result.
FREE = ("train.seed", "train.workers", "train.save_minutes")


@dataclass(frozen=True)
class Member:
    """One run of a group.

    Attributes:
        name: name of the run.
        path: its hypotheses, its score folder, or its own folder.
        config: its settings; None if the run is not known.
        start: digest of the weights that it started from (`--init-from`); "" for initial weights.
        clips: digests of the splits that it was trained on; empty if the run is not known.
    """

    name: str
    path: Path
    config: Config | None = None
    start: str = ""
    clips: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, path: Path, run: Run | None) -> Member:
        """With what is known of the run; None if it is not known."""
        if run is None:
            return cls(name, path)
        begin = run.facts.init_from
        return cls(name, path, run.config, begin.weights if begin else "", run.facts.digests)

    @property
    def seed(self) -> int | None:
        """The seed with which it was trained; None if the run is not known."""
        return None if self.config is None else self.config.train.seed


def check_group(text: str, members: Sequence[Member]) -> None:
    """Raise SlaError if a run is named twice, or if known runs have different settings, starts or clips, or the same
    seed.

    Args:
        text: what names the group on the command line.
    """
    paths = [member.path.resolve() for member in members]
    if twice := next((one for one, path in zip(members, paths, strict=True) if paths.count(path) > 1), None):
        raise SlaError(f"{twice.path} is named twice in {text}", "Name each run once.")
    known = [(member, member.config) for member in members if member.config is not None]
    if len(members) > 1 and (unknown := [member.name for member in members if member.config is None]):
        log.warning("%s: not checked to be seeds of one configuration: no run is known of %s", text, some(unknown))
    for (one, own), (other, theirs) in combinations(known, 2):
        fault = _fault(own, theirs)
        if one.start != other.start:
            fault = "started from other weights"
        elif one.clips != other.clips:
            fault = "were trained on different clips"
        if fault:
            names = (one.name, other.name) if one.name != other.name else (one.path, other.path)
            raise SlaError(
                f"{text}: {names[0]} and {names[1]} {fault}, so they are no group of seeds",
                "A group has one configuration, one start, one train split and each seed once; name others separately.",
            )


def _fault(own: Config, theirs: Config) -> str:
    """Why two runs with these settings are not of one group, "" if they may be."""
    there = values_of(theirs)
    if different := [key for key, value in values_of(own).items() if value != there[key] and key not in FREE]:
        return f"differ in {', '.join(different[:3])}"
    return f"have the same seed, {own.train.seed}" if own.train.seed == theirs.train.seed else ""
