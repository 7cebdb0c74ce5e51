"""All formats of hypotheses and references that sla reads and writes, and how a file is recognised."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sla_cli.artifact.receipt import check_unchanged
from sla_cli.artifact.text import HDF5, decode_any_text, read_bytes, refuse_pipe
from sla_cli.core.digest import digest_bytes
from sla_cli.core.hypothesis import Glosses, Hypothesis
from sla_cli.errors import FormatError, SlaError, suggestion
from sla_cli.exchange import ctm, delimited, jsonl, plain, stm, trn
from sla_cli.exchange.format import Format, NbestLists, Utterance, content_lines
from sla_cli.system.atomic import Check, write_text
from sla_cli.work.hypotheses import MAGIC, Header, parse_nbest
from sla_cli.work.like import Like, begins

FORMATS = (delimited.FORMAT, jsonl.FORMAT, ctm.FORMAT, stm.FORMAT, trn.FORMAT, plain.FORMAT)
WRITABLE = tuple(kind.name for kind in FORMATS if kind.write)
BREAKS = re.compile(r"[\t\r\n]")
NOT_READ_BACK = re.compile(rf"^$|^\ufeff|{BREAKS.pattern}|[\ud800-\udfff]")  # readers also strip ids
ANNOTATION = re.compile(r'<ANNOTATION_DOCUMENT|"ooTextFile|\d --> \d')  # of ELAN, Praat, subtitles
TIMES = "`sla times HYPOTHESES --ref REFERENCES` compares annotation files: times, and the WER of their glosses."
KNOWN = f"Known formats: sla's own, {', '.join(kind.title for kind in FORMATS)}."


@dataclass(frozen=True)
class GlossFile:
    """The content of a file of hypotheses or references.

    Attributes:
        digest: digest of the file's content.
        nbest: hypotheses by clip id in file order, best first; only one per reference.
        signers: by clip id, where the file names them.
        header: header of sla's own hypotheses; empty for other formats.
        omits_empty_clips: the format cannot express that nothing was recognised in a clip.
    """

    digest: str
    nbest: Mapping[str, Sequence[Hypothesis]]
    signers: Mapping[str, str]
    header: Header
    omits_empty_clips: bool = False

    @property
    def best(self) -> list[Hypothesis]:
        """The best hypothesis of each clip."""
        return [ranked[0] for ranked in self.nbest.values()]

    @property
    def references(self) -> dict[str, Glosses]:
        """Glosses by clip id."""
        return {one.id: one.glosses for one in self.best}


def check_is_file(path: Path) -> None:
    """Raise SlaError if there is no such file, or it is a folder or a pipe."""
    refuse_pipe(path)
    if path.is_dir() or not path.exists():
        raise SlaError(f"cannot read {path}: {'it is a folder' if path.is_dir() else 'no such file'}", KNOWN)


def read_gloss_file(path: Path) -> GlossFile:
    """Hypotheses or references in sla's own or any foreign format. The file is read once.

    If the format is not sla's own, scores are 0.0 (except in JSON lines), and spans and confidence are empty.

    Raises:
        SlaError: as `check_is_file`.
        FormatError: an unknown format, a malformed line, an id that occurs twice; names file and line. Also hypotheses
            that are not as `sla decode` wrote them, according to the receipt next to them.
    """
    check_is_file(path)
    data = read_bytes(path)
    if data.startswith(HDF5):
        raise FormatError(f"{path} is an HDF5 file", "`sla decode EMISSIONS` makes hypotheses of emissions.")
    text, digest = decode_any_text(data, str(path)), digest_bytes(data)
    check_unchanged(path, digest)
    if text.startswith(MAGIC):
        header, nbest = parse_nbest(text, path)
        return GlossFile(digest, nbest, {}, header)
    kind = _recognise(text, path)
    clips: dict[str, Utterance] = {}
    for clip in kind.read(text, str(path)):
        where, before = f"{path}, line {clip.line}", clips.setdefault(clip.id, clip)
        if before is not clip:
            raise FormatError(
                f"{where}: {clip.id} occurs twice, first on line {before.line}", "Keep one line per clip."
            )
        if not clip.id or BREAKS.search(clip.id):
            raise FormatError(f"{where}: clip id {clip.id!r} is empty or holds a tab or line break")
    return GlossFile(
        digest,
        {clip.id: clip.hypotheses for clip in clips.values()},
        {clip.id: clip.signer for clip in clips.values() if clip.signer},
        Header(),
        kind.omits_empty_clips,
    )


def write_export(path: Path, kind: str, clips: NbestLists, *, check: Check | None = None) -> None:
    """Write the text of `export_text`; a copy of what it replaces is kept. Raises SlaError as that does.

    `check` is as for `atomic_write`.
    """
    write_text(path, export_text(kind, clips), check=check, keep=True)


def export_text(kind: str, clips: NbestLists) -> str:
    """The best hypothesis of each clip, in JSON lines all hypotheses, as the content of a file.

    Args:
        kind: one of `WRITABLE`.
        clips: the hypotheses of each clip, best first. CTM and STM need their frame rates; JSON lines hold times
            if the rate is known.

    Raises:
        SlaError: an unknown kind; an id that the format cannot hold; no spans or frame rate if it needs times.
    """
    chosen = _writable(kind)
    for best, *_ in clips:
        _check_writable(best, chosen)
    assert chosen.write is not None
    return "".join(chosen.write(clips))


def export_like(kind: str) -> Like:
    """Files of a format, as `write_export` writes them. Raises SlaError for an unknown format."""
    chosen = _writable(kind)

    def fits(path: Path) -> bool:
        line = begins(path, 4096).decode(errors="replace").split("\n", 1)[0]
        return chosen.parse(line) is not None if chosen.own is None else chosen.own(line)

    return Like(f"a file of the format {chosen.name}", fits, (f".{chosen.name}", ".txt"))


def _writable(kind: str) -> Format:
    chosen = next((one for one in FORMATS if one.name == kind), None)
    if chosen is None or chosen.write is None:
        raise SlaError(f"no format {kind!r} for hypotheses", suggestion(kind, WRITABLE))
    return chosen


def _recognise(text: str, path: Path) -> Format:
    """The format: from the beginning of the text, else the suffix, else the first line that fits only one format."""
    for kind in FORMATS:
        if kind.begins(text):
            return kind
    number, line = next(content_lines(text), (0, ""))
    if not number:
        raise FormatError(f"{path} holds no hypotheses or references", "Was the program that wrote it interrupted?")
    for kind in FORMATS:
        if path.suffix.lower() == f".{kind.name}":
            return kind
    fitting = ([kind for kind in FORMATS if kind.parse(line) is not None] for _, line in content_lines(text))
    first = next(fitting)
    if not first:
        hint = TIMES if ANNOTATION.search(text[:4096]) else KNOWN
        raise FormatError(f"{path}, line {number}: no format that sla knows: {line[:80]!r}", hint)
    return next((kinds[0] for kinds in chain([first], fitting) if len(kinds) == 1), first[0])


def _check_writable(best: Hypothesis, kind: Format) -> None:
    """Raise SlaError for an id that would be read back differently, and for times that are needed but not known."""
    if best.id != best.id.strip() or NOT_READ_BACK.search(best.id):
        raise SlaError(
            f"clip id {best.id!r} does not fit in a {kind.title}: it would not be read back the same",
            "Rename it: an id is not empty, has no tab, line break or half a surrogate pair, does not begin or end "
            "with white space, and does not begin with U+FEFF.",
        )
    if kind.not_in_ids and any(char.isspace() or char in kind.not_in_ids for char in best.id):
        raise SlaError(
            f"clip id {best.id!r} does not fit in a {kind.title}: it contains white space or one of "
            f"{' '.join(kind.not_in_ids)}",
            "Write csv or jsonl, which hold any id, or the table alone.",
        )
    if kind.timed and len(best.times) != len(best.glosses):
        what = "its glosses have no spans" if best.fps else "no frame rate is known, so there are no seconds"
        raise SlaError(f"clip {best.id}: {what}", "Write trn, csv or jsonl, or the table alone.")
