"""Figures of runs side by side: variant, trained parameters, and the error rates of each split that was decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sla_cli.core.result import Score
from sla_cli.core.seed_groups import SeedGroup, seed_group
from sla_cli.errors import SlaError, argument
from sla_cli.score.compare import paired
from sla_cli.score.members import parts_of
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_in_memory
from sla_cli.work.decoded import decoded_runs, has_hypotheses, hypotheses_of
from sla_cli.work.folder import Work, search_of, work_option
from sla_cli.work.group import Member, check_group
from sla_cli.work.run import Run
from sla_cli.work.run_weights import trained_parameters

SHOWN = ("dev", "test")


@dataclass(frozen=True)
class Row:
    """One run, or the runs of one configuration with several seeds.

    Attributes:
        name: as it was given.
        search: how its hypotheses were decoded, as in their names: `greedy`, `beam10`, `beam10-lm`.
        trained: number of parameters that training changes.
        scores: by split, if there are hypotheses of it.
    """

    name: str
    search: str
    variant: str
    trained: int
    scores: Mapping[str, SeedGroup]


def run_table(
    names: Sequence[str],
    work: Work,
    *,
    splits: Sequence[str] = SHOWN,
    ref: Path | None,
    searches: Sequence[str] = (),
    options: ScoreOptions,
) -> list[Row]:
    """A row for each name and each search; a name is a run, the runs of several seeds, or several runs with commas.

    Args:
        names: if empty, all runs of which one of the splits was decoded, each by the searches that it has.
        splits: those that are scored, if there are hypotheses of them.
        searches: which of a run's hypotheses, as `hypotheses_of` takes it; may be left out if there is one search.

    Raises:
        SlaError: no such run, one without hypotheses, runs of one row that `check_group` refuses, or rows whose clips
            or references differ; also all that scoring raises.
    """
    named = {name: _runs_of(name, work) for name in names}
    if not names:  # not looked up by name: something else of this name may be in the current folder
        named = {run.name: [run] for run in decoded_runs(work, splits)}
    wanted = [(name, runs, search) for name, runs in named.items() for search in dict.fromkeys(searches) or (None,)]
    if not names:
        there = [one for one in wanted if any(has_hypotheses(work, one[1][0], split, one[2]) for split in splits)]
        found = {search for _, _, search in there}
        unknown = [one for one in wanted if one[2] not in found]  # the first raises, and says which searches there are
        wanted = unknown or there
    rows = [_row(name, runs, work, splits, ref, search, options) for name, runs, search in wanted]
    for split in splits:
        shown = [(row.name, row.scores[split].scores[0]) for row in rows if split in row.scores]
        for name, score in shown[1:]:
            paired(shown[0][1], score, (shown[0][0], name))
    return rows


def _runs_of(name: str, work: Work) -> list[Run]:
    return [Run(path) for part in parts_of(name, work) for path in work.runs_called(part) or [work.runs / part]]


def _row(
    name: str,
    runs: Sequence[Run],
    work: Work,
    splits: Sequence[str],
    ref: Path | None,
    search: str | None,
    options: ScoreOptions,
) -> Row:
    check_group(name, [Member.of(run.name, run.path, run) for run in runs])
    scores, found_by = {}, dict[str, None]()
    for split in splits:
        if _is_decoded(name, runs, split, search, work):
            files = [hypotheses_of(work, run, split=split, search=search) for run in runs]
            found_by |= dict.fromkeys(map(search_of, files))
            found = [score_in_memory(file, ref, options)[0] for file in files]
            scores[split] = _group(name, runs, found, options)
    if not scores:
        hypotheses_of(work, runs[0], split=splits[0], search=search)  # raises, and says which there are
    return Row(name, ", ".join(found_by), runs[0].config.model.variant, trained_parameters(runs[0]), scores)


def _is_decoded(name: str, runs: Sequence[Run], split: str, search: str | None, work: Work) -> bool:
    """Whether there are hypotheses of a split from each run; False if from none. Raises SlaError if from some only."""
    lacking = [run.path for run in runs if not has_hypotheses(work, run, split, search)]
    if lacking and len(lacking) < len(runs):
        chosen, how = (f" by {search}", f" with the options of {search}") if search else ("", "")
        makes = f"`sla decode {argument(lacking[0])} --split {split}{work_option(work.root)}`{how} makes them"
        raise SlaError(
            f"{name}: no hypotheses of {split}{chosen} of {lacking[0].name} in {work.hypotheses}, but of other runs",
            f"{makes}; --split of `sla table` shows one only.",
        )
    return not lacking


def _group(name: str, runs: Sequence[Run], scores: Sequence[Score], options: ScoreOptions) -> SeedGroup:
    members = [run.name for run in runs]
    aligned = [paired(scores[0], one, (members[0], member))[1] for one, member in zip(scores, members, strict=True)]
    return seed_group(name, members, aligned, options.resampling)


def mean_share(group: SeedGroup, kind: str) -> float:
    """`deletions` or `insertions` in percent of the reference words, the mean over the runs."""
    totals = [score.total for score in group.scores]
    return float(np.mean([100 * getattr(total, kind) / max(total.ref_words, 1) for total in totals]))
