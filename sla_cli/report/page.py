"""The result page: one HTML file that shows how well a split was recognised, and what went wrong where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from sla_cli import __version__
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.result import ClipScore, Score
from sla_cli.errors import SlaError, some
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.emissions import Emissions
from sla_cli.formats.store import Split
from sla_cli.report.curve import learning_curves
from sla_cli.report.timeline import Reading, Timeline, draw_timeline

TEMPLATE = "page.html.j2"


@dataclass(frozen=True)
class System:
    """One way of decoding: its name on the page, its score, and its hypotheses."""

    name: str
    score: Score
    hypotheses: Sequence[Hypothesis]


@dataclass(frozen=True)
class _Row:
    """A line of the table: a clip and what each system made of it; `picture` is its number among the pictures."""

    id: str
    signer: str
    seconds: float
    readings: tuple[Reading, ...]
    picture: int | None


def write_page(
    out: Path,
    *,
    title: str,
    split: Split,
    emissions: Emissions,
    systems: Sequence[System],
    metrics: Path | None = None,
    clips: int = 6,
    note: str = "",
    next_steps: Sequence[str] = (),
) -> None:
    """Write one self-contained HTML file: figures, learning curves, pictures of some clips, all clips' alignments.

    It loads nothing, runs no script, and shows glosses of any script, right to left too.

    Args:
        split: frames and references of the clips.
        emissions: the log-probabilities that were decoded.
        systems: at least one, all of the same clips.
        metrics: the run's metrics.tsv, for the learning curves.
        clips: how many clips get a picture: where systems differ, with errors and without, the same ones each time.
        note: a paragraph under the title.
        next_steps: command lines.

    Raises:
        SlaError: systems of different clips, or a clip that split or emissions lack.
        FormatError: metrics that are none, or a frame that does not decode.
    """
    readings = _readings(systems, split, emissions)
    chosen = _choose(readings, _drawable(split, emissions), clips)
    environment = Environment(
        loader=PackageLoader("sla_cli", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(TEMPLATE).render(
        title=title,
        note=note,
        split=split,
        systems=systems,
        curves=learning_curves(metrics) if metrics else [],
        timelines=list(_timelines(chosen, readings, split, emissions)),
        rows=list(_rows(readings, split, chosen)),
        next_steps=next_steps,
        version=__version__,
    )
    with atomic_write(out) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _readings(systems: Sequence[System], split: Split, emissions: Emissions) -> dict[str, tuple[Reading, ...]]:
    """By clip id, in the order of the first score; a clip without hypothesis was scored as empty."""
    scores = [{clip.id: clip for clip in system.score.clips} for system in systems]
    heard = [{hypothesis.id: hypothesis for hypothesis in system.hypotheses} for system in systems]
    _check_ids(systems, scores, split, emissions)
    return {
        name: tuple(
            Reading(system.name, score[name], hypotheses.get(name, Hypothesis(name, ())))
            for system, score, hypotheses in zip(systems, scores, heard, strict=True)
        )
        for name in scores[0]
    }


def _check_ids(
    systems: Sequence[System], scores: Sequence[dict[str, ClipScore]], split: Split, emissions: Emissions
) -> None:
    for system, score in zip(systems, scores, strict=True):
        if odd := sorted(score.keys() ^ scores[0].keys()):
            raise SlaError(
                f"{systems[0].name} and {system.name} were scored on different clips: {some(odd)}",
                "A page compares systems on the same clips: score them against the same references.",
            )
    for path, ids in ((split.path, split.ids), (emissions.path, emissions.ids)):
        if absent := sorted(scores[0].keys() - set(ids)):
            raise SlaError(f"{path} lacks clips that were scored: {some(absent)}", "Are they of the same split?")


def _drawable(split: Split, emissions: Emissions) -> set[str]:
    """Clips with at least one frame and one output step."""
    steps = emissions.offsets[1:] - emissions.offsets[:-1]
    return {name for name, count in zip(emissions.ids, steps, strict=True) if count and len(split[name])}


def _choose(readings: dict[str, tuple[Reading, ...]], drawable: set[str], number: int) -> list[str]:
    """Ids of clips worth a picture, in the order of the page.

    Taken in turn: where systems differ most, with most errors, and the longest that all got right.
    """

    def errors(name: str) -> list[int]:
        return [reading.score.counts.errors for reading in readings[name]]

    names = [name for name in readings if name in drawable]
    differing = [name for name in names if len({reading.score.hypothesis for reading in readings[name]}) > 1]
    wrong = [name for name in names if any(errors(name))]
    right = [name for name in names if not any(errors(name))]
    differing.sort(key=lambda name: min(errors(name)) - max(errors(name)))
    wrong.sort(key=lambda name: -sum(errors(name)))
    right.sort(key=lambda name: -len(readings[name][0].score.reference))
    in_turn = filter(None, chain.from_iterable(zip_longest(differing, wrong, right)))
    chosen = set(list(dict.fromkeys(in_turn))[:number])
    return [name for name in readings if name in chosen]


def _timelines(
    chosen: Sequence[str], readings: dict[str, tuple[Reading, ...]], split: Split, emissions: Emissions
) -> Iterator[Timeline]:
    drawn = {emission.id: emission for emission in emissions if emission.id in chosen}
    for name in chosen:
        yield draw_timeline(split[name], drawn[name], emissions.header, readings[name])


def _rows(readings: dict[str, tuple[Reading, ...]], split: Split, chosen: Sequence[str]) -> Iterator[_Row]:
    for name, made in readings.items():
        clip = split[name]
        picture = chosen.index(name) + 1 if name in chosen else None
        yield _Row(name, clip.signer, len(clip) / split.fps, made, picture)
