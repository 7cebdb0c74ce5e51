"""Writes the pictures of one clip: either all, or none under the clip's name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sla_cli.errors import FormatError, SlaError
from sla_cli.prep.export.layout import LAYOUTS, SUFFIXES, Layout
from sla_cli.store.clips import StoredClip
from sla_cli.store.codec import decode, encode
from sla_cli.store.store import open_split

PARTIAL = ".partial"  # folder in the export for files that are being written
STORED_AS = {"png": "png", "jpg": "jpeg"}  # the codec of a store whose bytes already are such files


def features_name(size: int) -> str:
    """Name of the folder of all pictures of a size."""
    return f"fullFrame-{size}x{size}px"


@dataclass(frozen=True)
class Pictures:
    """Where and how the pictures of a store are written; sent to other processes.

    Attributes:
        store: `FOLDER:DIVISION`.
        out: folder.
        layout: name of the layout.
        image: `png` or `jpg`.
        size: side in pixels.
    """

    store: str
    out: Path
    layout: str
    image: str
    size: int

    @property
    def features(self) -> Path:
        """The folder of all pictures."""
        return self.out / self._layout.root / "features" / features_name(self.size)

    def is_written(self, split: str, clip: StoredClip) -> bool:
        """Whether all pictures of a clip exist. Empty files are left by a power failure."""
        try:
            sizes = [path.stat().st_size for path in (self._folder(split, clip.id) / self._layout.inner).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return False
        return len(sizes) == len(clip) and all(sizes)

    def write(self, place: tuple[str, int]) -> int:
        """Write the pictures of a clip, by split and number, in any process; returns their number.

        Raises:
            FormatError: the clip is damaged.
            SlaError: its folder holds files that no export writes, or the disk is full, or cannot be written.
        """
        split, number = place
        clips = open_split(self.store, split)
        clip, folder = clips[number], self._folder(split, clips.ids[number])
        partial = self.out / PARTIAL / f"{split}-{number}"
        try:
            shutil.rmtree(partial, ignore_errors=True)
            self._remove(folder)
            (partial / self._layout.inner).mkdir(parents=True)
            for name, data in self._files(clip, clips.codec):
                (partial / self._layout.inner / name).write_bytes(data.tobytes())
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial.rename(folder)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            hint = "Free space or choose another folder with -o, and run it again: complete clips are kept."
            raise SlaError(f"cannot write {folder}: {error.strerror or error}", hint) from error
        return len(clip)

    def _remove(self, folder: Path) -> None:
        """Remove the pictures of a clip, of which some are missing. Raises SlaError if there are other files."""
        found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
        for path in found:
            if path.parent != folder / self._layout.inner or not self._layout.is_picture(folder.name, path.name):
                raise SlaError(f"{path} is not of this export, whose folder would be replaced", "Move it elsewhere.")
        shutil.rmtree(folder, ignore_errors=True)

    def _files(self, clip: StoredClip, codec: str) -> Iterator[tuple[str, np.ndarray]]:
        """Name and bytes of each picture; bytes that are such a file already are written unchanged."""
        frames = clip.encoded()
        digits = len(str(len(frames)))
        for number, data in enumerate(frames):
            name = self._layout.picture(clip.id, number, digits) + SUFFIXES[self.image]
            if codec != STORED_AS[self.image]:
                image = decode(data, codec, self.size)
                if image is None:
                    message = f"{self.store}: clip {clip.id}, frame {number} does not decode"
                    raise FormatError(message, "Run `sla prep` again with --force.")
                data = encode(image, "png", 0)
            yield name, data

    def _folder(self, split: str, clip: str) -> Path:
        return self.features / split / clip

    @property
    def _layout(self) -> Layout:
        return LAYOUTS[self.layout]
