"""Checks the arguments of public functions where they are used, so that Python and the command line have one rule."""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from sla_cli.errors import SlaError, decoded, in_line, shown
from sla_cli.system.atomic import LONGEST_NAME

NAME = re.compile(r"[^.\s/\\:,]([^\t\n/\\:,]*[^\s/\\:,])?")
LONGEST_GIVEN = 200  # bytes of a name of --name: a seed, an ending and the number of a copy come after it
LONGEST_PATH = 4095  # bytes, of Linux's file systems


def as_path(value: object, name: str) -> Path:
    """A path from a text or a path. Raises SlaError for anything else, and for an empty text."""
    if not isinstance(value, (str, os.PathLike)) or not isinstance(path := os.fspath(value), str):
        raise SlaError(f"{name} is {shown(value)}, not a path", "Give a text or a pathlib.Path.")
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # half of a pair of surrogates
        encoded = b""
    if not encoded or b"\0" in encoded:
        raise SlaError(f"{name} is {shown(path)}, which is no path", "Name a file or folder.")
    parts = re.split(rb"[/:]", os.fsencode(Path(path).as_posix()))  # as of STORE:DIVISION, which are two names
    if len(encoded) > LONGEST_PATH or max(map(len, parts)) > LONGEST_NAME:
        raise SlaError(f"{name} is {shown(path)}, too long for a path", "Name a file or folder.")
    return Path(path)


def check_name(name: str | None) -> None:
    """Raise SlaError if a folder, or a division, cannot have the name that --name gives it."""
    if name is None:
        return
    if in_line(decoded(name)) != decoded(name) or not NAME.fullmatch(name):  # also bytes that are no UTF-8
        raise SlaError(f"{shown(name)} cannot be a name", "Give a --name of letters, digits, - and _.")
    if len(os.fsencode(name)) > LONGEST_GIVEN:
        raise SlaError(f"the name {name[:60]}… has more than {LONGEST_GIVEN} bytes", "Give a shorter --name.")


def as_number(value: object, name: str, low: float, high: float = float("inf")) -> float:
    """A real number within bounds. Raises SlaError for anything else, also for NaN."""
    plain = as_plain(value)
    try:
        number = float(plain) if isinstance(plain, (int, float)) and not isinstance(plain, bool) else math.nan
    except OverflowError:
        number = math.nan
    if not low <= number <= high:
        bounds = f"from {low:g} to {high:g}" if high != float("inf") else f"of at least {low:g}"
        raise SlaError(f"{name} is {shown(value)}, not a number {bounds}")
    return number


def as_whole(value: object, name: str, low: int, high: int) -> int:
    """A whole number within bounds. Raises SlaError for anything else."""
    number = as_number(value, name, low, high)
    if not number.is_integer():
        raise SlaError(f"{name} is {shown(value)}, not a whole number")
    return int(number)


def as_plain(value: object) -> Any:
    """A number of another type, as of numpy, a Fraction or a Decimal, as one of Python; anything else as it is."""
    if isinstance(value, bool):
        return value
    try:
        if isinstance(value, Integral):
            return operator.index(value)
        return float(value) if isinstance(value, (Real, Decimal)) else value
    except (OverflowError, TypeError):  # too large; a duration of numpy, which is said to be a whole number
        return value
    except ValueError:  # a signalling NaN
        return math.nan


def check_one_of(value: object, name: str, known: Sequence[str]) -> None:
    """Raise SlaError for a value that is not one of these texts."""
    if not isinstance(value, str) or value not in known:
        raise SlaError(f"{name} is {shown(value)}", f"It is one of {', '.join(known)}.")


def as_text(value: object, name: str, hint: str = "") -> str:
    """A text. Raises SlaError with this hint for anything else."""
    if not isinstance(value, str):
        raise SlaError(f"{name} is {shown(value)}, not a text", hint)
    return value


def as_line(value: object, name: str) -> str:
    """A text that a page or a card shows. Raises SlaError for several lines, and for control characters."""
    text = decoded(as_text(value, name))
    if in_line(text) != text:
        raise SlaError(f"{name} is {shown(text)}, not one line without control characters", "Write one line of text.")
    return text


def as_flag(value: object, name: str) -> bool:
    """True or False. Raises SlaError for anything else: "no" and an array of zeros would be true, or neither."""
    if not isinstance(value, bool):
        raise SlaError(f"{name} is {shown(value)}, neither True nor False")
    return value


def as_texts(values: object, name: str, *, ordered: bool = True) -> tuple[str, ...]:
    """Texts. Raises SlaError for a single text, whose characters would be taken, and for anything but texts.

    Args:
        ordered: whether their order counts, so that a set is refused. A mapping always is: its values would be ignored.
    """
    unordered = isinstance(values, Mapping) or (ordered and isinstance(values, Set))
    if isinstance(values, str | bytes) or unordered or (found := items_of(values)) is None:
        raise SlaError(f"{name} is {shown(values)}, not a list of texts", "Give a list, also of a single text.")
    texts = list[str]()
    for text in found:
        if not isinstance(text, str):
            raise SlaError(f"{name} holds {shown(text)}, not only texts")
        texts.append(text)
    return tuple(texts)


def check_types(values: Iterable[object], name: str, kind: type, *, stored: bool = False) -> None:
    """Raise SlaError unless these are several values, all of a type.

    Args:
        stored: whether they are read again, so that anything but a tuple or a list, such as a generator, is refused.
    """
    found = None if stored and not isinstance(values, (tuple, list)) else items_of(values)
    if found is None:
        raise SlaError(f"{name} is {shown(values)}, not a list of sla_cli.{kind.__name__}")
    for value in found:
        if not isinstance(value, kind):
            raise SlaError(f"{name} is or holds {shown(value)}, not sla_cli.{kind.__name__}")


def check_slice(value: object) -> None:
    """Raise SlaError for anything but a slice of whole numbers with a step of 1."""
    hint = "Write slice(0, 10) for the first ten."
    if not isinstance(value, slice):
        raise SlaError(f"frames are chosen by a slice, not by {shown(value)}", hint)
    for end in (value.start, value.stop, value.step):
        if end is not None and (isinstance(end, bool) or not isinstance(as_plain(end), int)):
            raise SlaError(f"a slice of frames has whole numbers, not {shown(end)}", hint)
    if value.step not in (None, 1):
        raise SlaError(
            f"a slice of frames has a step of 1, not {shown(value.step)}", "Choose among the frames it gives."
        )


def items_of(values: object) -> Iterator[object] | None:
    """The items of an iterable; None for what has none, as an array without dimensions, which claims to be one."""
    try:
        return iter(values)  # type: ignore[call-overload]
    except TypeError:
        return None
