"""The list of an archive's members, made once, stored in a SQLite file and searched by name.

An archive with names that lead outside of it (`../x`, `/x`) is refused, since such names are not accidental.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any
from urllib.parse import quote

from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import FormatError, ReadError, SlaError, reading, shortened
from sla_cli.log import log, progress
from sla_cli.system.atomic import atomic_write
from sla_cli.video.archive_member import ArchiveReader, Member

SCHEMA = """
CREATE TABLE facts (root TEXT, seek_points BLOB);
CREATE TABLE folders (path TEXT PRIMARY KEY, id INTEGER) WITHOUT ROWID;
CREATE TABLE entries (folder INTEGER, name TEXT, offset INTEGER, size INTEGER, packed INTEGER, crc INTEGER,
                      refused TEXT, PRIMARY KEY (folder, name)) WITHOUT ROWID;
"""
MEMBERS = (
    "SELECT name, offset, size, packed, crc, refused FROM entries JOIN folders ON folder = id"
    " WHERE folders.path = ? AND offset IS NOT NULL"
)
DEEPEST = 100  # folders in each other
LONGEST = 8192  # characters of a path; systems have at most 4,096 bytes
LARGEST = 1 << 43  # bytes, more than any archive has; ext4 refuses to seek to 1 << 44
# Most bytes of a list: names, also of folders, and about 64 bytes for each. A list of a real archive is smaller
# than the archive. Compressed names, and folders within folders, could make it thousands of times as large.
ROW, LIST, TIMES = 64, 64 << 20, 2
UNPACK = "If you trust the source, unpack it and give the folder."
VERSION = 1  # of the schema, part of the file's name


class ArchiveIndex:
    """A list that is open for reading; `seek_points` is empty unless the archive is one compressed stream."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database, self._one_at_a_time = database, Lock()
        self.root, self.seek_points = database.execute("SELECT root, seek_points FROM facts").fetchone()

    def names(self, folder: str) -> list[str] | None:
        """Sorted names in a folder; None if there is none."""
        if not self.is_dir(folder):
            return None
        rows = self._rows("SELECT name FROM entries JOIN folders ON folder = id WHERE folders.path = ?", folder)
        return sorted(name for (name,) in rows)

    def is_dir(self, path: str) -> bool:
        return bool(self._rows("SELECT 1 FROM folders WHERE path = ?", path))

    def member(self, path: str) -> Member | None:
        """The file of a path; None if there is none."""
        folder, name = _split(path)
        rows = self._rows(f"{MEMBERS} AND name = ?", folder, name)
        return Member(path, *rows[0][1:]) if rows else None

    def members(self, folder: str) -> list[Member]:
        """The files in a folder, by name without path."""
        return [Member(*row) for row in self._rows(MEMBERS, folder)]

    def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Threads share the connection's statements; since Python 3.12 one thread could get the values of another."""
        try:
            with self._one_at_a_time:
                return self._database.execute(query, values).fetchall()
        except UnicodeEncodeError:  # bytes that are not UTF-8, which no name in the list has
            return []
        except sqlite3.Error as error:
            raise ReadError(f"cannot read the list of {self.root}: {error}", "Is the disk there?") from error


def open_index(content: ArchiveReader, root: Path, cache: Path | None, stamp: str) -> ArchiveIndex:
    """The list of an archive, from the cache or made now.

    Args:
        stamp: stamp of the archive's content; it and the archive's name identify the list, wherever the archive is.

    Raises:
        SlaError: the archive is damaged or hostile, or the list cannot be written.
    """
    if cache is None:
        database = sqlite3.connect(":memory:", check_same_thread=False)
        _fill(database, content, root)
        return ArchiveIndex(database)
    family = f".archive-{digest_bytes(root.name.encode())}"
    path = cache / f"{family}-{stamp}-{VERSION}.sqlite"
    try:
        index = _open(path)
        content.seek_points = index.seek_points
        return index
    except sqlite3.DatabaseError:
        log.debug("%s is missing, damaged, or another file: the list is made again", path)
    try:
        with atomic_write(path) as temporary, closing(_connect(temporary, "nolock=1")) as database:
            _fill(database, content, root)
        _remove_former(cache, family, path, root)
        return _open(path)
    except sqlite3.Error as error:
        raise ReadError(f"cannot write the list of {root} to {cache}: {error}", "Is there room on the disk?") from error


def _remove_former(cache: Path, family: str, path: Path, root: Path) -> None:
    """Remove the list of this archive before it changed; lists of other archives with this name are kept."""
    for other in cache.glob(f"{family}-*.sqlite"):
        try:
            former = other != path and _open(other).root == str(root.resolve())
        except sqlite3.DatabaseError:
            continue
        if former:
            other.unlink(missing_ok=True)


def _open(path: Path) -> ArchiveIndex:
    # Immutable: the file is only ever replaced as a whole.
    return ArchiveIndex(_connect(path, "mode=ro&immutable=1"))


def _connect(path: Path, how: str) -> sqlite3.Connection:
    """Without locks, which shared folders often lack."""
    return sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, check_same_thread=False)


def _fill(database: sqlite3.Connection, content: ArchiveReader, root: Path) -> None:
    database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {SCHEMA}")
    folders = {"": 0}
    log.info("listing %s, once", root)
    with reading(root):
        most = LIST + TIMES * root.stat().st_size
    with database:
        written = database.executemany(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)",  # a repeated name replaces the earlier one
            _rows(_counted(content.members(), root), folders, root, database, most),
        ).rowcount
        ((listed,),) = database.execute("SELECT count(*) FROM entries")
        if written > listed:
            again = counted(written - listed, "file")
            log.warning("%s has %s with the name of an earlier one; the last of each name is read", root, again)
        database.executemany("INSERT INTO folders VALUES (?, ?)", folders.items())
        database.execute("INSERT INTO facts VALUES (?, ?)", (str(root.resolve()), content.seek_points))


def _rows(
    members: Iterable[Member], folders: dict[str, int], root: Path, database: sqlite3.Connection, most: int
) -> Iterator[tuple[object, ...]]:
    """One row per member, and one for each folder that is not yet in `folders`; new folders are added to it.

    Args:
        most: bytes of all rows, about.
    """
    for member in members:
        if member.offset < 0 or max(member.offset, member.size, member.packed) >= LARGEST:
            message = f"{root} is damaged: {member.path!r} cannot have {member.size} bytes at byte {member.offset}"
            raise FormatError(message, "Copy the archive again.")
        path = PurePosixPath(member.path)
        if path.is_absolute() or ".." in path.parts:
            hint = f"Such names can overwrite other files. {UNPACK}"
            raise SlaError(f"{root}: the member {member.path!r} would leave the archive", hint)
        if "\0" in member.path:
            raise SlaError(f"{root}: the member {member.path!r} has a name that no file can have", UNPACK)
        if len(path.parts) > DEEPEST:
            raise SlaError(f"{root}: a member lies in more than {DEEPEST} folders", "Unpack it and give the folder.")
        if max(len(member.path), len(member.link)) > LONGEST:
            raise SlaError(f"{root}: the name of a member has more than {LONGEST} characters", UNPACK)
        if not path.parts:
            raise SlaError(f"{root} is damaged: a member has the name {member.path!r}", "Copy the archive again.")
        parent, name = _split(str(path))
        if str(path) in folders:
            raise _twofold(root, str(path))
        former = len(folders)
        yield from _folder_rows(parent, folders, root, database)
        most -= (1 + len(folders) - former) * (len(member.path) + ROW)
        if most < 0:
            raise SlaError(f"{root}: the names of members and folders are larger than the archive justifies", UNPACK)
        offset, size, refused = member.offset, member.size, member.refused
        if member.link:
            target, link = _split(str(PurePosixPath(member.link)))
            row = database.execute(
                "SELECT offset, size, refused FROM entries WHERE folder = ? AND name = ? AND offset IS NOT NULL",
                (folders.get(target), link),
            ).fetchone()
            missing = f"is a hard link to {shortened(member.link, 200)}, which is not an earlier member of the archive"
            offset, size, refused = row or (0, 0, missing)
        yield folders[parent], name, offset, size, member.packed, member.crc, refused


def _folder_rows(
    path: str, folders: dict[str, int], root: Path, database: sqlite3.Connection
) -> Iterator[tuple[object, ...]]:
    if path in folders:
        return
    parent, name = _split(path)
    yield from _folder_rows(parent, folders, root, database)
    if database.execute("SELECT 1 FROM entries WHERE folder = ? AND name = ?", (folders[parent], name)).fetchone():
        raise _twofold(root, path)
    folders[path] = len(folders)
    yield folders[parent], name, None, None, None, None, None


def _twofold(root: Path, path: str) -> SlaError:
    return SlaError(f"{root}: {path!r} is a file and a folder at once", "Make the archive again.")


def _counted(members: Iterator[Member], root: Path) -> Iterator[Member]:
    """The members, with their position in the archive as progress."""
    with reading(root):
        size, done = root.stat().st_size >> 20, 0
    with progress("list", size, "MB") as advance:
        for number, member in enumerate(members):
            if number % 1000 == 0:
                now = min(size, member.offset >> 20)
                advance(now - done)
                done = now
            yield member


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name
