"""Writes the pictures of one clip: either all, or none under the clip's name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sla_cli.artifact.receipt import digest_file
from sla_cli.core.digest import digest_bytes, digest_json
from sla_cli.errors import FormatError, SlaError
from sla_cli.prep.export.layout import LAYOUTS, Layout
from sla_cli.store.clips import StoredClip
from sla_cli.store.codec import decode, encode
from sla_cli.store.file import AGAIN
from sla_cli.store.store import open_split
from sla_cli.system.atomic import ELSEWHERE, HINTS

PARTIAL = ".partial"  # folder in the export for files that are being written
STORED_AS = {"png": "png", "jpg": "jpeg"}  # the codec of a store whose bytes already are such files


def features_name(size: int) -> str:
    """Name of the folder of all pictures of a size."""
    return f"fullFrame-{size}x{size}px"


def digest_pictures(folder: Path) -> str:
    """Digest of the names and contents of the files in a folder; "" if it holds anything else."""
    found = list(folder.iterdir())
    if any(path.is_symlink() or not path.is_file() for path in found):
        return ""
    return digest_json({path.name: digest_file(path) for path in found})


@dataclass(frozen=True)
class Pictures:
    """Where and how the pictures of a store are written; sent to other processes.

    Attributes:
        store: `FOLDER:DIVISION`.
        out: folder.
        layout: name of the layout.
        image: `png` or `jpg`.
        size: side in pixels.
        digests: of the splits that are exported.
    """

    store: str
    out: Path
    layout: str
    image: str
    size: int
    digests: Mapping[str, str]

    @property
    def features(self) -> Path:
        """The folder of all pictures."""
        return self.out / self._layout.root / "features" / features_name(self.size)

    def place(self, split: str, clip: str) -> Path:
        """The folder of a clip's pictures."""
        return self._folder(split, clip) / self._layout.inner

    def is_written(self, split: str, clip: StoredClip) -> bool:
        """Whether all pictures of a clip exist. Empty files are left by a power failure."""
        try:
            sizes = [path.stat().st_size for path in self.place(split, clip.id).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return False
        return len(sizes) == len(clip) and all(sizes)

    def changed(self, split: str, clip: str, digest: str, written: float) -> bool:
        """Whether a clip has other pictures than were written. Only those that are newer are read.

        Args:
            digest: `digest_pictures` of what was written.
            written: when, in seconds since 1970.
        """
        folder = self.place(split, clip)
        newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        return newest > written and digest_pictures(folder) != digest

    def write(self, place: tuple[str, int]) -> str:
        """Write the missing pictures of a clip, by split and number, in any process; returns `digest_pictures` of all.

        Raises:
            FormatError: the clip is damaged.
            SlaError: its folder holds files that no export writes, or the disk is full, or cannot be written.
        """
        split, number = place
        clips = open_split(self.store, split, self.digests[split])
        clip, folder, inner = clips[number], self._folder(split, clips.ids[number]), self._layout.inner
        partial, digests = self.out / PARTIAL / f"{split}-{number}", dict[str, str]()
        try:
            shutil.rmtree(partial, ignore_errors=True)
            there = self._there(folder, clip)
            (partial / inner).mkdir(parents=True)
            for name, data in self._files(clip, clips.codec):
                digests[name] = digest_bytes(data.tobytes())
                if name not in there:
                    (partial / inner / name).write_bytes(data.tobytes())
            folder.parent.mkdir(parents=True, exist_ok=True)
            if not folder.is_dir():
                partial.rename(folder)
            else:
                (folder / inner).mkdir(exist_ok=True)
                for path in (partial / inner).iterdir():
                    path.replace(folder / inner / path.name)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            hint = f"{HINTS.get(error.errno, ELSEWHERE)}, and run it again: complete clips are kept."
            raise SlaError(f"cannot write {folder}: {error.strerror or error}", hint) from error
        return digest_json(digests)

    def _there(self, folder: Path, clip: StoredClip) -> set[str]:
        """The pictures of a clip that are not missing. Raises SlaError if there are other files."""
        names = set(self._layout.pictures(clip.id, len(clip), self.image))
        found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
        for path in found:
            if path.parent != folder / self._layout.inner or path.name not in names or not path.is_file():
                raise SlaError(f"{path} is not of this export, which would be completed", "Move it elsewhere.")
        return {path.name for path in found if path.stat().st_size}

    def _files(self, clip: StoredClip, codec: str) -> Iterator[tuple[str, np.ndarray]]:
        """Name and bytes of each picture; bytes that are such a file already are written unchanged."""
        frames = clip.encoded()
        for number, name in enumerate(self._layout.pictures(clip.id, len(frames), self.image)):
            data = frames[number]
            if codec != STORED_AS[self.image]:
                image = decode(data, codec, self.size)
                if image is None:
                    raise FormatError(f"{self.store}: clip {clip.id}, frame {number} does not decode", AGAIN)
                data = encode(image, "png", 0)
            yield name, data

    def _folder(self, split: str, clip: str) -> Path:
        return self.features / split / clip

    @property
    def _layout(self) -> Layout:
        return LAYOUTS[self.layout]
