"""A contact sheet: one row of frames per clip, with its id, signer and glosses below."""

from __future__ import annotations

import random
import struct
import warnings
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from sla_cli.core.clip import signer_key
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.pages.fonts import families_for
from sla_cli.pages.pictures import Picture, middles, squares
from sla_cli.pages.template import direction
from sla_cli.store.clips import Split, StoredClip
from sla_cli.store.division import Division
from sla_cli.store.store import Store
from sla_cli.system.atomic import Check, atomic_write
from sla_cli.work.like import Like, begins

# Pixels.
FRAMES, SIDE, GAP = 9, 152, 4  # width of a row; side of a frame; gap between two
MARGIN, HEAD, ROW_GAP = 36, 84, 38  # margin of the page; height of the title; gap between rows
ID_LINE, GLOSS_LINE = 32, 40  # heights of lines of text
CHIP, CHIP_GAP = 9, 8  # padding left and right of a gloss; gap between two glosses
TITLE_SIZE, ID_SIZE, GLOSS_SIZE = 24, 14, 16
WIDTH = FRAMES * (SIDE + GAP) - GAP
LONGEST_ID = 80  # most characters shown
MOST, HIGHEST = 200, 1 << 16  # clips, and pixels, of a sheet: few programs open a higher picture

DPI = 72  # a point is a pixel
PAPER, INK, GREY, TINT = "#fcfbf9", "#23201d", "#8b857e", "#efebe4"


@dataclass(frozen=True)
class _Word:
    """A text and the position of its left end and its middle line, in pixels from the page's upper left corner."""

    text: str
    left: float
    middle: float
    size: int
    colour: str = INK
    weight: str = "normal"
    chip: bool = False


PNG_HEAD = 33  # bytes of a PNG's signature and its first chunk
MARK = b"tEXtSoftware\0sla info"  # of a sheet, in the chunk after these (PNG, third edition)
PICTURE = Like("a sheet of sla info", lambda path: MARK in begins(path, PNG_HEAD + 4 + len(MARK)), (".png",))


def write_sheet(
    out: Path,
    path: Path,
    *,
    split: str | None = None,
    ids: Sequence[str] = (),
    signer: str | None = None,
    count: int | None = 8,
    seed: int = 0,
    check: Check | None = None,
) -> tuple[int, int]:
    """Draw clips of a store as a PNG: frames from the middles of equal parts, in order of time from left to right.

    Glosses are as annotated; if their script runs from right to left, so do the rows.

    Args:
        path: a complete store.
        split: by default dev, or the first one if there is no dev; with `ids` or `signer` all clips, also those in no
            split.
        ids: the clips; without them, `count` clips are drawn at random with `seed`, and shown in the order of the
            store.
        signer: only clips of this person, however a table writes capitals.
        count: None draws all.
        check: as for `atomic_write`.

    Returns:
        Width and height in pixels.

    Raises:
        SlaError: no such split, clip or signer, a split without clips, too many clips, or `out` cannot be
            written.
        FormatError: a frame does not decode.
    """
    if (ids or signer is not None) and not split:
        part = Store(path, Division("", {})).clips  # whichever divisions it has
    else:
        store = Store(path)
        part = store[split or ("dev" if "dev" in store.splits else next(iter(store.splits), "dev"))]
    numbers = range(len(part)) if signer is None else _of_signer(part, signer)
    chosen = random.Random(seed).sample(numbers, len(numbers) if count is None else min(count, len(numbers)))
    wanted: Sequence[str | int] = ids if ids else sorted(chosen)
    if len(wanted) > MOST:
        hint = f"Name at most {MOST}." if ids else f"Choose a --split, or some at random with --clips {MOST}."
        raise SlaError(f"{part}: a sheet of {len(wanted):,} clips would be too high", hint)
    clips = [part[one] for one in wanted]
    if not clips:
        raise SlaError(f"{part} holds no clips to draw", "Choose another --split.")
    of_split = () if ids and not split else (part.division, part.name)
    title = " ".join(filter(None, (part.corpus, *(of_split if signer is None else (signer, split)))))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the pen warns once
        page = _page(clips, f"{title}: {len(clips):,} of {counted(len(numbers), 'clip')}")
    _, data = cv2.imencode(".png", cv2.cvtColor(page, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 7])
    with atomic_write(out, check=check, keep=True) as temporary:
        temporary.write_bytes(_marked(data.tobytes()))
    return page.shape[1], page.shape[0]


def _of_signer(part: Split, signer: str) -> list[int]:
    """Numbers of the clips by a signer. Raises SlaError if there are none."""
    wanted = signer_key(signer)
    numbers = [number for number, name in enumerate(part.signers) if wanted and signer_key(name) == wanted]
    if not numbers:
        known = some(sorted({*part.signers} - {""}), 20) or "unknown"
        raise SlaError(f"{part}: no clip is by a signer {signer!r}", f"Its signers: {known}.")
    return numbers


def _marked(png: bytes) -> bytes:
    """With the chunk that says what made it, which --force asks for."""
    chunk = struct.pack(">I", len(MARK) - 4) + MARK + struct.pack(">I", zlib.crc32(MARK))
    return png[:PNG_HEAD] + chunk + png[PNG_HEAD:]


def _page(clips: Sequence[StoredClip], title: str) -> Picture:
    """RGB uint8 (height, width, 3)."""
    pen = _Pen("".join((title, *(clip.id + clip.signer + "".join(clip.raw_glosses) for clip in clips))))
    words = [_Word(title, MARGIN, MARGIN + TITLE_SIZE / 2, TITLE_SIZE, weight="bold")]
    top, tops = float(HEAD), []
    for clip in clips:
        tops.append(round(top))
        words += _caption(clip, top + SIDE + ID_LINE / 2 + 2, pen)
        chips = list(_chips(clip.raw_glosses, top + SIDE + ID_LINE + GLOSS_LINE / 2, pen))
        words += chips
        top += SIDE + ID_LINE + GLOSS_LINE * len({word.middle for word in chips}) + ROW_GAP
    height = round(top - ROW_GAP + MARGIN)
    if height > HIGHEST:
        raise SlaError(f"a sheet of {height:,} pixels would be too high", "Choose fewer clips.")
    page = pen.write(words, 2 * MARGIN + WIDTH, height)
    for clip, row in zip(clips, tops, strict=True):
        frames = (clip.frames(slice(time, time + 1))[0] for time in middles(len(clip), FRAMES))
        for number, tile in enumerate(squares(frames, SIDE)):
            left = MARGIN + number * (SIDE + GAP)
            page[row : row + SIDE, left : left + SIDE] = tile
    return page


def _caption(clip: StoredClip, middle: float, pen: _Pen) -> Iterable[_Word]:
    """Id, then signer and length in grey."""
    name = clip.id if len(clip.id) <= LONGEST_ID else f"{clip.id[:LONGEST_ID]}…"
    yield _Word(name, MARGIN, middle, ID_SIZE, weight="bold")
    seconds = f", {len(clip) / clip.fps:.1f} s" if clip.fps else ""
    facts = "     ".join(filter(None, (clip.signer, f"{counted(len(clip), 'frame')}{seconds}")))
    yield _Word(facts, MARGIN + pen.width(name, ID_SIZE, "bold") + 18, middle, ID_SIZE, GREY)


def _chips(glosses: Sequence[str], middle: float, pen: _Pen) -> Iterable[_Word]:
    """Glosses in lines not wider than the frames, from the side on which their script begins."""
    mirrored = direction(glosses) == "rtl"
    start = 0.0
    for gloss in glosses:
        width = pen.width(gloss, GLOSS_SIZE) + 2 * CHIP
        if start and start + width > WIDTH:
            start, middle = 0.0, middle + GLOSS_LINE
        left = WIDTH - start - width if mirrored else start
        yield _Word(gloss, MARGIN + left + CHIP, middle, GLOSS_SIZE, chip=True)
        start += width + CHIP_GAP


class _Pen:
    """Measures and writes text in fonts that have its characters; Matplotlib shapes and orders text of any script."""

    def __init__(self, text: str) -> None:
        self.families, missing = families_for(text)
        if missing:
            log.warning(
                "no installed font has %s: they are shown as boxes (Debian's fonts-noto has most scripts, "
                "fonts-noto-cjk Chinese)",
                some(sorted(missing), 10),
            )
        self._measuring = FigureCanvasAgg(Figure(dpi=DPI))

    def width(self, text: str, size: int, weight: str = "normal") -> float:
        """Width in pixels."""
        drawn = Text(text=text, fontsize=size, family=self.families, weight=weight, parse_math=False)
        drawn.set_figure(self._measuring.figure)
        return float(drawn.get_window_extent(self._measuring.get_renderer()).width)

    def write(self, words: Iterable[_Word], width: int, height: int) -> Picture:
        """The words drawn on the page, RGB uint8 (height, width, 3)."""
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        for word in words:
            box = {"boxstyle": f"round,pad={CHIP / word.size},rounding_size=0.35", "fc": TINT, "lw": 0}
            figure.text(
                *(word.left / width, 1 - word.middle / height, word.text),
                va="center_baseline",
                fontsize=word.size,
                family=self.families,
                weight=word.weight,
                color=word.colour,
                parse_math=False,
                bbox=box if word.chip else None,
            )
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()
