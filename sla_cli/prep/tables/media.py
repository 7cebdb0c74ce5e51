"""Finds recordings that are not where an annotation says, by name in another folder (`--media`)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from sla_cli.annotation.formats import can_read
from sla_cli.core.alike import plain_name
from sla_cli.core.clip import Source
from sla_cli.core.clip_name import clip_name
from sla_cli.core.endings import is_video
from sla_cli.errors import SlaError, some
from sla_cli.video.source import open_tree
from sla_cli.video.walk import recordings_among, walk


class MediaFolder:
    """The recordings below a folder, or in an archive: videos, and folders with images."""

    def __init__(self, root: Path) -> None:
        """Raises SlaError if there is no such folder or archive."""
        try:
            self.tree = open_tree(root.resolve())
        except SlaError as error:
            raise SlaError(f"--media: {error.message}", "Give the folder with the recordings.") from error
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        files = list(walk(self.tree))
        for path in files:
            if can_read(path):  # the annotations of a recording are no recording
                continue
            self._by_name[plain_name(PurePosixPath(path).name)].append(path)
        for path in filter(None, recordings_among(files)):
            if not is_video(path):  # a folder of pictures
                self._by_name[plain_name(PurePosixPath(path).name)].append(path)
            self._by_stem[plain_name(clip_name(path))].append(path)

    def find(self, *paths: str) -> Source | None:
        """The recording for paths elsewhere, the first that finds one: by file name, or by name without extension.

        Of several, the one with most equal folder names is used; if two have as many, further paths decide between
        them. Raises SlaError if none does.
        """
        named, left = "", list[str]()
        for path, form in ((one, form) for one in paths for form in (one, unquote(one, errors="surrogateescape"))):
            *folders, file = _parts(form) or [""]
            name = PurePosixPath(file)
            found = self._by_name.get(name.name) or self._by_stem.get(name.stem) or self._by_stem.get(name.name) or []
            alike = {one: _common_end(_parts(one)[:-1], folders) for one in found if not left or one in left}
            best = [one for one in alike if alike[one] == max(alike.values())]
            if len(best) == 1:
                return Source(self.tree.root, best[0])
            if best:
                named, left = named or path, best
        if left:
            hint = "Give the folder of one of them as --media, or rename them."
            raise SlaError(f"{named}: --media has several with this name: {some(left)}", hint)
        return None


def _parts(path: str) -> list[str]:
    return [part for part in plain_name(path).replace("\\", "/").split("/") if part]


def _common_end(one: list[str], other: list[str]) -> int:
    """The number of equal parts at their ends."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
