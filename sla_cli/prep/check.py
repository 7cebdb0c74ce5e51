"""Checks that a store is complete and usable, and that its splits do not overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.counted import counted
from sla_cli.core.quantities import Positive
from sla_cli.errors import some
from sla_cli.prep.checks.clips import check_feasible, check_rates, check_references
from sla_cli.prep.checks.figures import Figures, Histogram, figures, histogram
from sla_cli.prep.checks.finding import Finding
from sla_cli.prep.checks.frames import check_frames
from sla_cli.prep.checks.overlap import check_overlap
from sla_cli.prep.checks.sizes import check_frame_totals, check_sizes, published_counts
from sla_cli.prep.checks.vocabulary import check_spelling, check_vocabulary
from sla_cli.store.left_out import check_lists, left_out_among
from sla_cli.store.paths import split_name
from sla_cli.store.store import Store


@dataclass(frozen=True)
class Report:
    """The result of the check.

    Attributes:
        store: path of the store
        corpus: name of the corpus in the store
        division: division that was checked; empty if the store has none
        labels: how the training glosses were cleaned
        stride: video frames per output step, as given
        deep: whether every frame was decoded
        splits: by split, its figures
        frames: histogram of the frames per clip
        glosses: histogram of the glosses per clip
        findings: notes and problems; if there is a problem, the exit code is 3
    """

    store: Path
    corpus: str
    division: str
    labels: str
    stride: Positive
    deep: bool
    splits: dict[str, Figures]
    frames: Histogram
    glosses: Histogram
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.problem)

    @property
    def notes(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if not one.problem)


def check_store(path: Path, *, stride: int, deep: bool = False, jobs: int = 1) -> Report:
    """Check the clips of a store, in one division; if the path names none, also what splits of the others share.

    Args:
        stride: video frames per output step of the model that is to be trained.
        deep: also decode every frame and verify checksums, which reads the whole store.
        jobs: processes for this; 0 uses all usable cores.

    Raises:
        SlaError: no store, or an incomplete one.
        FormatError: its files are so damaged that their tables cannot be read.
    """
    store = Store(path)
    splits = store.parts
    division = store.division.name
    published = published_counts(store.header.corpus, division)
    receipt = read_receipt(store.path)
    findings = [
        *_check_division(store),
        *_check_left_out(store),
        *check_sizes(splits, published, receipt.results if receipt is not None else {}),
    ]
    if receipt is not None and not receipt.arguments.get("fps"):
        findings += check_frame_totals(splits)
    for name, clips in splits.items():
        findings += [*check_references(name, clips), *check_feasible(name, clips, stride)]
    for check in (check_rates, check_overlap, check_vocabulary, check_spelling):
        findings += check(splits)
    if not split_name(path)[1]:  # the user named none
        findings += _check_other_divisions(store)
    if deep:
        findings += check_frames(store, jobs)
    return Report(
        store=store.path,
        corpus=store.header.corpus,
        division=division,
        labels=store.header.labels,
        stride=stride,
        deep=deep,
        splits={name: figures(clips, published.get(name)) for name, clips in splits.items()},
        frames=histogram({name: clips.lengths for name, clips in splits.items()}),
        glosses=histogram({name: list(map(len, clips.glosses)) for name, clips in splits.items() if clips.annotated}),
        findings=tuple(findings),
    )


def _check_division(store: Store) -> Iterator[Finding]:
    """Clips of the division that the store lacks: a note, since a person may be left out, unless it lacks all."""
    there = {clip for file in store.files for clip in file.ids}
    name, hint = store.division.name, "Take another division, or draw one with `sla split`."
    if gone := [clip for clip in store.division.splits if clip not in there]:
        message = f"{counted(len(gone), 'clip')} of division {name} that the store lacks: {some(gone)}"
        yield Finding("division", "", message, hint, tuple(gone), problem=not store.splits)
    elif name and not store.division.splits:
        yield Finding("division", "", f"division {name} lists no clip", hint)


def _check_left_out(store: Store) -> Iterator[Finding]:
    """Clips by signers whom `left-out.txt` names, as of a file of clips that was copied back."""
    clips = store.clips
    check_lists(store.path)
    gone = left_out_among(store.path, clips.signers)
    there = {clip: signer for clip, signer in zip(clips.ids, clips.signers, strict=True) if signer in gone}
    if there:
        message = f"{counted(len(there), 'clip')} by signers who were left out: {some(sorted(set(there.values())))}"
        yield Finding("signers", "", message, "`sla store leave-out` removes them again.", tuple(there))


def _check_other_divisions(store: Store) -> Iterator[Finding]:
    """What splits of the other divisions share although they should not."""
    for name in (name for name in store.divisions if name != store.division.name):
        for finding in check_overlap(Store(store.path, name).parts):
            yield replace(finding, message=f"in division {name}, {finding.message}")
