"""`sla times`: compares glosses with times in files with true ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from sla_cli.annotation.eaf import ASSOCIATION
from sla_cli.annotation.formats import can_read, parse_annotation
from sla_cli.annotation.hands import merge_hands
from sla_cli.annotation.layout import SENTENCE
from sla_cli.annotation.subtitles import CUES
from sla_cli.annotation.tier import Tier, find_tiers, origin_in
from sla_cli.artifact.receipt import unchanged_digest
from sla_cli.artifact.text import beginning, one_line_end, read_bytes, read_text
from sla_cli.core.annotation import Sign
from sla_cli.core.counted import counted
from sla_cli.core.edit_alignment import Counts, align, count, total
from sla_cli.core.hypothesis import Glosses
from sla_cli.core.quantities import Amount, Count
from sla_cli.core.time_score import OVERLAPS, TimeScore, pooled_times, score_times
from sla_cli.errors import SlaError, naming, some
from sla_cli.exchange.ctm import FORMAT, read_times
from sla_cli.exchange.format import content_lines
from sla_cli.log import log
from sla_cli.score.unicode import nfc as in_nfc
from sla_cli.score.unicode import refuse_mixed_forms, same_but_for_form
from sla_cli.video.tree import Folder
from sla_cli.video.walk import walk
from sla_cli.work.hypotheses import read_hypotheses
from sla_cli.work.kind import HYPOTHESES, file_kind
from sla_cli.work.like import begins

Signs = tuple[Sign, ...]


@dataclass(frozen=True)
class TimeFigures:
    """Times of glosses against true ones; shares and rates in percent, errors in seconds.

    Attributes:
        recordings: number of recordings, or clips
        references: number of true glosses
        hypotheses: number of glosses that are compared
        correct: pairs of equal glosses in the alignment of the word error rate
        wer: word error rate of these glosses, without normalisation (capitals do not count); null without true glosses
        inside: share of the correct glosses whose middle lies in the true one; null if none is correct
        f1: F1 of the glosses that overlap a true one of the same gloss, by intersection over union: `0.1`, `0.25`,
            `0.5`; 0 without any gloss
        start_error: median absolute error of the start of correct glosses; null if none is correct
        end_error: likewise of the end
        outside: number of glosses that no true one overlaps
        share_outside: their share of the glosses that are compared; null without any
    """

    recordings: Count
    references: Count
    hypotheses: Count
    correct: Count
    wer: Amount | None
    inside: Amount | None
    f1: dict[str, float]
    start_error: Amount | None
    end_error: Amount | None
    outside: Count
    share_outside: Amount | None

    def text(self) -> str:
        """Lines for people."""
        lines = [
            f"{counted(self.correct, 'gloss', 'glosses')} correct of {self.references:,} true ones, "
            f"{self.hypotheses:,} compared, in {counted(self.recordings, 'recording')}"
            + (f"; WER {self.wer:.2f} %" if self.wer is not None else "")
        ]
        if self.inside is not None:
            lines += [
                f"middle inside the true gloss: {self.inside:.1f} % of the correct ones",
                f"median error: start {self.start_error:.3f} s, end {self.end_error:.3f} s",
            ]
        shares = ", ".join(f"{overlap}: {share:.1f} %" for overlap, share in self.f1.items())
        lines.append(f"F1 at an intersection over union of {shares}")
        if self.share_outside is not None:
            lines.append(f"where no true gloss is: {self.outside:,} ({self.share_outside:.1f} %)")
        return "\n".join(lines)


def compare_times(
    hypotheses: Path,
    references: Path,
    tiers: Sequence[str] = (),
    true_tiers: Sequence[str] = (),
    *,
    nfc: bool = False,
    partial: bool = False,
) -> TimeFigures:
    """Compare a file with a file, or the files of a folder, at any depth, with those of the same name in another.

    Args:
        hypotheses, references: ELAN, Praat or subtitle files, CTM, or hypotheses of `sla decode`.
        tiers, true_tiers: the tier with the glosses, where a file has several, or those of the two hands, which are
            merged as `merge_hands` does; each name as for `find_tiers`.
        partial: compare only recordings that both sides have.
        nfc: compare in Unicode normal form C; otherwise glosses that differ only in their form are refused.

    Raises:
        SlaError: files that cannot be read or have no times, tiers that are not named, recordings that only one side
            names, except for those without glosses, which CTM cannot name; glosses that differ only in their form.
    """
    found, true = read_signs(hypotheses, tiers), read_signs(references, true_tiers)
    if nfc:
        found, true = _in_nfc(found), _in_nfc(true)
    else:
        refuse_mixed_forms(_glosses(true), _glosses(found))
    files = not hypotheses.is_dir() and not references.is_dir()
    if files and len(found) == len(true) == 1:  # a recording has another name in CTM than its file
        if found.keys() != true.keys() and not (can_read(hypotheses.name) or can_read(references.name)):
            log.warning("%s is compared with %s, of another name, as the same recording", some(found), some(true))
        found = dict(zip(true, found.values(), strict=True))
    missing = [name for name in true if name not in found]
    if missing and _is_ctm(hypotheses) and not partial:
        log.warning("no hypothesis for %s, compared as empty: %s", counted(len(missing), "recording"), some(missing))
        found |= dict.fromkeys(missing, ())
    if partial:
        true = {name: signs for name, signs in true.items() if name in found}
        if not true:
            raise SlaError(
                f"{hypotheses} and {references} have no recording in common", "Their names must be the same."
            )
    else:
        _refuse_unmatched(hypotheses, found, references, true)
    return _figures({name: (signs, found[name]) for name, signs in true.items()})


def read_signs(path: Path, tiers: Sequence[str] = ()) -> dict[str, Signs]:
    """The glosses with times of each recording of a file or folder, in order of time: seconds of the recording."""
    if path.is_dir():
        return {name: _of_recording(path / file, tiers) for name, file in _files_in(path).items()}
    if can_read(path.name):
        return {path.stem: _annotated(path, tiers)}
    if tiers and path.exists():
        raise SlaError(f"{path} has no tiers", "Leave out the name of the tier.")
    if _is_ctm(path):
        return {name: _sorted(signs) for name, signs in read_times(read_text(path), str(path)).items()}
    if file_kind(path) != HYPOTHESES:
        raise SlaError(
            f"{path} is no file from which times of glosses are read",
            "Give an ELAN, Praat or subtitle file, a CTM, or the hypotheses (TSV) of `sla decode`.",
        )
    unchanged_digest(path)
    return {one.id: _decoded(path, one.id, one.glosses, one.times) for one in read_hypotheses(path)}


def _of_recording(path: Path, tiers: Sequence[str]) -> Signs:
    """The glosses of a file of a folder. Raises SlaError for a CTM of several recordings."""
    if can_read(path.name):
        return _annotated(path, tiers)
    found = read_signs(path, tiers)
    if len(found) > 1:
        raise SlaError(f"{path} is of {len(found)} recordings", "Name the file itself, or keep one file for each.")
    return next(iter(found.values()), ())


def _glosses(recordings: Mapping[str, Signs]) -> dict[str, Glosses]:
    return {name: tuple(sign.gloss for sign in signs) for name, signs in recordings.items()}


def _in_nfc(recordings: Mapping[str, Signs]) -> dict[str, Signs]:
    forms = {name: in_nfc(glosses) for name, glosses in _glosses(recordings).items()}
    return {
        name: tuple(replace(sign, gloss=gloss) for sign, gloss in zip(signs, forms[name], strict=True))
        for name, signs in recordings.items()
    }


def _is_ctm(path: Path) -> bool:
    """By its name; a file also by its first line."""
    if _is_named_ctm(path.name) or not path.is_file():
        return _is_named_ctm(path.name)
    _, line = next(content_lines(one_line_end(beginning(begins(path, 4096)))), (0, ""))
    return FORMAT.parse(line) is not None


def _is_named_ctm(name: str) -> bool:
    return name.lower().endswith(".ctm")


def _files_in(folder: Path) -> dict[str, str]:
    """The annotation files at any depth, else the CTM files, by their path without extension; both relative to the
    folder."""
    files, names = dict[str, str](), list(walk(Folder(folder)))
    for path in list(filter(can_read, names)) or list(filter(_is_named_ctm, names)):
        other = files.setdefault(PurePosixPath(path).with_suffix("").as_posix(), path)
        if other != path:
            raise SlaError(f"{folder} has two files of one recording: {other} and {path}", "Keep one of them there.")
    if not files:
        raise SlaError(f"{folder} has no annotation files", "Name a file, or a folder with ELAN files or CTM.")
    return files


def _refuse_unmatched(hypotheses: Path, found: Collection[str], references: Path, true: Collection[str]) -> None:
    """Raise SlaError for recordings that only one side has."""
    missing, extra = ([name for name in one if name not in other] for one, other in ((true, found), (found, true)))
    sides = ((references, extra, hypotheses), (hypotheses, missing, references))
    if faults := [f"{lacking} has no {some(names)}, which {having} has" for lacking, names, having in sides if names]:
        same = same_but_for_form(missing, extra)
        hint = f" These differ only in their Unicode normal form: {some(same)}." if same else ""
        raise SlaError(
            "; ".join(faults), "Names of recordings must be the same; --partial leaves out the others." + hint
        )


def _decoded(path: Path, name: str, glosses: Sequence[str], times: Sequence[tuple[float, float]]) -> Signs:
    if len(times) != len(glosses):
        hint = "It has no spans, or no frame rate: that of an image folder is in the column fps of the corpus's table."
        raise SlaError(f"{path}: clip {name} has no times", hint)
    return tuple(Sign(gloss, start, end, 1.0) for gloss, (start, end) in zip(glosses, times, strict=True))


def _annotated(path: Path, tiers: Sequence[str]) -> Signs:
    file = parse_annotation(read_bytes(path), str(path))
    origin = origin_in(file.links, Path(path.stem))
    if not file.tiers:
        raise SlaError(f"{path} has no tiers", "Give a file in which glosses are annotated.")
    hands = [_named(file.tiers, path, name) for name in tiers] or [_only(file.tiers, path)]
    for tier in hands:
        if tier.name in (CUES, SENTENCE):
            _refuse_sentences(tier, path)
    glosses = [[mark._replace(text=mark.gloss) for mark in tier.marks if mark.gloss] for tier in hands]
    return tuple(
        Sign(mark.text, (mark.start + origin) / 1000, (mark.end + origin) / 1000, 1.0)
        for mark in merge_hands(glosses).signs
    )


def _named(tiers: Sequence[Tier], path: Path, name: str) -> Tier:
    found = find_tiers(tiers, name)
    if not found:
        raise SlaError(f"{path} has no tier {name!r}", f"It has {some(one.name for one in tiers)}.")
    if len(found) > 1:
        several = some(one.name for one in found)
        named = len({one.name for one in found}) > 1
        hint = "Name each: --tier, --ref-tier." if named else "Give one of them another name."
        raise SlaError(f"{path}: several tiers match {name!r}: {several}", hint)
    return found[0]


def _only(tiers: Sequence[Tier], path: Path) -> Tier:
    """The only tier with annotations; sentences of sla, and tiers that describe each annotation of one, aside."""
    filled = [one for one in tiers if one.filled] or list(tiers)  # a file in which no sign was recognised
    there = {one.name for one in filled}
    describing = [one for one in filled if one.parent in there and one.constraint == ASSOCIATION]
    own = [one for one in filled if one not in describing and one.name != SENTENCE]
    if len(own) == 1:
        return own[0]
    if len(filled) != 1:
        names = some(one.name for one in filled if one.filled) or "none"
        raise SlaError(f"{path}: which tier has the glosses? With annotations: {names}", "Name it: --tier, --ref-tier.")
    return filled[0]


def _refuse_sentences(tier: Tier, path: Path) -> None:
    """Raise SlaError if an annotation holds several glosses, as a cue of `sla transcribe` does by default."""
    for mark in tier.marks:
        if len(glosses := mark.text.split()) > 1:
            raise SlaError(
                f"{path}, line {mark.line}: {some(glosses)} have one time together, so that of each is not known",
                "Write subtitles with `--cue gloss`; in other files name the tier with the single glosses.",
            )


def _sorted(signs: Iterable[Sign]) -> Signs:
    """By start; of those that start together, in the order of the file, as `sla score` reads them."""
    return tuple(sorted(signs, key=lambda sign: sign.start))


def _figures(pairs: Mapping[str, tuple[Signs, Signs]]) -> TimeFigures:
    """Of recordings: true signs and those that are compared."""
    scores, edits = list[TimeScore](), list[Counts]()
    for name, (true, found) in pairs.items():
        with naming(f"recording {name}"):
            scores.append(score_times(true, found))
            edits.append(count(align([sign.gloss for sign in true], [sign.gloss for sign in found])))
    times, counts = pooled_times(scores), total(edits)
    return TimeFigures(
        recordings=len(pairs),
        references=times.references,
        hypotheses=times.hypotheses,
        correct=times.correct,
        wer=counts.wer if counts.ref_words else None,
        inside=times.share_inside,
        f1={f"{overlap:g}": share for overlap, share in zip(OVERLAPS, times.f1, strict=True)},
        start_error=times.start_error,
        end_error=times.end_error,
        outside=times.outside,
        share_outside=times.share_outside,
    )
