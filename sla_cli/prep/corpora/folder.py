"""Users' own recordings: a table, and the videos or folders of frames that it names; or videos without a table.

`formats.table.COLUMNS` has the known names of columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from sla_cli.artifact.table import COLUMNS, Row, has_columns, parse_any_table
from sla_cli.artifact.text import beginning, decode_any_text, seconds
from sla_cli.config.checks import OptionValues, option
from sla_cli.core.alike import all_in_one_form
from sla_cli.core.clip import Clip, Source
from sla_cli.core.clip_name import clip_name, recording_name, without_pattern
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_bytes, digest_json
from sla_cli.core.endings import VIDEOS, is_image, is_video
from sla_cli.errors import FormatError, SlaError, reading, some
from sla_cli.log import log
from sla_cli.prep.corpus import OWN, Corpus, Listing
from sla_cli.prep.tables.annotation import (
    REPORTED,
    TABLES,
    frame_rate,
    is_there,
    near_misses,
    report_missing,
    resolve,
    split_named,
)
from sla_cli.prep.tables.locate import contents, is_folder, join, parent_of
from sla_cli.prep.tables.media import MediaFolder
from sla_cli.video.tree import Tree
from sla_cli.video.walk import HIDDEN, recordings_in, videos_among

HEADER = 1 << 16  # bytes; more than the header of a table has
TEXTS = (".txt",)
BOOKS = (".xlsx", ".xls", ".ods", ".numbers")
FILES = (*TABLES, *TEXTS, *BOOKS, *VIDEOS)
TAKEN = tuple(key for key in COLUMNS if key != "eaf")  # extensions of the table
HINT = "Give a table (.tsv or .csv), a folder with a table and the recordings, or videos without a table."


@dataclass(frozen=True)
class FolderOptions(OptionValues):
    """Options of `sla prep folder`."""

    media: str = option("", "Folder with the recordings that the table names.")


def read(tree: Tree, options: FolderOptions) -> Listing:
    """The clips of the table; without a table, each video is a clip without glosses.

    Raises:
        SlaError: there is neither a table nor a video, there are several tables, the table lacks a column, a cell is
            invalid, a path leads outside of the corpus, or there is no recording; names file and line.
    """
    found = [tree.file] if tree.file else _find_table_or_videos(tree)
    if is_video(found[0]):
        if options.media:
            fault = f"--media finds the recordings that a table names, but {tree.where(tree.file)} has no table"
            raise SlaError(fault, "Give the table as SOURCE, or leave --media out.")
        return _list_videos(tree, found)
    table = found[0]
    listing = Listing(tables={PurePosixPath(table).name: digest_bytes(data := tree.read(table))})
    where = tree.where(table)
    rows = list(parse_any_table(decode_any_text(data, where), where, ("path",), TAKEN))
    if not rows:
        raise SlaError(f"{where} lists no clip: there are no rows below the header", HINT)
    media = MediaFolder(Path(options.media)) if options.media else None
    listing.clips = _clips(tree, table, rows, media)
    splits = [
        _split(row.fields.get("split", ""), bool(clip.glosses), f"{where}, line {row.line}")
        for clip, row in zip(listing.clips, rows, strict=True)
    ]
    if any(row.fields.get("split") for row in rows):
        listing.divisions[OWN] = {clip.id: split for clip, split in zip(listing.clips, splits, strict=True)}
    _check_clips(where, listing.clips, splits, rows)
    _check_recordings(tree, listing, media)
    return listing


def _list_videos(tree: Tree, videos: Sequence[str]) -> Listing:
    names = [PurePosixPath(path).name for path in videos]
    log.info("no table: each video is a clip without glosses: %s", some(names))
    if others := [] if tree.file else [path for path in recordings_in(tree) if path not in videos]:
        number = counted(len(others), "recording of another folder is", "recordings of other folders are")
        log.warning("%s not among them: %s; a table can list all", number, some(others))
    clips = [
        Clip(id, "", (), Source(tree.root, path), where=name)
        for id, path, name in zip(all_in_one_form(map(recording_name, videos)), videos, names, strict=True)
    ]
    return Listing(clips, tables={"list of videos": digest_json(names)})


def _find_table_or_videos(tree: Tree, folder: str = "") -> list[str]:
    """The only table of the folder, else its videos; or those of its only subfolder (as in an archive of a folder)."""
    names = [name for name in tree.names(folder) if not name.startswith(HIDDEN)]
    files = [name for name in names if name.lower().endswith(FILES) and tree.is_file(join(folder, name))]
    texts = [[name for name in files if name.lower().endswith(ends)] for ends in (TABLES, TEXTS)]
    usable = [[name for name in kind if _is_table(tree, join(folder, name))] for kind in texts]
    if tables := next(filter(None, usable), []):
        return [join(folder, _only(tree, folder, tables))]
    books = [name for name in files if name.lower().endswith(BOOKS)]
    # Also a link to nowhere or a pipe: its clip fails by name.
    moving = [name for name in names if is_video(name) and not tree.is_dir(join(folder, name))]
    if videos := videos_among(moving + [name for name in names if is_image(name)]):
        _warn_of_unused([*texts[0], *texts[1], *books])
        return [join(folder, name) for name in videos]
    if tables := texts[0]:
        return [join(folder, _only(tree, folder, tables))]
    if books:
        where = tree.where(join(folder, books[0]))
        raise SlaError(f"{where} is a workbook, not a text table", "Save it as CSV (UTF-8).")
    folders = [name for name in names if tree.is_dir(join(folder, name))]
    if not folder and len(folders) == 1:
        _warn_of_unused(texts[1])
        return _find_table_or_videos(tree, folders[0])
    if tables := texts[1]:
        return [join(folder, _only(tree, folder, tables))]
    raise SlaError(f"no table: looked for a .tsv or .csv file, or videos; {contents(tree, folder)}", HINT)


def _is_table(tree: Tree, path: str) -> bool:
    """Whether a file begins with a header that names recordings; its beginning may end within a character."""
    with reading(tree.where(path)), tree.open(path) as file:
        data = file.read(HEADER)
    return has_columns(beginning(data), ("path",))


def _warn_of_unused(names: Sequence[str]) -> None:
    if names:
        log.warning("not used as table, without a column video or frames: %s", some(names))


def _only(tree: Tree, folder: str, tables: Sequence[str]) -> str:
    if len(tables) > 1:
        raise SlaError(f"{tree.where(folder)} contains several tables: {some(tables)}", "Give one of them.")
    return tables[0]


def _clips(tree: Tree, table: str, rows: Sequence[Row], media: MediaFolder | None) -> list[Clip]:
    """A clip a row. Without a column of ids, they come from file names, which may be equal in two folders."""
    clips = []
    lines: dict[str, int] = {}
    for row in rows:
        clip = _clip(tree, table, row, media)
        if clip.id in lines and "id" not in row.fields:
            where = f"{tree.where(table)}, lines {lines[clip.id]} and {row.line}"
            raise SlaError(f"{where}: both clips would have the id {clip.id}", "Add a column id with different names.")
        lines[clip.id] = row.line
        clips.append(clip)
    return clips


def _clip(tree: Tree, table: str, row: Row, media: MediaFolder | None) -> Clip:
    at = f"{tree.where(table)}, line {row.line}"
    cells = row.fields
    source = _recording(tree, parent_of(table), cells["path"], at, media)
    of_images = is_folder(tree if media is None or source.root == tree.root else media.tree, source.path)
    fps = frame_rate(cells.get("fps", ""), at)
    start, end = seconds(cells.get("start", ""), "start", at), seconds(cells.get("end", ""), "end", at)
    if end is not None and end <= (start or 0):
        raise SlaError(f"{at}: the end, {end:g} s, is not after the start, {start or 0:g} s", "Times are in seconds.")
    glosses = tuple(cells.get("gloss", "").split())
    return Clip(
        id=cells.get("id") or clip_name(cells["path"], start, end),
        signer=cells.get("signer", ""),
        glosses=glosses,
        source=replace(source, start=start, end=end, fps=fps if of_images else None),
        translation=" ".join(cells.get("translation", "").split()),
        where=f"{PurePosixPath(table).name}, line {row.line}",
    )


def _recording(tree: Tree, folder: str, cell: str, at: str, media: MediaFolder | None) -> Source:
    """The recording that a cell names in the corpus, or else below --media."""
    try:
        path = resolve(tree, folder, cell, at)
    except SlaError as error:
        if media is None:
            hint = error.hint and f"{error.hint} Or give the folder with the recordings as --media."
            raise FormatError(error.message, hint) from error
        if found := media.find(without_pattern(cell)):
            return found
        raise FormatError(f"{error.message}, and --media has no recording of this name", error.hint) from error
    if media is not None and not is_there(tree, path) and (found := media.find(without_pattern(cell))):
        return found
    return Source(tree.root, path)


def _split(cell: str, annotated: bool, at: str) -> str:
    """The split in the cell; else train for a clip with glosses, and test for one without."""
    if not cell:
        return "train" if annotated else "test"
    return split_named(cell, at)


def _check_clips(where: str, clips: Sequence[Clip], splits: Sequence[str], rows: Sequence[Row]) -> None:
    """A split has glosses for all its clips or, unless it is train, for none."""
    annotated = {split for clip, split in zip(clips, splits, strict=True) if clip.glosses}
    for clip, split, row in zip(clips, splits, rows, strict=True):
        if not clip.glosses and (split == "train" or split in annotated):
            raise SlaError(
                f"{where}, line {row.line}: clip {clip.id} of {split} has no glosses"
                + ("" if split == "train" else f", other clips of {split} have"),
                f"Looked in the columns {', '.join(COLUMNS['gloss'])}. A clip to be recognised needs a split without.",
            )


def _check_recordings(tree: Tree, listing: Listing, media: MediaFolder | None) -> None:
    """Warn of missing recordings: their clips are lost. Raise SlaError if all are missing."""
    of_corpus = [clip for clip in listing.clips if clip.source.root == tree.root]  # recordings below --media were found
    missing = [clip for clip in of_corpus if not is_there(tree, clip.source.path)]
    below = f" and nothing of its name below {media.tree.where('')}" if media else ""
    lines = [
        f"{clip.where}: no {tree.where(clip.source.path)}{below}; {near_misses(tree, clip.source.path)}"
        for clip in missing[:REPORTED]
    ]
    hint = "Paths are relative to the folder of the table; --media DIR finds recordings in another folder."
    report_missing(lines, len(missing), "clips", hint, all_lost=len(missing) == len(listing.clips))


CORPORA = (
    Corpus(
        name="folder",
        title="Your own recordings: a table, and the videos or folders of frames that it names; or just videos",
        layout="a .tsv or .csv table with a column video (or frames, path, file), and optionally id, gloss, "
        "split, signer, start and end in seconds, fps of images, translation; or a folder with one such table. "
        "Without a table: a video, or a folder of videos, which become clips without glosses",
        read=read,
        options=FolderOptions,
        endings=FILES,
    ),
)
