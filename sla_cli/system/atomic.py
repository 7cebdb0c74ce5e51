"""Writes under a temporary name, then renames: a killed stage leaves nothing that another stage would use."""

from __future__ import annotations

import errno
import glob
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from filecmp import cmp
from hashlib import sha256
from itertools import count
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.log import log

LONGEST_NAME = 255  # bytes, on almost all disks
LONG = 100  # bytes of a name to which no more is added
UNFINISHED = ".partial"  # the end of the name of a file or folder that is not complete; a point is before it
Check = Callable[[Path], bool | None]
ELSEWHERE = "Write into another folder"
SPACE = "Free space, or write into another folder"
IN_THE_WAY = "A file is where its folder would be: move it, or write elsewhere"
PERMISSIONS = "Check the permissions, or write into another folder"
HINTS: dict[int | None, str] = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), PERMISSIONS),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), SPACE),
    errno.ENAMETOOLONG: "Give it, or the input that it is named after, a shorter name",
    errno.EEXIST: IN_THE_WAY,
    errno.ENOTDIR: IN_THE_WAY,
}


@contextmanager
def atomic_write(path: Path, *, flush: bool = True, check: Check | None = None, keep: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to `path`; flush it to disk and rename it on success, remove it on error.

    The name is `.NAME.HOST-NAMESPACE-PROCESS-TOKEN.partial`, so two jobs that write the same artifact cannot mix their
    bytes, not even in containers, in which host name and process number may be equal. A link stays a link: the file
    that it leads to is replaced.

    Args:
        flush: False if readers detect a damaged file and it can be made again: a power failure may then damage it.
        check: called with the complete file just before it is renamed; an exception from it leaves what is there.
            Another program may have written a file of this name meanwhile. One that appears after the call is not
            replaced before the check was called again. If it returns True, a copy is kept as with `keep`.
        keep: keep a copy of a file that is there with other content, since nothing tells whether somebody has
            corrected it.

    Raises:
        SlaError: the disk is full, the folder cannot be written, the file is read-only, or it is no file.
    """
    try:
        path = Path(os.path.realpath(path)) if path.is_symlink() else path
        _refuse_other(path)
        refuse_read_only(path)
        temporary = temporary_path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        try:
            yield temporary
            if flush:
                _flush(temporary)
            _place(temporary, path, check, keep=keep)
            if flush:
                _flush_folder(path.parent)
        finally:
            with suppress(OSError):  # the file is in its place, or the reason why it is not is raised
                temporary.unlink()
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise  # not from the file system
        raise SlaError(
            f"cannot write {path}: {error.strerror or error}",
            f"{HINTS.get(error.errno, ELSEWHERE)}; a file that was there is unchanged.",
        ) from error


def temporary_path(path: Path) -> Path:
    """A new name next to a file or folder, as `atomic_write` gives it before its own."""
    own = f"{socket.gethostname()}-{namespace()}-{os.getpid()}-{secrets.token_hex(4)}"
    return path.with_name(f".{short_name(path.name)}.{own}{UNFINISHED}")


def _refuse_other(path: Path) -> None:
    """Raise SlaError for what is not a file, and which renaming would replace if it is no folder."""
    if os.path.lexists(path) and not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file"
        raise SlaError(f"cannot write {path}: it is {what}", "Move it, or write elsewhere.")


def refuse_read_only(path: Path) -> None:
    """Raise SlaError for a file without permission to write it, which renaming would replace all the same."""
    if path.is_file() and not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise SlaError(f"cannot write {path}: it is read-only", "Give another name, or make it writable.")


def refuse_link(path: Path) -> None:
    """Raise SlaError for a link, which `atomic_write` would write through."""
    if path.is_symlink():
        raise SlaError(f"{path} is a link, which would be written through", "Put the file itself there.")


def write_text(path: Path, text: str, *, check: Check | None = None, keep: bool = False) -> None:
    """Write UTF-8 as `atomic_write` does, lines ended by a line feed. Raises SlaError as it does.

    Bytes of a file's name that are not UTF-8 become escapes, from which JSON makes them again.
    """
    with atomic_write(path, check=check, keep=keep) as temporary:
        temporary.write_bytes(encoded(text))


def encoded(text: str) -> bytes:
    """What `write_text` writes for a text."""
    return text.encode("utf-8", "backslashreplace")


def _place(temporary: Path, path: Path, check: Check | None, *, keep: bool) -> None:
    """Call the check and give the file its name; `keep` as for `atomic_write`."""
    if check is not None:
        there = os.path.lexists(path)  # before the check, which does not see what appears after it
        keep = check(temporary) or keep
        if not there:
            try:
                os.link(temporary, path)  # unlike renaming, it never replaces a file
            except FileExistsError:  # made since the check
                keep = check(temporary) or keep
            except OSError:
                pass  # a disk without hard links, or the errors that renaming will give too
            else:
                with suppress(OSError):
                    temporary.unlink()  # now: a command killed later would not remove it when it finds its file
                return
    if keep:
        keep_copy(path, temporary)
    if path.is_file():
        shutil.copymode(path, temporary)  # somebody may have made it unreadable for others
    temporary.replace(path)


def keep_copy(path: Path, new: Path | None = None) -> None:
    """Copy a file to NAME.~1~, NAME.~2~, …, unless there is such a copy, or it has the content of `new`.

    The names are those of `mv --backup=numbered`.
    """
    if not path.is_file() or not path.stat().st_size or (new is not None and cmp(path, new, shallow=False)):
        return
    for number in count(1):
        copy = path.with_name(f"{path.name}.~{number}~")
        if not os.path.lexists(copy):
            break
        if copy.is_file() and cmp(path, copy, shallow=False):
            return
    with atomic_write(copy) as temporary:
        shutil.copy(path, temporary)  # with its permissions
    log.warning("%s is replaced; what it held is kept in %s", path, copy.name)


def _flush(path: Path, how: int = os.O_RDWR) -> None:
    handle = os.open(path, how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(path: Path) -> None:
    """Write the new name to the disk too; some network disks do this themselves, and refuse the call."""
    if os.name == "nt":
        return  # Windows cannot open folders
    try:
        _flush(path, os.O_RDONLY)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP, errno.ENOTSUP):
            raise


def short_name(name: str) -> str:
    """A name that leaves room for more: a digest of one that is nearly as long as disks allow."""
    data = os.fsencode(name)
    return name if len(data) < LONG else sha256(data).hexdigest()


def remove_leftovers(path: Path) -> None:
    """Remove files and folders that killed processes of this host and container left next to `path`."""
    here = re.escape(f"{socket.gethostname()}-{namespace()}")
    for entry in path.parent.glob(f".{glob.escape(short_name(path.name))}.*{UNFINISHED}"):
        process = _made_by(entry, path.name, here)
        if process is not None and not is_alive(process):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                with suppress(OSError):  # that of another user, in a folder such as /tmp
                    entry.unlink()


def remove_folder(path: Path) -> None:
    """Remove a folder with all that is in it. Raises SlaError that names it, not only what is in it."""
    try:
        shutil.rmtree(path)
    except OSError as error:
        raise SlaError(
            f"cannot remove {path}: {error.strerror}", "Remove it, or run the same command again."
        ) from error


def is_temporary(path: Path, name: str) -> bool:
    """Whether a file has a temporary name that `atomic_write` gives before NAME, in whatever process and host."""
    return _made_by(path, name, ".+-[0-9]+") is not None


def _made_by(path: Path, name: str, where: str) -> int | None:
    """The process that gave a file its temporary name before NAME; `where`: a pattern for its host and namespace."""
    form = rf"\.{re.escape(short_name(name))}\.{where}-([0-9]+)-[0-9a-f]{{8}}{re.escape(UNFINISHED)}"
    found = re.fullmatch(form, path.name)
    return int(found[1]) if found else None


def namespace() -> str:
    """Number of the pid namespace, within which process numbers are unique; 0 if the system has none."""
    try:
        return re.sub(r"\D", "", str(Path("/proc/self/ns/pid").readlink())) or "0"  # pid:[4026531836]
    except OSError:
        return "0"


def is_alive(pid: int) -> bool:
    """Whether there is a process with this number in this host and container; on Windows always true."""
    if os.name == "nt":
        return True  # here signal 0 would end it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # a process of another user
    return True
