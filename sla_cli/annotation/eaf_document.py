"""An existing ELAN file as bytes, with the position of each element.

A file is changed by inserting and removing bytes, so everything else stays the same, including comments and spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from sla_cli.artifact.text import UTF16, read_bytes, refuse_pipe
from sla_cli.errors import FormatError

HINT = "Open it in ELAN and save it; if that fails, use a copy that ELAN can read."
# ELAN would save as much again.
LARGE = "If it is annotation, give a copy that has only the tiers you need."
LATE = "No recording is that long: correct the time, or delete its annotation, in a copy."
MOST_BYTES = 50_000_000  # hours of dense annotation have a tenth of this size
MOST_ELEMENTS = 1_000_000  # limits the memory that a file can use
TIME = re.compile(r"\s*-?[0-9]{1,12}\s*")  # milliseconds
WHITE = b" \t\r\n"
ATTRIBUTE = re.compile(rb"""\s+([^\s=<>"'/]+)\s*=\s*("[^"]*"|'[^']*')""")
# Order of the children of ANNOTATION_DOCUMENT: http://www.mpi.nl/tools/elan/EAFv3.0.xsd
ORDER = (
    "LICENSE",
    "HEADER",
    "TIME_ORDER",
    "TIER",
    "LINGUISTIC_TYPE",
    "LOCALE",
    "LANGUAGE",
    "CONSTRAINT",
)


@dataclass(slots=True, eq=False)
class Node:
    """An element of the file.

    Attributes:
        start, end: offsets of its bytes, end exclusive.
        close: offset of its closing tag; `end` if it is an empty tag.
        line: line on which it begins, from 1.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    start: int
    close: int = 0
    end: int = 0
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        """This element and all below it, in order of the file."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)

    def named(self, tag: str) -> list[Node]:
        """The children with this tag."""
        return [child for child in self.children if child.tag == tag]


class Edit(NamedTuple):
    """Bytes that replace those from `start` to `end`."""

    start: int
    end: int
    data: bytes


@dataclass(frozen=True)
class Document:
    """A file that is an ELAN annotation document with a header and a time order; `name` is its name in messages."""

    name: str
    data: bytes
    encoding: str
    root: Node

    @property
    def header(self) -> Node:
        return self.root.named("HEADER")[0]

    @property
    def time_order(self) -> Node:
        return self.root.named("TIME_ORDER")[0]

    def milliseconds(self, node: Node, key: str) -> int:
        """A time in an attribute, 0 if there is none. Raises FormatError for other text than up to 12 digits."""
        text = node.attributes.get(key, "0")
        if not TIME.fullmatch(text):
            fault = f"{key} {text[:40]!r} is not a time in milliseconds, of up to 12 digits"
            hint = LATE if re.fullmatch(r"\s*-?[0-9]+\s*", text) else HINT
            raise FormatError(f"{self.name}, line {node.line}: {fault}", hint)
        return int(text)

    def place_for(self, tag: str) -> Node:
        """The child of the root after which an element with this tag is allowed."""
        allowed = ORDER[: ORDER.index(tag) + 1]
        return [child for child in self.root.children if child.tag in allowed][-1]

    def inserted_after(self, node: Node, elements: Sequence[ET.Element]) -> Edit:
        """Elements on separate lines after `node`, with its indentation."""
        return Edit(node.end, node.end, self._lines(elements, self._indent(node)))

    def inserted_before(self, node: Node, elements: Sequence[ET.Element]) -> Edit:
        """Like `inserted_after`, but before `node`."""
        place = self._white_before(node)
        return Edit(place, place, self._lines(elements, self._indent(node)))

    def inserted_into(self, parent: Node, elements: Sequence[ET.Element]) -> Edit:
        """Elements as the last children of `parent`."""
        if parent.children:
            return self.inserted_after(parent.children[-1], elements)
        indent = self._indent(parent)
        lines = self._lines(elements, indent + b"    ") + b"\n" + indent
        if parent.close < parent.end:
            return Edit(parent.close, parent.close, lines)
        return Edit(parent.end - len(b"/>"), parent.end, b">" + lines + f"</{parent.tag}>".encode())

    def removed(self, node: Node) -> Edit:
        """Without `node` and the white space before it."""
        return Edit(self._white_before(node), node.end, b"")

    def replaced(self, node: Node, element: ET.Element) -> Edit:
        """`element` instead of `node`."""
        return Edit(node.start, node.end, self._text(element))

    def with_attribute(self, node: Node, key: str, value: str | None) -> Edit:
        """Another value of an attribute; None removes one that the element has."""
        if key not in node.attributes:
            assert value is not None
            after = node.start + len(f"<{node.tag}".encode(self.encoding))
            text = f" {key}={quoteattr(value)}"
            return Edit(after, after, text.encode(self.encoding, "xmlcharrefreplace"))
        at = next(found for found in ATTRIBUTE.finditer(self.data, node.start) if found[1] == key.encode())
        if value is None:
            return Edit(at.start(), at.end(), b"")
        return Edit(at.start(2), at.end(2), quoteattr(value).encode(self.encoding, "xmlcharrefreplace"))

    def edited(self, edits: Sequence[Edit]) -> bytes:
        """The bytes of the file after all edits, which must not overlap; edits at one position keep their order."""
        parts, at = [], 0
        for start, end, data in sorted(edits, key=lambda edit: edit[:2]):
            parts += [self.data[at:start], data]
            at = end
        return b"".join([*parts, self.data[at:]])

    def _lines(self, elements: Sequence[ET.Element], indent: bytes) -> bytes:
        return b"".join(b"\n" + indent + self._text(one).replace(b"\n", b"\n" + indent) for one in elements)

    def _text(self, element: ET.Element) -> bytes:
        ET.indent(element, "    ")
        return ET.tostring(element, encoding="unicode").encode(self.encoding, "xmlcharrefreplace")

    def _white_before(self, node: Node) -> int:
        place = node.start
        while self.data[place - 1] in WHITE:
            place -= 1
        return place

    def _indent(self, node: Node) -> bytes:
        line = self.data[self.data.rfind(b"\n", 0, node.start) + 1 : node.start]
        return line if not line.strip(WHITE) else b""


def read_document(path: Path) -> Document:
    """An ELAN file.

    Raises:
        SlaError: the file cannot be read.
        FormatError: it is not an ELAN annotation document that sla can change; names file and line.
    """
    refuse_pipe(path)
    return parse_document(read_bytes(path), str(path))


def parse_document(data: bytes, name: str) -> Document:
    """The content of an ELAN file. Time and memory are limited; no file or address named in it is opened.

    Args:
        name: name of the file for messages.

    Raises:
        FormatError: it is not an ELAN annotation document, or is too large; names file and line.
    """
    if len(data) > MOST_BYTES:
        raise FormatError(
            f"{name} has {len(data) / 1e6:.0f} MB; an ELAN file has at most {MOST_BYTES / 1e6:.0f}", LARGE
        )
    encoding, root = parse_xml(data, name)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise FormatError(f"{name}, line {root.line}: {root.tag[:80]} is not an annotation document of ELAN", HINT)
    for tag in ("HEADER", "TIME_ORDER"):
        if len(root.named(tag)) != 1:
            raise FormatError(f"{name}, line {root.line}: {len(root.named(tag))} elements {tag} instead of 1", HINT)
    document = Document(name, data, encoding, root)
    units = document.header.attributes.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise FormatError(
            f"{name}, line {document.header.line}: times in {units or 'no unit'}, not in milliseconds", HINT
        )
    return document


def parse_xml(data: bytes, name: str) -> tuple[str, Node]:
    """The encoding and the root of an XML file, within bounds of time and memory; entities are refused.

    Raises:
        FormatError: it is not XML in UTF-8; names file and line.
    """
    if data.startswith(UTF16):
        raise FormatError(f"{name}, line 1: not UTF-8", HINT)
    return _Parser(name, data).parse()


class _Parser:
    """Elements of XML with their byte positions, which xml.etree does not provide."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data, self.encoding = name, data, "utf-8"
        self.roots: list[Node] = []
        self.open: list[tuple[Node, list[str]]] = []  # open elements with the pieces of their text
        self.elements = 0
        self.expat = expat.ParserCreate()
        self.expat.buffer_text = True
        self.expat.XmlDeclHandler = self._declaration
        self.expat.EntityDeclHandler = self._entity
        self.expat.AttlistDeclHandler = self._default
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._characters

    def parse(self) -> tuple[str, Node]:
        try:
            self.expat.Parse(self.data, True)
        except expat.ExpatError as error:
            message = expat.ErrorString(error.code)
            raise FormatError(f"{self.name}, line {error.lineno}: not XML ({message})", HINT) from error
        return self.encoding, self.roots[0]

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8", "us-ascii", "ascii"):
            raise FormatError(f"{self.name}, line 1: encoded as {encoding}, not as UTF-8", HINT)
        self.encoding = "ascii" if encoding and "ascii" in encoding.lower() else "utf-8"

    def _entity(self, name: str, *rest: object) -> None:
        """ELAN writes no entities, and nested entities can use up any memory."""
        raise FormatError(f"{self.name}, line {self.expat.CurrentLineNumber}: declares the entity {name}", HINT)

    def _default(self, tag: str, name: str, *rest: object) -> None:
        """An attribute that is not where the element is written could not be changed there."""
        line = self.expat.CurrentLineNumber
        raise FormatError(f"{self.name}, line {line}: declares the attribute {name} of {tag}", HINT)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if self.elements > MOST_ELEMENTS:
            line = self.expat.CurrentLineNumber
            raise FormatError(f"{self.name}, line {line}: more than {MOST_ELEMENTS} elements", LARGE)
        node = Node(tag, attributes, self.expat.CurrentLineNumber, self.expat.CurrentByteIndex)
        (self.open[-1][0].children if self.open else self.roots).append(node)
        self.open.append((node, []))

    def _end(self, tag: str) -> None:
        node, texts = self.open.pop()
        node.text, node.close = "".join(texts), self.expat.CurrentByteIndex
        empty = not node.children and not node.text and self.data.endswith(b"/>", node.start, node.close)
        node.end = node.close if empty else self.data.index(b">", node.close) + 1

    def _characters(self, text: str) -> None:
        self.open[-1][1].append(text)
