"""Writes drawn signing as a video that browsers can play."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from sla_cli.core.annotation import Sign
from sla_cli.demo.drawing import FRAME_HEIGHT, FRAME_WIDTH, draw_frame, draw_stage
from sla_cli.demo.signers import SIGNERS, Signer
from sla_cli.demo.signing import Poses, sign_sentences
from sla_cli.errors import SlaError
from sla_cli.log import silent_stderr
from sla_cli.system.atomic import Check, atomic_write

FPS = 25
PAUSES = (0.5, 1.5)  # seconds


def draw_movie(
    path: Path, sentences: Sequence[Sequence[str]], seed: int, check: Check | None = None
) -> tuple[Sign, ...]:
    """Draw a recording of several sentences, with pauses before, between and after them, into a video.

    Args:
        check: as for `write_movie`.

    Returns:
        The signs in it.

    Raises:
        SlaError: as `write_movie`.
    """
    rng = np.random.default_rng([seed, len(sentences)])
    signer = SIGNERS[rng.integers(len(SIGNERS))]
    rests = [round(FPS * rng.uniform(*PAUSES)) for _ in range(len(sentences) + 1)]
    poses, spans = sign_sentences(sentences, signer, rng, rests)
    write_movie(path, poses, signer, light=1.0, check=check)
    return tuple(
        Sign(gloss, start / FPS, end / FPS, 1.0)
        for glosses, places in zip(sentences, spans, strict=True)
        for gloss, (start, end) in zip(glosses, places, strict=True)
    )


def write_movie(path: Path, poses: Poses, signer: Signer, light: float, check: Check | None = None) -> None:
    """Draw poses into a WebM video (VP8, which OpenCV can write and browsers can play), 25 per second.

    Args:
        light: brightness of the wall, as of `draw_stage`.
        check: as for `atomic_write`.

    Raises:
        SlaError: the file cannot be written.
    """
    stage = draw_stage(signer, light)
    with atomic_write(path, check=check) as temporary:
        readable = temporary.with_suffix(".webm")
        with silent_stderr():  # FFmpeg prints that WebM has no codec tags
            writer = cv2.VideoWriter(
                str(readable), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"vp80"), FPS, (FRAME_WIDTH, FRAME_HEIGHT)
            )
        if not writer.isOpened():
            raise SlaError(f"cannot write {path}: this OpenCV has no VP8 encoder", "Install opencv-python-headless.")
        for pose in poses:
            writer.write(cv2.cvtColor(draw_frame(pose, signer, stage), cv2.COLOR_RGB2BGR))
        writer.release()
        readable.replace(temporary)
