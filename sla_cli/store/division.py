"""A division: a table in a store's folder that says which clips are train, dev and test; see docs/formats.md.

Lines before the header begin with `#`; they name the format, and state what is known of the division, and its digest. A
person who edits the table deletes the line with the digest.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sla_cli.artifact.table import Row, parse_table, to_tsv
from sla_cli.artifact.text import read_text
from sla_cli.artifact.version import check_version
from sla_cli.core.clip import SPLIT_NAMES, split_of_name
from sla_cli.core.digest import digest_json
from sla_cli.errors import FormatError, SlaError, reading, shown
from sla_cli.store.paths import division_names, division_path
from sla_cli.system.atomic import Check, write_text

NAME, VERSION = "sla-division", 1
UNSEEN = ("", "signers", "sentences")  # what dev and test may promise not to share with train
MAGIC = f"# {NAME} {VERSION}"
COLUMNS, SIGNER = ("clip", "split"), "signer"


@dataclass(frozen=True)
class Division:
    """Which clips are in which split.

    Attributes:
        name: of the table, "" if the store has none.
        splits: clip id to split; a clip that is not in it is in no split.
        unseen: what dev and test by definition do not share with train: `signers`, `sentences` or "".
        drawn: how it was drawn, such as `signer 80,10,10 seed 0`; "" if it was not.
        edited: whether a person wrote or changed the table: it has no digest.
        signers: clip id to a code of its signer, if it was drawn by signer: known also if clip ids change.
    """

    name: str
    splits: Mapping[str, str]
    unseen: str = ""
    drawn: str = ""
    edited: bool = False
    signers: Mapping[str, str] = field(default_factory=dict)


def write_division(store: Path, division: Division, *, check: Check | None = None, keep: bool = False) -> None:
    """Write the table of a division into a store's folder; one that a person edited gets no digest.

    Args:
        check, keep: as for `atomic_write`.
    """
    known = {"unseen": division.unseen, "drawn": division.drawn, "digest": "" if division.edited else _digest(division)}
    lines = [MAGIC, *(f"# {key}: {value}" for key, value in known.items() if value)]
    rows = ([*row, division.signers[row[0]]] if division.signers else row for row in division.splits.items())
    table = to_tsv((*COLUMNS, SIGNER) if division.signers else COLUMNS, rows)
    write_text(
        division_path(store, division.name), "".join(f"{line}\n" for line in lines) + table, check=check, keep=keep
    )


def check_replaceable(path: Path) -> None:
    """Raise SlaError for what is no division, also through a link; a damaged one may be replaced."""
    if path.is_file():
        with suppress(FormatError):
            with reading(path), path.open("rb") as file:
                written = file.read(len(MAGIC)).startswith(f"# {NAME} ".encode())
            if written or read_division(path).splits:
                return
    if os.path.lexists(path):
        raise SlaError(f"{path} is not a division, and is not replaced", "Give the division another --name.")


def _digest(division: Division) -> str:
    """Digest of everything but the name: a table may be renamed."""
    signers = [[division.signers[clip] for clip in division.splits]] if division.signers else []
    return digest_json([list(division.splits.items()), division.unseen, division.drawn, *signers])


def read_division(path: Path) -> Division:
    """A division from its table, or from any table with the columns `clip` and `split`.

    Raises:
        SlaError: there is no such file.
        FormatError: it is not such a table, a split has another name, or a clip is listed twice (names file and line);
            it promises something else than `UNSEEN`, or is not as it was written.
    """
    text = read_text(path)
    lines = text.split("\n")
    stated = (line[1:].partition(":") for line in lines[: _comments(lines)])
    facts = {key.strip(): value.strip() for key, _, value in stated}
    if lines[0].startswith(f"# {NAME} "):  # one that a person wrote has no such line
        check_version(path, NAME, VERSION, lines[0].removeprefix(f"# {NAME} ").strip(), "Make it with `sla split`.")
    if (unseen := facts.get("unseen", "")) not in UNSEEN:
        hint = "Write it like `# unseen: signers`, or leave the line out."
        raise FormatError(f"{path}: unseen {shown(unseen)} is neither signers nor sentences", hint)
    splits, signers, drawn = dict[str, str](), dict[str, str](), facts.get("drawn", "")
    for line, row in _rows(text, path):
        at, clip, split = f"{path}, line {line}", row["clip"], split_of_name(row["split"])
        if split is None:
            raise FormatError(f"{at}: split {row['split']!r} is not one of {', '.join(SPLIT_NAMES)}")
        if not clip:
            raise FormatError(f"{at}: it names no clip")
        if clip in splits:
            raise FormatError(f"{at}: clip {clip} is listed twice")
        splits[clip] = split
        if drawn and SIGNER in row.fields:
            signers[clip] = row[SIGNER]
    division = Division(path.stem, splits, unseen, drawn, "digest" not in facts, signers)
    if facts.get("digest", _digest(division)) != _digest(division):
        again = "Make it again with `sla split --force`; one of the corpus itself with `sla prep`, in a new store."
        hint = f"{again} If you edited it, delete its line `# digest: …`."
        raise FormatError(f"{path} is damaged or was edited: it is not what was written", hint)
    return division


def write_without(store: Path, division: Division, gone: Container[str], check: Check) -> None:
    """Write a division from which clips are gone; a table that a person edited only loses their lines.

    Args:
        check: as for `atomic_write`.
    """
    if not division.edited:
        write_division(store, division, check=check)
        return
    path = division_path(store, division.name)
    text = read_text(path)
    lines = {line for line, row in _rows(text, path) if row["clip"] in gone}
    kept = (line for number, line in enumerate(text.split("\n"), start=1) if number not in lines)
    write_text(path, "\n".join(kept), check=check)


def _rows(text: str, path: Path) -> Iterator[tuple[int, Row]]:
    """The rows of a table of a division, each with its line in the file."""
    lines = text.split("\n")
    comments = _comments(lines)
    empty = [""] * comments  # in place of the comments, so that lines keep their numbers
    for row in parse_table("\n".join(empty + lines[comments:]), str(path), COLUMNS, "\t"):
        yield row.line, row


def _comments(lines: Sequence[str]) -> int:
    return next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))


def check_unedited(store: Path, names: Collection[str], of: str) -> None:
    """Check the divisions of a store before some are replaced.

    Args:
        of: whose divisions replace them.

    Raises:
        SlaError: somebody has edited one of `names`, or drawn it.
        FormatError: a division is damaged.
    """
    for name in division_names(store):
        path = division_path(store, name)
        found = read_division(path)
        if (found.edited or found.drawn) and name in names:
            raise SlaError(
                f"{path} was {'edited' if found.edited else 'drawn'}, and would be replaced by the {of}'s own division",
                "Give yours another name in that folder, or remove it.",
            )


def undivided(ids: Sequence[str], glosses: Sequence[Sequence[str]]) -> Division:
    """What applies if a store has no division: clips with glosses are train, the others test."""
    return Division("", {clip: "train" if words else "test" for clip, words in zip(ids, glosses, strict=True)})
