"""The body of a request → a file: a video as it is, or the file of a form; bounded in size."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from sla_cli.core.counted import counted
from sla_cli.serve.body import RefusedError

# Each damaged form would be lines in the log of the service.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
PIECE = 1 << 20  # bytes that are written at once, and that a form may have around the file
FIELDS = 20  # most fields of a form: each costs the only event loop time


async def save_upload(request: Request, path: Path, most: int) -> None:
    """Write the video of a request.

    Args:
        most: bytes.

    Raises:
        RefusedError: it is too large, empty or too slow, or a form without a file.
        ClientDisconnect: the client has gone.
        OSError: it cannot be written.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most + PIECE:
        raise too_large(most)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    with path.open("wb", buffering=PIECE) as file:
        into = _Into(file, most)
        if kind == b"multipart/form-data":
            await _save_form(request, options.get(b"boundary", b""), into)
        else:
            async for piece in _pieces(request, most):
                into.write(piece)
    if not into.written:
        raise RefusedError(422, "the video is empty (0 bytes)")


def too_large(most: int) -> RefusedError:
    """The refusal of a video of more than `most` bytes."""
    return RefusedError(413, f"the video has more than {most:,} bytes")


@dataclass
class _Into:
    file: BinaryIO
    most: int
    written: int = 0

    def write(self, data: bytes) -> None:
        self.written += len(data)
        if self.written > self.most:
            raise too_large(self.most)
        self.file.write(data)


@dataclass
class _Form:
    """Writes the one part of a form that is a file."""

    into: _Into
    files: int = 0
    parts: int = 0
    complete: bool = False
    _name: bytes = b""
    _value: bytes = b""
    _inside: bool = field(default=False)

    def part_begin(self) -> None:
        self._inside = False
        self.parts += 1
        if self.parts > FIELDS:
            raise RefusedError(400, f"the form has more than {FIELDS} fields")

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        if self._name.lower() == b"content-disposition" and b"filename" in parse_options_header(self._value)[1]:
            self._inside = True
            self.files += 1
        self._name = self._value = b""

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside and self.files == 1:
            self.into.write(data[start:end])

    def end(self) -> None:
        self.complete = True

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self.part_begin,
                "on_header_field": self.header_field,
                "on_header_value": self.header_value,
                "on_header_end": self.header_end,
                "on_part_data": self.part_data,
                "on_end": self.end,
            },
        )


async def _save_form(request: Request, boundary: bytes, into: _Into) -> None:
    form = _Form(into)
    try:
        parser = form.parser(boundary)
        async for piece in _pieces(request, into.most):
            parser.write(piece)
    except FormParserError as error:
        raise RefusedError(400, "the form is not multipart/form-data as RFC 7578 has it") from error
    if form.files != 1 or not form.complete:
        ending = "" if form.complete else " and no end"
        raise RefusedError(400, f"the form has {counted(form.files, 'file')}{ending}; send one file")


async def _pieces(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body, as it comes. Raises RefusedError if it is larger than a form with such a file."""
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most + PIECE:
            raise too_large(most)
        yield piece
