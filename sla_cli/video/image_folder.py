"""Folders of images: one picture per frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from sla_cli.core.clip import Source
from sla_cli.core.counted import counted
from sla_cli.core.endings import is_image
from sla_cli.errors import FrameError
from sla_cli.video.frame_numbers import DIGITS
from sla_cli.video.picture import decode_picture
from sla_cli.video.timing import check_end, selected
from sla_cli.video.tree import Tree

DIGIT = str.maketrans("0123456789", "0" * 10)


def pictures_among(names: Iterable[str]) -> list[str]:
    """Names of pictures, in the order of the numbers in them; no hidden files (macOS writes ._NAME.png)."""
    found = [name for name in names if is_image(name) and not name.startswith(".")]
    alike = len({name.translate(DIGIT) for name in found}) == 1  # almost always: then their order as text is the same
    return sorted(found, key=None if alike else _by_number)


def read_folder(
    tree: Tree, source: Source, names: Sequence[str], rate: float, fps: float, missing: str = ""
) -> Iterator[tuple[float, np.ndarray]]:
    """Time in seconds and picture of the wanted frames of a folder.

    Args:
        names: names of its pictures, in order.
        rate: frames per second of the result; 0 uses all.
        fps: frame rate of the folder, 0 if it is not known: times are then NaN.
        missing: as `FrameReader.missing`, for the message.

    Yields:
        Time, and BGR uint8 (height, width, 3).

    Raises:
        FrameError: an image does not decode (names the file), the wanted part ends after the last one, or times are
            needed and the folder's frame rate is unknown.
    """
    frames = [(number / fps if fps else math.nan, name) for number, name in enumerate(names)]
    if source.start is not None or source.end is not None or rate:
        if not fps:
            message = f"{tree.where(source.path)} is a folder of images whose frame rate is unknown"
            raise FrameError(message, "Its table or Source needs fps; or leave out start, end and --fps.")
        where = tree.where(source.path) + (f" ({missing})" if missing else "")
        check_end(source.end, len(names) / fps, where)
        frames = list(selected(frames, source.start, source.end, rate, tree.where(source.path)))
    paths = [f"{source.path}/{name}" if source.path else name for _, name in frames]
    for (time, _), path, data in zip(frames, paths, tree.read_all(paths), strict=True):
        yield time, _decode(data, tree, path)


def _by_number(name: str) -> list[tuple[int, str, str]]:
    """`frame2.png` comes before `frame10.png`: numbers are compared as numbers, the parts between them as text.

    Digits are not converted with int(): Python refuses thousands of digits, which an archive may contain.
    """
    parts = DIGITS.split(name)
    return [
        (len(digits := part.lstrip("0")), digits, part) if place % 2 else (0, part, "")
        for place, part in enumerate(parts)
    ]


def _decode(data: bytes, tree: Tree, path: str) -> np.ndarray:
    try:
        image = decode_picture(data)
    except ValueError as error:
        fault = f"{tree.where(path)} does not decode as an image: {error}"
        raise FrameError(
            fault, "Write it again with another program: smaller, or each picture into its own file."
        ) from error
    if image is None:
        message = f"{tree.where(path)} does not decode as an image ({counted(len(data), 'byte')})"
        raise FrameError(message, "PNG, JPEG, BMP, WebP and TIFF are read, with up to 16 bits for each colour.")
    return image
