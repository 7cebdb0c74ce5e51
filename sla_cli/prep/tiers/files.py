"""The annotation files in a SOURCE, or those that a table names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sla_cli.annotation.formats import READERS, can_read, check_size, parse_annotation
from sla_cli.annotation.tier import AnnotationFile
from sla_cli.artifact.table import Row, parse_any_table
from sla_cli.artifact.text import decode_any_text
from sla_cli.core.alike import all_in_one_form
from sla_cli.core.clip import signer_key
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import FormatError, SlaError
from sla_cli.log import log
from sla_cli.prep.tables.annotation import TABLES, near_misses, resolve, split_named
from sla_cli.prep.tables.locate import contents, parent_of
from sla_cli.video.tree import Tree
from sla_cli.video.walk import walk

HINT = "Give a folder with .eaf files (or .TextGrid, .srt, .vtt), one such file, or a table with a column eaf."


@dataclass(frozen=True)
class Listed:
    """An annotation file of the corpus.

    Attributes:
        path: path in the tree.
        name: the ids of its clips begin with it.
        split: split of its clips, "" if no table names one.
        signers: the name of each person, by `signer_key`; the key "" is for a single person.
        at: the place where a table lists it, "" if none does.
    """

    path: str
    name: str
    split: str
    signers: dict[str, str]
    at: str = ""


def list_files(tree: Tree, tables: dict[str, str]) -> list[Listed]:
    """All annotation files below a folder, of the first kind in READERS that exists; or those of a table.

    Args:
        tables: the digest of the table is added to it.

    Raises:
        SlaError: there is none; a table that names a missing file, or one file twice.
    """
    if tree.file.lower().endswith(TABLES):
        return _in_table(tree, tree.file, tables)
    found = [tree.file] if tree.file else list(walk(tree))
    kinds = [[path for path in found if path.lower().endswith(ending)] for ending in READERS]
    paths = next(filter(None, kinds), [])
    if not paths:
        raise SlaError(f"no annotation files: looked for {', '.join(READERS)}; {contents(tree, '')}", HINT)
    if others := sum(map(len, kinds)) - len(paths):
        log.warning(
            "leaving out %s, since %s exists", counted(others, "other annotation file"), PurePosixPath(paths[0]).name
        )
    return [Listed(path, name, "", {}) for path, name in zip(paths, _names(paths), strict=True)]


def parse_files(tree: Tree, files: Sequence[Listed], tables: dict[str, str]) -> Iterator[tuple[Listed, AnnotationFile]]:
    """The content of each file; its digest is added to `tables`. Raises SlaError as `parse_annotation` does."""
    for file in files:
        check_size(tree.size(file.path), tree.where(file.path))
    for file, data in zip(files, tree.read_all([file.path for file in files]), strict=True):
        tables[file.path] = digest_bytes(data)
        yield file, parse_annotation(data, tree.where(file.path))


def _names(paths: Sequence[str]) -> list[str]:
    """File names without extensions, in one Unicode form; with their folders if two files have the same name."""
    stems = [PurePosixPath(path).stem for path in paths]
    often = Counter(stems)
    return all_in_one_form(
        stem if often[stem] == 1 else PurePosixPath(path).with_suffix("").as_posix().replace("/", "-")
        for path, stem in zip(paths, stems, strict=True)
    )


def _in_table(tree: Tree, table: str, tables: dict[str, str]) -> list[Listed]:
    where, data = tree.where(table), tree.read(table)
    tables[table] = digest_bytes(data)
    rows = list(parse_any_table(decode_any_text(data, where), where, ("eaf",), ("id", "split", "signer")))
    if not rows:
        raise SlaError(f"{where} lists no annotation file: there are no rows below the header", HINT)
    paths = [_path(tree, table, row, f"{where}, line {row.line}") for row in rows]
    lines: dict[str, int] = {}
    for path, row in zip(paths, rows, strict=True):
        if path in lines:
            raise FormatError(f"{where}, lines {lines[path]} and {row.line}: both list {path}", "Keep one of them.")
        lines[path] = row.line
    return [
        Listed(
            path,
            row.fields.get("id") or name,
            split_named(cell, f"{where}, line {row.line}") if (cell := row.fields.get("split", "")) else "",
            _signers(row.fields.get("signer", ""), f"{where}, line {row.line}"),
            f"{where}, line {row.line}",
        )
        for path, name, row in zip(paths, _names(paths), rows, strict=True)
    ]


def _path(tree: Tree, table: str, row: Row, at: str) -> str:
    path = resolve(tree, parent_of(table), row["eaf"], at)
    if not can_read(path):
        raise FormatError(f"{at}: {path} is not an annotation file", HINT)
    if not tree.is_file(path):
        raise FormatError(f"{at}: no {tree.where(path)}; {near_misses(tree, path)}", "Paths are relative to the table.")
    return path


def _signers(cell: str, at: str) -> dict[str, str]:
    """Signers from `anna`, or from `A=anna B=bert` if the people of a file are named A and B.

    Raises FormatError for a person who is named twice, or a part without person or name.
    """
    if "=" not in cell:
        return {"": cell} if cell else {}
    pairs = [(signer_key(person), name) for person, _, name in (part.partition("=") for part in cell.split())]
    if not all(person and name for person, name in pairs):
        raise FormatError(f"{at}: {cell!r} lacks a person or a name", "Write A=anna B=bert, names without spaces.")
    people = [person for person, _ in pairs]
    if len(set(people)) < len(people):
        raise FormatError(f"{at}: {cell!r} names a person twice", "Write A=anna B=bert.")
    return dict(pairs)
