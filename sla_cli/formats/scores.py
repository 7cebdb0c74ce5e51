"""A score folder: score.json (the figures), clips.tsv (a line a clip), alignment.txt (to read).

score.json is written last: a folder with it is whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from sla_cli.core.align import Counts, Pair
from sla_cli.core.result import ClipScore, Score, score_clip
from sla_cli.errors import FormatError
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.table import Row, read_table, read_text

NAME, VERSION = "sla-score", 1
FIGURES, CLIPS, ALIGNMENT = "score.json", "clips.tsv", "alignment.txt"
COLUMNS = ("id", "ref_words", "correct", "sub", "del", "ins", "wer", "reference", "hypothesis")
AGAIN = "Make it again with `sla score`."


def summary(score: Score) -> dict[str, Any]:
    """The figures as JSON values: what score.json holds and `sla score --json` prints. wer is in percent."""
    return {
        "format": NAME,
        "version": VERSION,
        "wer": score.total.wer,
        **_figures(score.total),
        "errors": score.total.errors,
        "utterances": len(score.clips),
        "profile": score.profile,
        "profile_version": score.profile_version,
        "signature": score.signature,
        "absent": list(score.absent),
        "left_out": list(score.left_out),
    }


def write_scores(folder: Path, score: Score) -> None:
    """Write the three files into `folder`."""
    rows = ["\t".join(COLUMNS), *map(_row, score.clips)]
    texts = {
        CLIPS: "\n".join(rows) + "\n",
        ALIGNMENT: "\n".join(_alignment(score)) + "\n",
        FIGURES: json.dumps(summary(score), indent=1, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def read_scores(folder: Path) -> Score:
    """The score of a folder, its alignments made anew from the glosses in it.

    Raises:
        FormatError: another format or version, or counts that do not follow from the glosses.
    """
    path = folder / FIGURES
    facts = _read_figures(path)
    clips = tuple(_read_clip(row, folder / CLIPS) for row in read_table(folder / CLIPS, COLUMNS, "\t"))
    try:
        score = Score(
            profile=facts["profile"],
            profile_version=facts["profile_version"],
            signature=facts["signature"],
            clips=clips,
            absent=tuple(facts["absent"]),
            left_out=tuple(facts["left_out"]),
        )
        same = {name: facts[name] for name in _figures(score.total)} == _figures(score.total)
    except (KeyError, TypeError) as error:
        raise FormatError(f"{path}: not a whole {NAME} ({error})", AGAIN) from error
    if not same:
        raise FormatError(f"{path}: its counts are not the sum of those in {CLIPS}", AGAIN)
    return score


def _read_figures(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}, line {error.lineno}: not JSON ({error.msg})", AGAIN) from error
    if not isinstance(facts, dict) or facts.get("format") != NAME:
        raise FormatError(f"{path}: not a {NAME}", AGAIN)
    if facts.get("version") != VERSION:
        raise FormatError(f"{path}: {NAME} version {facts.get('version')}, this sla reads version {VERSION}", AGAIN)
    return facts


def _read_clip(row: Row, path: Path) -> ClipScore:
    clip = score_clip(row["id"], row["reference"].split(), row["hypothesis"].split())
    if {name: row[name] for name in _figures(clip.counts)} != {k: str(v) for k, v in _figures(clip.counts).items()}:
        raise FormatError(f"{path}, line {row.line}: the counts do not follow from the glosses", AGAIN)
    return clip


def _figures(counts: Counts) -> dict[str, int]:
    return {
        "ref_words": counts.ref_words,
        "correct": counts.correct,
        "sub": counts.substitutions,
        "del": counts.deletions,
        "ins": counts.insertions,
    }


def _row(clip: ClipScore) -> str:
    wer = f"{clip.counts.wer:.2f}" if clip.counts.ref_words else ""
    cells = [clip.id, *_figures(clip.counts).values(), wer, " ".join(clip.reference), " ".join(clip.hypothesis)]
    return "\t".join(map(str, cells))


def _alignment(score: Score) -> Iterator[str]:
    """Lines in the manner of sclite's `pra` report, columns as wide as the glosses are on a screen."""
    yield score.signature
    for clip in score.clips:
        counts = clip.counts
        yield ""
        yield f"id: {clip.id}"
        yield f"Scores: (#C #S #D #I) {counts.correct} {counts.substitutions} {counts.deletions} {counts.insertions}"
        columns = list(map(_column, clip.pairs))
        for label, line in zip(("REF: ", "HYP: ", "Eval:"), zip(*columns, strict=True), strict=False):
            yield f"{label} {' '.join(line)}".rstrip()


def _column(pair: Pair) -> tuple[str, str, str]:
    """Reference, hypothesis and step, padded to one width; what one side lacks is starred."""
    width = max(3, *(cell_len(gloss) for gloss in (pair.reference, pair.hypothesis) if gloss is not None))
    cells = (pair.reference, pair.hypothesis, "" if pair.op == "C" else pair.op)
    reference, hypothesis, op = (
        "*" * width if cell is None else cell + " " * (width - cell_len(cell)) for cell in cells
    )
    return reference, hypothesis, op
