"""Transcripts made by hand, for the tests of the transcript page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sla_cli.core.annotation import Sign, split_at_pauses
from sla_cli.system.atomic import write_text
from sla_cli.transcribe.transcript import Transcript
from sla_cli.transcribe.transcript_page import transcript_page

HOSTILE = '</script><img src=x onerror="alert(1)">{{987*654}}'
STEP = 0.16  # seconds

SIGNS = (
    Sign("REGEN", 0.40, 0.80, 0.97),
    Sign("NORD", 0.96, 1.28, 0.64),
    Sign("MORGEN", 1.44, 2.00, 0.91),
    Sign("SONNE", 3.20, 3.68, 0.88),
    Sign("REGEN", 3.84, 4.32, 0.35),
)
FILES = {
    "video.eaf": '<?xml version="1.0"?>\n<A>é 天气 </script></A>\n',
    "video.vtt": "WEBVTT\n\n00:00.400 --> 00:00.800\nشمس\n",
}


def transcript(
    signs: Sequence[Sign] = SIGNS,
    *,
    name: str = "video",
    media: Path | None = None,
    duration: float = 5.0,
    pause: float = 1.0,
    heat: bool = True,
) -> Transcript:
    """A transcript whose probabilities peak where its signs are."""
    glosses = tuple(dict.fromkeys(sign.gloss for sign in signs))
    steps = round(duration / STEP)
    return Transcript(
        name=name,
        media=media,
        duration=duration,
        sentences=split_at_pauses(signs, pause) if signs else (),
        made={"run": "runs/phoenix2014", "weights": "ViT-B/16"},
        glosses=glosses,
        log_probs=log_probs(signs, glosses, steps) if heat else None,
        step_times=np.linspace(0.0, duration, steps + 1) if heat else None,
    )


def log_probs(signs: Sequence[Sign], glosses: Sequence[str], steps: int) -> np.ndarray:
    """Float32 (steps, glosses + 1): the blank, but for each sign's confidence in its middle."""
    probs = np.full((steps, len(glosses) + 1), 1e-4)
    probs[:, 0] = 1.0
    for sign in signs:
        first, last = int(sign.start / STEP), max(int(sign.end / STEP), int(sign.start / STEP) + 1)
        probs[first:last, 1 + glosses.index(sign.gloss)] += sign.confidence
        probs[first:last, 0] = max(0.02, 1 - sign.confidence)
    return np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32)


def hour(signs: int = 1500, vocabulary: int = 300) -> Transcript:
    """An hour of signing."""
    rng = np.random.default_rng(0)
    starts = np.linspace(1, 3590, signs) + rng.uniform(0, 0.8, signs)
    lengths = rng.uniform(0.2, 0.9, signs)
    made = [
        Sign(f"GLOSS-{rng.integers(vocabulary)}", round(float(start), 2), round(float(start + length), 2), float(sure))
        for start, length, sure in zip(starts, lengths, rng.uniform(0.2, 1.0, signs), strict=True)
    ]
    return transcript(made, name="hour", duration=3600.0, pause=2.7)


def write_transcript_page(out: Path, *arguments: Any, **options: Any) -> None:
    """Write the page of `transcript_page`."""
    write_text(out, transcript_page(out, *arguments, **options))
