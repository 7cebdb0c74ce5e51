"""The frames of a recording with their times, from a video file or a folder of pictures, also inside an archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from sla_cli.artifact.bounded_decode import is_animated_png
from sla_cli.core.clip import Source
from sla_cli.core.endings import is_image
from sla_cli.errors import FrameError, SlaError, reading, some
from sla_cli.video.animation import not_a_video
from sla_cli.video.frame_numbers import missing_frames
from sla_cli.video.image_folder import pictures_among, read_folder
from sla_cli.video.source import ENDINGS, open_tree
from sla_cli.video.timing import selected
from sla_cli.video.tree import Tree, nothing_at
from sla_cli.video.video_file import Video

OTHER_ARCHIVES = (".xz", ".bz2", ".zst", ".gz", ".7z", ".rar")
ONE = "Give one video, or the folder of the pictures of one recording."


class FrameReader:
    """Yields time in seconds and picture of each frame, in one pass; frames are not kept in memory.

    Pictures are BGR uint8 (height, width, 3), upright: OpenCV decodes and encodes this order, and converting every
    frame would cost time. Times are those of the recording, NaN for a folder whose frame rate is not known.

    Attributes:
        fps: frames per second of what was yielded, known after the last frame; 0 if unknown.
        stated: frames per second as the video's header states, or as given for a folder, known with the first frame;
            0 if unknown. Times may contradict it.
        pixel_aspect: width of a pixel over its height, known with the first frame; see `fitted`.
        claimed: frames of a video as its header states, known with the first frame; 0 if unknown.
        missing: which frames are missing in a folder of pictures, from the numbers in the names, known with the first
            frame: "" or a part of a sentence, such as `frames 5 and 9 to 11 are missing`.
    """

    def __init__(
        self,
        source: Source,
        *,
        fps: float | None = None,
        rate: float = 0.0,
        cache: Path | None = None,
        first: int | None = None,
    ) -> None:
        """Nothing is opened before the first frame is requested.

        Args:
            source: the recording, or the part of it that is wanted.
            fps: frame rate of a folder of pictures, if it is known; a video has its own.
            rate: frames per second of the result; the frame nearest in time is used for each. 0 uses every frame.
            cache: the folder for lists of archives, as for `open_tree`.
            first: number in the name of a folder's first picture, if the corpus states it.
        """
        self.source, self.fps = source, rate
        self.stated, self.pixel_aspect, self.claimed, self.missing = 0.0, 1.0, 0, ""
        self._folder_fps, self._rate, self._cache, self._first = fps or 0.0, rate, cache, first

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Raises FrameError, naming file and frame, if one or all cannot be read, or none is in the wanted part; a
        ReadError if the file system is the cause."""
        found, where = False, str(self.source.root / self.source.path)
        try:
            with reading(where):
                tree = open_tree(self.source.root, self._cache)
                for frame in self._frames(tree, where):
                    found = True
                    yield frame
        except FrameError:
            raise
        except SlaError as error:
            raise FrameError(error.message, error.hint) from error
        except cv2.error as error:
            raise FrameError(f"{where} does not decode ({error.err or error})") from error
        if not found:
            end = "the end" if self.source.end is None else f"{self.source.end:g} s"
            part = f"between {self.source.start or 0:g} s and {end}"
            raise FrameError(f"{where} has no frame {part}")

    def _frames(self, tree: Tree, where: str) -> Iterator[tuple[float, np.ndarray]]:
        source, rate = self.source, self._rate
        if tree.is_dir(source.path):
            self.stated = self._folder_fps
            names = pictures_among(entries := tree.names(source.path))
            if not names:
                raise FrameError(f"{where} holds no images: {some(entries) or 'it is empty'}", ONE)
            self.missing = missing_frames(names, self._first)
            yield from read_folder(tree, source, names, rate, self._folder_fps, self.missing)
            self.fps = rate or self._folder_fps
        elif not tree.is_file(source.path):
            raise FrameError(nothing_at(where))
        elif source.path.lower().endswith(tuple(ENDINGS)):
            raise FrameError(f"{where} is an archive, not a recording", ONE)
        elif source.path.lower().endswith(OTHER_ARCHIVES):
            raise FrameError(f"{where} is an archive of a kind that is not read", "Unpack it, or make it a zip or tar.")
        elif is_image(source.path) and not is_animated_png(data := tree.read(source.path)):
            raise not_a_video(data, where)
        else:
            with tree.open(source.path) as file:
                video = Video(file, where)
                frames, first, last = 0, 0.0, 0.0
                for last, picture in selected(self._of_video(video), source.start, source.end, rate, where):
                    first = first if frames else last
                    frames += 1
                    yield last, picture
                if frames:  # not those around a part, whose rate may be another
                    self.fps = rate or video.rate_of(frames, first, last)

    def _of_video(self, video: Video) -> Iterator[tuple[float, np.ndarray]]:
        for frame in video.frames(self.source.start, self.source.end):
            self.stated, self.pixel_aspect, self.claimed = video.stated, video.pixel_aspect, video.claimed
            yield frame
