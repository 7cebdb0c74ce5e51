"""The transcript page: one HTML file that plays a video with its glosses, timeline and probabilities."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import numpy as np
from rich.cells import cell_len

from sla_cli.core.annotation import Sentence, Sign
from sla_cli.core.time_score import correct_pairs
from sla_cli.pages.pictures import HeatMap, heat_map
from sla_cli.pages.template import direction, render
from sla_cli.transcribe.recognition import Recognition

PIXELS_A_CELL, PADDING = 10.0, 14.0  # pixels of a label: per terminal cell of text, and around the text
FITTING = 80  # percent of the labels that fit before the next sign at the initial zoom
CLOSEST, WIDEST = 240.0, 24.0  # range of the initial zoom, in pixels per second
FRAME = 0.04  # seconds that a key moves if there are no output steps
MOST_STEPS = 256  # of a heat map: short enough that its rows can show nearly all glosses of its time

SignAndRoom = tuple[Sign, float]  # seconds from its start to that of the next sign, available for its label


def transcript_page(
    out: Path,
    transcript: Recognition,
    files: Mapping[str, str],
    *,
    reference: Sequence[Sign] = (),
    left_out: bool = False,
) -> str:
    """One HTML file that plays the video next to it and shows the signs with their times.

    It needs no server and loads only the video, which stays a separate file. Without a video that the browser can play,
    the page uses its own clock.

    Args:
        out: where it will be, for the link to the video.
        files: contents of the files that can be downloaded from the page, by name.
        reference: what is signed and when, if it is known, in order of time; the page shows it below the signs.
        left_out: whether there is a video, which the page neither names nor plays.
    """
    last = max((sign.end for sign in (*transcript.signs, *reference)), default=0.0)
    transcript = replace(transcript, duration=max(transcript.duration, last))
    video = transcript.media
    sentences = list(_with_rooms(transcript))
    signs = transcript.signs
    return render(
        "transcribe",
        "transcript",
        title=transcript.name,
        duration=transcript.duration,
        made=transcript.made,
        warning=transcript.warning,
        sentences=sentences,
        total=len(signs),
        distinct=len({sign.gloss for sign in signs}),
        reference=list(_compared(reference, transcript)),
        heat_maps=list(heat_maps(transcript)),
        video=None if video is None else {"name": video.name, "url": media_url(video, out)},
        left_out=left_out,
        files=files,
        direction=direction(sign.gloss for sign in signs),
        zoom=_pixels_a_second([sign for _, signs in sentences for sign in signs]),
        step=_step(transcript),
        clock=clock,
    )


def media_url(media: Path, page: Path) -> str:
    """Relative if the media is next to the page or below it, so both can be moved together; else a file URL."""
    absolute, folder = (Path(os.path.abspath(path)) for path in (media, page.parent))  # noqa: PTH100 keeps links
    if absolute.is_relative_to(folder):
        return quote(os.fsencode(absolute.relative_to(folder)))
    return absolute.as_uri()


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours if there are any: 0:07.4, 1:02:03.4."""
    tenths = round(10 * seconds)
    hours, minutes, rest = tenths // 36000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def heat_maps(transcript: Recognition) -> Iterator[HeatMap]:
    """Heat maps of about equal length from begin to end; none if the transcript has no probabilities."""
    if transcript.log_probs is None or transcript.step_times is None or not len(transcript.log_probs):
        return
    steps = len(transcript.log_probs)
    borders = np.linspace(0, steps, -(-steps // MOST_STEPS) + 1).astype(int)
    for first, last in pairwise(borders):
        times = transcript.step_times[first : last + 1]
        start, end = float(times[0]), float(times[-1])
        yield heat_map(
            transcript.log_probs[first:last],
            transcript.glosses,
            {sign.gloss for sign in transcript.signs if sign.start < end and sign.end > start},
            start=start,
            end=end,
            shown=_evenly_spaced(times),
        )


def _with_rooms(transcript: Recognition) -> Iterator[tuple[Sentence, list[SignAndRoom]]]:
    rooms = iter(_rooms(transcript.signs, transcript.duration))
    for sentence in transcript.sentences:
        yield sentence, [(sign, next(rooms)) for sign in sentence.signs]


def _rooms(signs: Sequence[Sign], duration: float) -> list[float]:
    """Seconds from the start of each sign to that of the next one, or to the end."""
    starts = [sign.start for sign in signs]
    return [max(after - start, 0.0) for start, after in zip(starts, [*starts[1:], duration], strict=False)]


def _compared(reference: Sequence[Sign], transcript: Recognition) -> Iterator[tuple[Sign, float, bool]]:
    """The signs of the reference, with the room for their labels, and whether each is recognised."""
    correct = {id(true) for true, _ in correct_pairs(reference, transcript.signs)}
    for sign, room in zip(reference, _rooms(reference, transcript.duration), strict=True):
        yield sign, room, id(sign) in correct


def _pixels_a_second(signs: list[SignAndRoom]) -> float:
    """A zoom at which most labels fit."""
    needed = [(PIXELS_A_CELL * cell_len(sign.gloss) + PADDING) / max(room, FRAME) for sign, room in signs]
    return float(np.clip(np.percentile(needed, FITTING), WIDEST, CLOSEST)) if needed else WIDEST


def _step(transcript: Recognition) -> float:
    """Seconds per output step."""
    times = transcript.step_times
    return FRAME if times is None or len(times) < 2 else float(np.median(np.diff(times)))


def _evenly_spaced(times: np.ndarray) -> np.ndarray:
    """The step in the middle of each pixel; steps have different lengths if frames have.

    Args:
        times: float64 (steps + 1,), borders of the steps.

    Returns:
        int (steps,).
    """
    steps = len(times) - 1
    middles = times[0] + (np.arange(steps) + 0.5) * (times[-1] - times[0]) / steps
    return np.clip(np.searchsorted(times, middles, side="right") - 1, 0, steps - 1)
