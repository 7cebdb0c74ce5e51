"""A clip's source, pictures or a video, into encoded frames of the store's size."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sla_cli.config import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError, SlaError
from sla_cli.formats.codec import decode, encode
from sla_cli.video.image_folder import IMAGES, read_folder
from sla_cli.video.resize import fitted
from sla_cli.video.source import open_tree
from sla_cli.video.timing import selected
from sla_cli.video.tree import Tree
from sla_cli.video.video_file import Video


@dataclass(frozen=True)
class EncodedFrames:
    """A clip's frames on their way into the store.

    Attributes:
        data: the encoded frames one after the other, uint8 (bytes,).
        sizes: bytes of each, int64 (frames,).
        fps: frames a second of these frames; 0 where nothing tells.
        squared_error: mean over the values of one sampled frame of the squared difference that the codec makes;
            0 for a lossless one.
    """

    data: np.ndarray
    sizes: np.ndarray
    fps: float
    squared_error: float


def encode_clip(source: Source, config: PrepConfig, fps: float | None, cache: Path | None = None) -> EncodedFrames:
    """Read, cut, resample, resize and encode a clip.

    Args:
        fps: of a folder of images, where the corpus knows it; a video tells its own.
        cache: the folder that keeps the lists of archives, as for `open_tree`.

    Raises:
        FrameError: a frame or the whole source cannot be read; names the file and the frame.
    """
    try:
        return _encode(open_tree(source.root, cache), source, config, fps)
    except FrameError:
        raise
    except SlaError as error:
        raise FrameError(error.message, error.hint) from error


def _encode(tree: Tree, source: Source, config: PrepConfig, fps: float | None) -> EncodedFrames:
    where = tree.where(source.path)
    if tree.is_dir(source.path):
        parts, squared_error = _pack(read_folder(tree, source, config.fps, fps), config)
        rate = fps or 0.0
    elif not tree.is_file(source.path):
        raise FrameError(f"no such frame folder or video: {where}")
    elif any(source.path.lower().endswith(suffix) for suffix in IMAGES):
        raise FrameError(f"{where} is a single picture", "A clip is a folder of pictures, or a video.")
    else:
        with tree.local(source.path) as path:
            video = Video(path, where)
            frames = video.frames(source.start, source.end)
            parts, squared_error = _pack(selected(frames, source.start, source.end, config.fps), config)
            rate = video.rate
    if not parts:
        raise FrameError(f"{where} has no frame between {source.start or 0:g} s and {_or_end(source.end)}")
    sizes = np.array([len(part) for part in parts], np.int64)
    return EncodedFrames(np.concatenate(parts), sizes, config.fps or rate, squared_error)


def _pack(pictures: Iterable[np.ndarray], config: PrepConfig) -> tuple[list[np.ndarray], float]:
    """Encoded frames, and the squared error of one from the clip's second half or its middle."""
    parts: list[np.ndarray] = []
    sample: tuple[np.ndarray, np.ndarray] | None = None
    for number, picture in enumerate(pictures):
        image = fitted(picture, config.size, config.fit)
        parts.append(encode(image, config.codec, config.quality))
        if number & (number - 1) == 0:  # 0, 1, 2, 4, 8, ...: how many will come is not known
            sample = image, parts[-1]
    return parts, 0.0 if sample is None else _squared_error(*sample, config)


def _squared_error(image: np.ndarray, data: np.ndarray, config: PrepConfig) -> float:
    decoded = decode(data, config.codec, config.size)
    if decoded is None:
        raise RuntimeError(f"OpenCV does not decode the {config.codec} that it made")
    return float(np.mean(np.square(image.astype(np.float32) - decoded)))


def _or_end(end: float | None) -> str:
    return "the end" if end is None else f"{end:g} s"
