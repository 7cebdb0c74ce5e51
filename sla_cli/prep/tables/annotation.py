"""Annotation tables under a tree, folder or archive: read whole, named in messages, their digests noted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from sla_cli.core.digest import digest_bytes
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.table import Row, parse_table
from sla_cli.formats.text import decode_text
from sla_cli.prep.corpus import Listing
from sla_cli.video.tree import Tree, checked


def read_rows(tree: Tree, path: str, columns: Sequence[str], listing: Listing, name: str = "") -> list[Row]:
    """Rows of a table separated by `|` whose header holds at least `columns`; its digest goes into the listing.

    Args:
        name: what the listing calls the table; its file name where nothing is given.

    Raises:
        SlaError: it cannot be read, or is not such a table; names file and line.
    """
    data, where = tree.read(path), tree.where(path)
    listing.tables[name or PurePosixPath(path).name] = digest_bytes(data)
    return list(parse_table(decode_text(data, where), where, columns))


def inside(path: str, at: str) -> str:
    """A path that a table gives, without `./`. Raises SlaError, naming `at`, where it is empty or leaves the corpus."""
    try:
        if path.strip("/.") and checked(path):
            return PurePosixPath(path).as_posix()
    except SlaError as error:
        raise FormatError(
            f"{at}: {path!r} does not stay inside the corpus", "Paths in tables are relative to the corpus."
        ) from error
    raise FormatError(f"{at}: {path!r} names no file or folder in the corpus")
