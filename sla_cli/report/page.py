"""The result page: one HTML file that shows how well a split was recognised, and where the errors are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.core.clip_score import ClipScore, pooled
from sla_cli.core.comparison import Comparison
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import SlaError, some, suggestion
from sla_cli.pages.interlinear import Block, blocks
from sla_cli.pages.pictures import film_strip, middles
from sla_cli.pages.template import direction, page_like, render
from sla_cli.pages.timeline import Lane, Output, Timeline, draw_timeline
from sla_cli.report.clip_choice import choose_clips, listed_clips
from sla_cli.report.confusion import error_tables
from sla_cli.report.curve import Chart, learning_curves
from sla_cli.report.reliability import PERCENT, reliability_diagrams
from sla_cli.report.summary import LISTED_SIGNERS, marked, signers, table, wer_axis, with_common_signers
from sla_cli.report.system import System
from sla_cli.system.atomic import Check, write_text
from sla_cli.work.emissions import Emissions
from sla_cli.work.run import Run

REPORT = page_like("sla", "sla report")  # what a report may replace
CHOSEN = "chosen by name"
TILES, TILE = 14, 104  # frames of a clip's picture, and the side of each in pixels

ClipScores = Mapping[str, tuple[ClipScore, ...]]  # of each system, by clip id


@dataclass(frozen=True)
class _ClipRow:
    """A clip in the table of all clips; `picture` is the number of its picture."""

    id: str
    signer: str
    seconds: float | None
    scores: tuple[ClipScore, ...]
    blocks: tuple[Block, ...]
    picture: int | None

    @property
    def counts(self) -> Counts:
        """Of all systems."""
        return pooled(self.scores)

    @property
    def ops(self) -> str:
        """The kinds of errors in the counts."""
        counts = self.counts
        kinds = {"S": counts.substitutions, "D": counts.deletions, "I": counts.insertions}
        return "".join(op for op, number in kinds.items() if number)

    @property
    def differs(self) -> bool:
        return len({score.hypothesis for score in self.scores}) > 1


def write_page(
    out: Path,
    systems: Sequence[System],
    *,
    title: str = "",
    clips: int = 6,
    ids: Sequence[str] = (),
    against: Sequence[Comparison | None] = (),
    note: str = "",
    next_steps: Sequence[str] = (),
    check: Check | None = None,
    keep: bool = False,
) -> None:
    """Write one self-contained HTML file: figures, learning curves, confusions, pictures, all clips' alignments.

    It loads nothing, and shows glosses of any script, also from right to left. The page names what it leaves out,
    including clips if all of them would make it too large to open.

    Args:
        systems: at least one, all of the same clips.
        title: by default corpus and split.
        clips: number of clips with a picture: where systems differ, the worst, the middle, the best.
        ids: instead, the clips that get a picture.
        against: how each system after the first compares with it.
        note: a paragraph under the title.
        next_steps: command lines.
        check, keep: as for `atomic_write`.

    Raises:
        SlaError: systems of different clips, a clip that emissions or store lack, an unknown id.
        FormatError: invalid metrics, or a frame that does not decode.
    """
    systems = with_common_signers(marked(systems, against))
    scores, emissions = _scores_by_clip(systems), _emissions(systems)
    chosen = _chosen(scores, emissions, clips, ids)
    rows = list(_rows(scores, emissions, list(chosen)))
    text = render(
        "report",
        "page",
        title=title or next((f"{file.header.corpus} · {file.header.split}" for file in emissions), systems[0].name),
        note=note,
        systems=systems,
        facts=table(systems),
        axis=wer_axis(systems),
        signers=signers(systems),
        most_signers=LISTED_SIGNERS,
        curves=_curves(systems),
        diagrams=reliability_diagrams(systems),
        percent=PERCENT,
        faults=error_tables([system.score.clips for system in systems]),
        timelines={name: _timeline(name, systems, scores[name]) for name in chosen},
        why=chosen,
        rows=rows,
        clips=len(scores),
        direction=direction(gloss for row in rows for score in row.scores for gloss in score.reference),
        next_steps=next_steps,
    )
    write_text(out, text, check=check, keep=keep)


def _scores_by_clip(systems: Sequence[System]) -> ClipScores:
    """In the order of the first score."""
    scores = [{clip.id: clip for clip in system.score.clips} for system in systems]
    for system, score in zip(systems, scores, strict=True):
        if odd := sorted(score.keys() ^ scores[0].keys()):
            raise SlaError(
                f"{systems[0].name} and {system.name} were scored on different clips: {some(odd)}",
                "A page shows systems on the same clips: score them against the same references.",
            )
        if system.split is not None and systems[0].split is not None:
            first, other = (split.references() for split in (systems[0].split, system.split))
            if odd := sorted(name for name in score if first.get(name) != other.get(name)):
                raise SlaError(
                    f"the stores of {systems[0].name} and {system.name} have other references for {some(odd)}",
                    "A page shows systems on the same clips.",
                )
        for part in (system.split, system.emissions):
            if part is not None and (absent := sorted(score.keys() - set(part.ids))):
                where = part.path if isinstance(part, Emissions) else part
                raise SlaError(f"{where} lacks clips that were scored: {some(absent)}", "Is it the same split?")
    return {name: tuple(score[name] for score in scores) for name in scores[0]}


def _curves(systems: Sequence[System]) -> list[Chart]:
    """Systems may share a run, and runs in different work folders may have the same name."""
    runs: dict[Path, Run] = {}
    names: dict[Path, str] = {}
    for system in reversed(systems):
        if system.run is not None:
            path = system.run.path
            runs[path], names[path] = system.run, f"{system.mark} {names.get(path, path.name)}".strip()
    return learning_curves({names[path]: runs[path] for path in reversed(runs)})


def _chosen(scores: ClipScores, emissions: Sequence[Emissions], number: int, ids: Sequence[str]) -> dict[str, str]:
    """Ids of the clips that get a picture, and why."""
    for name in ids:
        if name not in scores:
            raise SlaError(f"no clip {name!r} was scored", suggestion(name, scores))
    drawable = set(scores).intersection(*map(_drawable, emissions)) if emissions else set()
    if ids:
        return {name: CHOSEN for name in scores if name in ids and name in drawable}
    return choose_clips({name: those for name, those in scores.items() if name in drawable}, number)


def _emissions(systems: Sequence[System]) -> list[Emissions]:
    """Each file once."""
    found = {system.emissions.path: system.emissions for system in systems if system.emissions is not None}
    return list(found.values())


def _drawable(emissions: Emissions) -> set[str]:
    """Clips with at least one frame and one output step."""
    steps = emissions.offsets[1:] - emissions.offsets[:-1]
    return {name for name, *size in zip(emissions.ids, steps, emissions.frames, strict=True) if all(size)}


def _timeline(name: str, systems: Sequence[System], scores: Sequence[ClipScore]) -> Timeline:
    """The picture of a clip: its frames, and the outputs from which systems decoded it."""
    split = next((system.split for system in systems if system.split is not None), None)
    outputs, fps = [], []
    for file in _emissions(systems):
        emission = file[file.ids.index(name)]
        lanes = tuple(
            _lane(system, score, emission.frames)
            for system, score in zip(systems, scores, strict=True)
            if system.emissions is not None and system.emissions.path == file.path
        )
        outputs.append(Output(emission, file.header.glosses, file.header.stride, lanes))
        fps.append(emission.fps)
    if split is None:
        return draw_timeline(outputs, _first_reference(systems, scores), fps=fps[0])
    clip = split[name]
    frames = (clip.frames(slice(time, time + 1))[0] for time in middles(len(clip), TILES))
    reference = clip.glosses or _first_reference(systems, scores)
    return draw_timeline(outputs, reference, fps=fps[0], film=film_strip(frames, TILE))


def _first_reference(systems: Sequence[System], scores: Sequence[ClipScore]) -> tuple[str, ...]:
    """Glosses with which the first system was compared whose emissions there are."""
    return next(score.reference for system, score in zip(systems, scores, strict=True) if system.emissions is not None)


def _lane(system: System, score: ClipScore, frames: int) -> Lane:
    """A hypothesis with the alignment step of each gloss, if normalisation did not change their number."""
    found = system.hypotheses.get(score.id, Hypothesis(score.id, ()))
    ops = tuple(pair.op for pair in score.pairs if pair.hypothesis is not None)
    return Lane(system.label, found.glosses, found.spans, frames, ops if len(ops) == len(found.glosses) else ())


def _rows(scores: ClipScores, emissions: Sequence[Emissions], pictures: Sequence[str]) -> Iterator[_ClipRow]:
    seconds = {
        name: frames / fps
        for file in emissions
        for name, frames, fps in zip(file.ids, file.frames.tolist(), file.fps.tolist(), strict=True)
        if fps
    }
    listed = listed_clips(scores, pictures)
    if any(name not in seconds for name in listed):  # a column of lengths has one unit
        seconds = {}
    for name, of_clip in scores.items():
        if name not in listed:
            continue
        picture = pictures.index(name) + 1 if name in pictures else None
        yield _ClipRow(name, of_clip[0].signer, seconds.get(name), of_clip, tuple(blocks(of_clip)), picture)
