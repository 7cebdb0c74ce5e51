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

    def find(self, path: str) -> Source | None:
        """The recording for a path elsewhere: by file name, or else by name without extension.

        Of several, the one with most equal folder names is used. Raises SlaError if this does not decide.
        """
        for form in dict.fromkeys((path, unquote(path, errors="surrogateescape"))):
            parts = _parts(form)
            name = PurePosixPath(parts[-1]) if parts else PurePosixPath()
            found = self._by_name.get(name.name) or self._by_stem.get(name.stem) or self._by_stem.get(name.name)
            if found:
                alike = {one: _common_end(_parts(one), parts) for one in found}
                best = [one for one in found if alike[one] == max(alike.values())]
                if len(best) > 1:
                    hint = "Give the folder of one of them as --media, or rename them."
                    raise SlaError(f"{path}: --media has several with this name: {some(best)}", hint)
                return Source(self.tree.root, best[0])
        return None


def _parts(path: str) -> list[str]:
    return [part for part in plain_name(path).replace("\\", "/").split("/") if part]


def _common_end(one: list[str], other: list[str]) -> int:
    """The number of equal parts at their ends."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return next((number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
