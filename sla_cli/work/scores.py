"""A score folder: score.json (the figures), clips.tsv (a row per clip), alignment.txt (to read), and more tables.

score.json is written last: a folder that has it is complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path

import msgspec
from rich.cells import cell_len

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.receipt import digest_file, read_receipt
from sla_cli.artifact.table import read_table, write_tsv
from sla_cli.artifact.version import check_version
from sla_cli.config.checks import read_values
from sla_cli.core.breakdown import ClipGroup, GlossCounts
from sla_cli.core.clip_score import ClipScore, score_clips
from sla_cli.core.edit_alignment import KEPT, Counts, Pair
from sla_cli.core.normalize import PROFILES
from sla_cli.core.result import Score
from sla_cli.errors import FormatError, in_line, visible
from sla_cli.log import ONCE, log
from sla_cli.system.atomic import Check, write_text
from sla_cli.system.garbage_collection import without_garbage_collection
from sla_cli.work.figures import VERSION, Figures, WordCounts, figures_of

NAME = "sla-score"
FIGURES, CLIPS, ALIGNMENT = "score.json", "clips.tsv", "alignment.txt"
SIGNERS, LENGTHS, GLOSSES, CONFUSIONS = "signers.tsv", "lengths.tsv", "glosses.tsv", "confusions.tsv"
FIELDS = ("ref_words", "correct", "sub", "del", "ins")  # the last four in the order of Counts
COUNTS = (*FIELDS, "wer")
COLUMNS = ("id", "signer", *COUNTS, "reference", "hypothesis")
GLOSS_COLUMNS = ["gloss", "ref_words", "correct", "sub", "del", "hyp_words", "mistaken", "ins", "recall", "precision"]
DIFFERENCES = (
    *("id", "signer", "ref_words", "errors_a", "errors_b", "difference"),
    *("reference", "hypothesis_a", "hypothesis_b"),
)
RECORDING = "recording"  # an additional last column of CLIPS, if any is known
AGAIN = "Make it again with `sla score`."


def write_scores(folder: Path, score: Score) -> dict[str, str]:
    """Write the files into `folder`; that of signers only if any is known. Returns digests of files read later.

    A copy is kept of a file that is there with other content: the same score was edited.
    """
    clips, tables = score.clips, score.breakdown
    table = partial(write_tsv, keep=True)
    extra = (RECORDING,) if any(clip.recording for clip in clips) else ()
    table(folder / CLIPS, (*COLUMNS, *extra), (_clip_row(clip, len(extra)) for clip in clips))
    write_text(folder / ALIGNMENT, "\n".join(_alignment(score)) + "\n", keep=True)
    table(folder / LENGTHS, ("length", "clips", *COUNTS), map(_group_row, tables.lengths))
    table(folder / GLOSSES, GLOSS_COLUMNS, map(_gloss_row, tables.glosses))
    pairs = [(one.count, one.reference, one.hypothesis) for one in tables.confusions]
    table(folder / CONFUSIONS, ("count", "reference", "hypothesis"), pairs)
    if tables.signers:
        table(folder / SIGNERS, ("signer", "clips", *COUNTS), map(_group_row, tables.signers))
    figures = msgspec.to_builtins(figures_of(score))
    write_text(folder / FIGURES, json.dumps(figures, indent=1, ensure_ascii=False) + "\n", keep=True)
    return {name: digest_file(folder / name) for name in (FIGURES, CLIPS)}


def read_scores(folder: Path) -> Score:
    """The score of a folder; its alignments are computed again from the glosses in it.

    Raises:
        FormatError: another format or version, counts that do not match the glosses, or files that are not as
            `sla score` wrote them, according to the receipt.
    """
    path = folder / FIGURES
    if not path.is_file():
        what = f"not a score folder: it has no {FIGURES}" if folder.exists() else "no such score folder"
        raise FormatError(f"{folder}: {what}", "`sla score` makes one.")
    if not (folder / CLIPS).is_file():
        raise FormatError(f"{folder} has lost {CLIPS}", AGAIN)
    _check_unchanged(folder)
    figures = read_figures(path)
    score = Score(
        profile=figures.profile,
        profile_version=figures.profile_version,
        signature=figures.signature,
        clips=_read_clips(folder / CLIPS),
        absent=figures.absent,
        left_out=figures.left_out,
        interval=figures.interval,
        oracle=_counts(figures.oracle) if figures.oracle else None,
        alternatives=figures.nbest or 1,
        tuned_on=figures.tuned_on or "",
        no_gain_on=figures.no_gain_on or "",
    )
    if figures_of(score) != figures:
        raise FormatError(f"{path}: its figures do not follow from the counts in {CLIPS}", AGAIN)
    return score


def read_figures(path: Path) -> Figures:
    """The content of a score.json of a known version. Raises FormatError."""
    facts = read_json(path, AGAIN, names=True)
    if facts.get("format") != NAME:
        raise FormatError(f"{path}: not a {NAME}", AGAIN)
    check_version(path, NAME, VERSION, facts.get("version"), AGAIN)
    figures = read_values(Figures, facts, path, AGAIN)
    if figures.profile not in PROFILES:
        raise FormatError(f"{path}: no normalisation profile {figures.profile!r}", AGAIN)
    return figures


def _counts(counts: WordCounts) -> Counts:
    """Counts as they are added, from those of the file."""
    return Counts(counts.correct, counts.sub, counts.deletions, counts.ins)


def _check_unchanged(folder: Path) -> None:
    """Raise FormatError if a file is not as the receipt describes it; warn if there is none."""
    receipt = read_receipt(folder, "score")
    if receipt is None:
        log.warning("%s has no receipt: whether it is as `sla score` wrote it is unknown", folder, extra=ONCE)
        return
    for name, digest in receipt.results.get("digests", {}).items():
        if digest_file(folder / name) != digest:
            raise FormatError(f"{folder / name} is damaged or was edited: it is not what `sla score` wrote", AGAIN)


def _read_clips(path: Path) -> tuple[ClipScore, ...]:
    with without_garbage_collection():
        rows = list(read_table(path, COLUMNS, "\t"))
        clips = tuple(
            score_clips(
                (
                    row["id"],
                    row["reference"].split(),
                    row["hypothesis"].split(),
                    row["signer"],
                    row.fields.get(RECORDING, ""),
                )
                for row in rows
            )
        )
    for row, clip in zip(rows, clips, strict=True):
        if [row[name] for name in FIELDS] != list(map(str, _values(clip.counts))):
            raise FormatError(f"{path}, line {row.line}: the counts do not match the glosses", AGAIN)
    return clips


def _values(counts: Counts) -> tuple[int, int, int, int, int]:
    """In the order of FIELDS."""
    return counts.ref_words, counts.correct, counts.substitutions, counts.deletions, counts.insertions


def write_differences(path: Path, first: Score, second: Score, *, check: Check | None = None) -> None:
    """A table of clips with both systems' errors and hypotheses; `difference` is second minus first.

    Args:
        first, second: scores of the same clips in the same order.
        check: as for `atomic_write`.
    """
    rows = []
    for a, b in zip(first.clips, second.clips, strict=True):
        errors = [a.counts.errors, b.counts.errors, b.counts.errors - a.counts.errors]
        glosses = map(" ".join, (a.reference, a.hypothesis, b.hypothesis))
        rows.append([a.id, one_line(a.signer), a.counts.ref_words, *errors, *glosses])
    write_tsv(path, DIFFERENCES, rows, check=check, keep=True)


def _clip_row(clip: ClipScore, extra: int) -> list[object]:
    cells = [clip.id, one_line(clip.signer), *_count_cells(clip.counts)]
    return [*cells, " ".join(clip.reference), " ".join(clip.hypothesis), one_line(clip.recording)][
        : len(COLUMNS) + extra
    ]


def _group_row(group: ClipGroup) -> list[object]:
    return [one_line(group.name), group.clips, *_count_cells(group.counts)]


def _gloss_row(one: GlossCounts) -> list[object]:
    in_references = [one.ref_words, one.correct, one.substituted, one.deleted]
    in_hypotheses = [one.hyp_words, one.mistaken, one.inserted]
    return [one.gloss, *in_references, *in_hypotheses, _rate(one.recall), _rate(one.precision)]


@lru_cache(KEPT)
def _count_cells(counts: Counts) -> tuple[object, ...]:
    return (*_values(counts), _rate(counts.wer if counts.ref_words else None))


def _rate(percent: float | None) -> str:
    return "" if percent is None else f"{percent:.2f}"


def one_line(name: str) -> str:
    """A name without characters that a cell cannot hold."""
    return " ".join(name.split())


def _alignment(score: Score) -> Iterator[str]:
    """Lines like those of sclite's `pra` report, for a terminal; columns are as wide as the glosses on it."""
    yield score.signature
    columns = _Columns()
    for clip in score.clips:
        steps = clip.counts
        counted = f"{steps.correct} {steps.substitutions} {steps.deletions} {steps.insertions}"
        yield f"\nid: {in_line(clip.id)}\nScores: (#C #S #D #I) {counted}"
        if clip.pairs:
            reference, hypothesis, ops = map(" ".join, zip(*map(columns.__getitem__, clip.pairs), strict=True))
            yield f"REF:  {reference}".rstrip()
            yield f"HYP:  {hypothesis}".rstrip()
            yield f"Eval: {ops}".rstrip()


class _Columns(dict[Pair, tuple[str, str, str]]):
    """Reference, hypothesis and step, padded to one width; stars for a missing side. Cached: few steps differ."""

    def __missing__(self, pair: Pair) -> tuple[str, str, str]:
        op, *sides = pair
        reference, hypothesis = (None if gloss is None else visible(gloss) for gloss in sides)
        ours, theirs = (0 if gloss is None else cell_len(gloss) for gloss in (reference, hypothesis))
        width = max(3, ours, theirs)
        self[pair] = (
            "*" * width if reference is None else reference + " " * (width - ours),
            "*" * width if hypothesis is None else hypothesis + " " * (width - theirs),
            " " * width if op == "C" else op.ljust(width),
        )
        return self[pair]
