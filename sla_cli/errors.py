"""Errors that a user can fix: one sentence that states what is wrong and where, and a hint what to do."""

from __future__ import annotations

import difflib
import errno
import os
import re
import shlex
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

# Without tab and line feed; with line and paragraph separators, and what changes the direction of the text after it.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# user:password@ in an address, after its protocol or without one. Bounded, since a message may quote a stranger's text.
USER = re.compile(
    r"(?<![\w+.-])([A-Za-z][\w+.-]{1,20}:/{1,9})[^\s/@:]{0,99}:\S{0,199}@"
    r"|(?<![^\s'\"(])[^\s/:@'\"(]{1,99}:[^\s/@]{1,199}@(?=[\w-]+[./:])"
)

LOST_SLASH = re.compile(r"\b(https?|hf|s3|gs|ftp|rtsps?|file):/(?=[^/\s])")  # of an address that was taken for a path
PATTERN = re.compile(r"Expected `str` matching regex (['\"]).*?\1(?= - at|$)", re.DOTALL)

FEW = 10  # of a list that a message shows
LONGEST_NAME = 1000  # characters of a name in a list: some are paths
LONGEST_VALUE = 200  # characters, or bits, of a value in a message
LONGEST = 4000  # characters of a message or hint, which may quote what a stranger's file states
MORE_ALLOWED = "Give a smaller -j, if the command has it, or allow more (`ulimit -u`, `ulimit -n`)."
LONG_WORD = re.compile(rf"\S{{{LONGEST_NAME + 1},}}")  # no name: a value of thousands of parts


def visible(text: str) -> str:
    """Text that a terminal and any file can hold: control characters, and bytes that are not UTF-8, by their numbers.

    A name of a file may have sequences that change what a terminal shows.
    """
    text = decoded(text).encode("utf-8", "backslashreplace").decode()
    return CONTROL.sub(lambda found: _number(found[0]), text)


def without_pattern(message: str) -> str:
    """A message of msgspec about a text that does not match a pattern, without the pattern."""
    return PATTERN.sub("a text that is not allowed here", message)


def decoded(text: str) -> str:
    """A name or an argument as text: in a locale without UTF-8, Python gives its bytes."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text


def in_line(text: str) -> str:
    """As `visible`, within one line: a name with a line feed must not look like another message."""
    return visible(text).replace("\t", "\\t").replace("\n", "\\n")


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text that has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]} … {text[-most // 3 :]}"


def shown(value: object) -> str:
    """A value in a message: short, also if it is a large array or number."""
    if isinstance(value, int) and value.bit_length() > LONGEST_VALUE:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, list) and len(value) <= FEW and not any(isinstance(inner, list) for inner in value):
        return f"[{', '.join(map(shown, value))}]"
    if not isinstance(value, (str, bytes, int, float, type(None))):
        return f"a value of type {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def _number(character: str) -> str:
    return f"\\x{ord(character):02x}" if character < "\u0100" else f"\\u{ord(character):04x}"


class SlaError(Exception):
    """Bad input, with its place. The command line prints it and exits with 2.

    Bytes of a damaged file or of a file name that are not UTF-8, and control characters, are shown by their numbers.
    What looks like `user:password@` is left out of the message: somebody may have written an address wrong. Of a very
    long message, the middle is left out, and of a very long word in it.

    Args:
        message: what is wrong and where (file and line, or clip id), one sentence.
        hint: what to do about it; an option that it names, such as `--force`, is an argument in Python.
        several: errors that it sums up.

    Attributes:
        message: as given, in one line; then a line for each of `several`, and one for its hint if it has one.
        hint: as given, "" for none.
    """

    def __init__(self, message: str, hint: str = "", several: Sequence[SlaError] = ()) -> None:
        plain = LOST_SLASH.sub(r"\1://", USER.sub(r"\1", in_line(message)))
        whole = LONG_WORD.sub(lambda word: shortened(word[0], LONGEST_VALUE), plain)
        listed = (f"\n  {one.message}" + f"\n    {one.hint}" * bool(one.hint) for one in several)
        self.message: str = shortened(whole, LONGEST) + "".join(listed)
        self.hint: str = shortened(in_line(hint), LONGEST)
        super().__init__(self.message)  # which `repr` shows

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[type[SlaError], tuple[str, str], dict[str, str]]:
        return type(self), (self.message, self.hint), vars(self)  # keeps all parts when it is sent between processes


class FrameError(SlaError):
    """A frame that cannot be read; only its clip is lost."""


class ReadError(FrameError):
    """The file system could not read something; it may succeed the next time."""


class FormatError(SlaError):
    """A file with wrong content, or of another format version."""


class Stopped(Exception):
    """A signal asked a stage to stop; the message says how to continue. The command line exits with 128 + `signal`."""

    def __init__(self, signal: int, message: str = "") -> None:
        super().__init__(message)
        self.signal = signal
        self.message = message


# The path leads nowhere, or to something else: another attempt would fail too.
LASTING = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENODEV, errno.EFBIG)


def cannot_read(where: object, error: OSError) -> SlaError:
    """The error for a file or folder that cannot be read: a ReadError unless another attempt would fail too."""
    message = f"cannot read {where}: {error.strerror or error}"
    if error.errno in LASTING:
        return SlaError(message, "Name another one, or put it there.")
    return ReadError(message, "Check the disk and the permissions, then run it again.")


@contextmanager
def reading(where: object) -> Iterator[None]:
    """Raises an OSError of the block as the error of `cannot_read`."""
    try:
        yield
    except OSError as error:
        raise cannot_read(where, error) from error


# Errors of the file system that a user can correct; every other one is a bug of sla.
REFUSALS = (
    *(
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOTDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        *(errno.ENOENT, errno.ENOTEMPTY),  # another program has moved, removed or added something meanwhile
    ),
    *(errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.ENOLCK),  # of a network file system
)


@contextmanager
def file_errors() -> Iterator[None]:
    """Raises an OSError of the block that a user can correct as SlaError: of all commands and public functions.

    What reads or writes one file says more of it: `reading`, `atomic_write`.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT and not _has_folder():
            raise SlaError("the current folder was removed", "Change to another one.") from error
        if error.errno == errno.ENOENT and error.filename is None and not _has_temporary():  # torch needs one too
            fault = "no folder for temporary files can be written"
            raise SlaError(fault, "Set TMPDIR to a folder that can be.") from error
        if error.errno in (errno.EMFILE, errno.ENFILE):  # of pipes to processes too
            raise SlaError("too many files are open at once", MORE_ALLOWED) from error
        if error.errno not in REFUSALS or not isinstance(error.filename, str | bytes):
            raise
        raise _to_correct(error) from error
    except RuntimeError as error:
        loop = error.__context__  # Path.resolve hides the error of a loop of links
        if not isinstance(loop, OSError) or loop.errno != errno.ELOOP:
            raise
        raise _to_correct(loop) from error


def _to_correct(error: OSError) -> SlaError:
    fault = f"cannot read or write {os.fsdecode(error.filename)}: {error.strerror}"
    return SlaError(fault, "Correct it, or name another place.")


def _has_folder() -> bool:
    """Whether the current folder exists."""
    try:
        return bool(Path.cwd())
    except FileNotFoundError:
        return False


def _has_temporary() -> bool:
    """Whether there is a folder for temporary files."""
    try:
        return bool(tempfile.gettempdir())
    except FileNotFoundError:
        return False


@contextmanager
def naming(where: str) -> Iterator[None]:
    """Put a place in front of the message of an error, such as `clip 7`, in a block that does not know it."""
    try:
        yield
    except SlaError as error:
        raise SlaError(f"{where}: {error.message}", error.hint) from error


# What extras of pyproject.toml install; modules and distributions have the same names.
TORCH = ("torch", "timm", "huggingface_hub", "loralib", "safetensors", "accelerate", "tensorboard")
ONNX = ("onnxruntime", "onnx", "onnxscript")
WEB = ("starlette", "uvicorn", "websockets", "python_multipart", "prometheus_client")


def not_installed(error: ImportError | OSError) -> SlaError | None:
    """The error if a module of one of these extras is not installed, or cannot be loaded; None if it is another error.

    If a library that a module needs is missing, its own code raises an ImportError or OSError while it is imported.
    """
    frames = [frame for frame, _ in walk_tb(error.__traceback__) if frame.f_code.co_name == "<module>"]
    importing = [str(frame.f_globals.get("__name__", "")) for frame in reversed(frames)]  # the innermost first
    names = [name.partition(".")[0] for name in (getattr(error, "name", None) or "", *importing)]
    package = next((name for name in names if name in (*TORCH, *ONNX, *WEB)), "")
    for extra, packages, what in (
        ("torch", TORCH, "computing with a model"),
        ("onnx", ONNX, "ONNX"),
        ("web", WEB, "the server of `sla annotate` and `sla serve`"),
    ):
        if package in packages:
            if isinstance(error, ModuleNotFoundError) and package == names[0]:
                hint = f"Install it with `pip install 'sla-cslr[{extra}]'`."
                return SlaError(f"{what} needs {package}, which is not installed", hint)
            reason = " ".join(str(error).split()) or type(error).__name__
            hint = "Install it again; `sla doctor` says whether it can then be used."
            if getattr(error, "errno", None):  # of the system, such as too many open files
                hint = "`sla doctor` says whether it can be used."
            return SlaError(f"{what} needs {package}, which cannot be loaded: {reason}", hint)
    return None


def argument(path: object) -> str:
    """A path as an argument of a command in a hint: quoted for a shell, and neither an option nor an address to it."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") or ":" in text.partition("/")[0] else text)


def some(names: Iterable[str], limit: int = 5) -> str:
    """`a, b, c and 4 more`: names for a message, never a list of thousands, nor one of a million characters."""
    names = list(names)
    rest = len(names) - limit
    cut = (name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in names[:limit])
    return ", ".join(cut) + (f" and {rest} more" if rest > 0 else "")


def suggestion(name: str, known: Iterable[str]) -> str:
    """`Did you mean 'x'?`, or the list of known names."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {some(known, 20)}."
