"""The rule of all formats: each counts its versions from 1, and the present one and the one before are read.

A fact that a file of the version before lacks gets its value in the reader of the format, in one place.
"""

from __future__ import annotations

from numbers import Integral

from sla_cli.artifact.text import is_whole
from sla_cli.errors import FormatError

NEWER = "If a newer sla made it, update this one; if not:"  # one changed bit makes a 9 of a 1


def readable(version: int) -> range:
    """The versions that are read where `version` is written."""
    return range(max(1, version - 1), version + 1)


def unread_version(where: object, name: str, version: int, found: object, hint: str) -> FormatError:
    """The error for a file whose version is not read.

    Args:
        where: the file, for the message.
        name: of the format.
        version: the one that is written.
        found: the one that the file names.
        hint: what to do about a version of the past.
    """
    known = " and ".join(map(str, readable(version)))
    stated = "without a version" if found is None or isinstance(found, bool) else f"version {str(found)[:40]}"
    message = f"{where}: {name} {stated}, this sla reads version {known}"
    number = _number(found)
    newer = isinstance(number, Integral) and int(number) > version
    return FormatError(message, f"{NEWER} {hint}" if newer else hint)


def check_version(where: object, name: str, version: int, found: object, hint: str) -> None:
    """Raise the error of `unread_version` if a version, a number or its text, is not read."""
    if isinstance(found, bool) or _number(found) not in readable(version):
        raise unread_version(where, name, version, found, hint)


def _number(found: object) -> object:
    return int(found) if isinstance(found, str) and is_whole(found) else found
