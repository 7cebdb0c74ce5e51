"""Draws the animation in the README: a video, the current gloss above it, and the tier as ELAN shows it.

Below it is what is signed, if --ref names a file with the true signs; those that are not recognised are red.

Usage: python examples/picture.py RUN VIDEO OUT.webp [--lm gloss.arpa] [--ref true.eaf]

The animation in the README shows drawn signing, recognised by the model of the demo:

    sla demo --keep sla-demo
    cd sla-demo
    python ../examples/picture.py work/runs/adapter-1 page-video.webm ../docs/signing.webp \
        --ref page-video-true.eaf
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import typer
from PIL import Image, ImageDraw, ImageFont

import sla_cli
from sla_cli.cli.main import refusals
from sla_cli.core.time_score import correct_pairs
from sla_cli.errors import SlaError
from sla_cli.score.time_files import read_signs

WIDTH, HEIGHT = 860, 560
VIDEO = (16, 60, 226, 320)  # left, top, right, bottom
TABLE = (258, 60)  # list of glosses with times: left and top
LEFT, RIGHT, TIER, TRUE, TALL = 90, 844, 392, 478, 38  # tiers: left, right, tops of the two, height
ROWS = 9  # of the list
PAPER, INK, PALE, LIT, HEAD = "#ffffff", "#1d2330", "#8a93a6", "#2f6fed", "#d92d20"
EVERY = 4  # frames of the video for each frame of the animation
LAST = 1500  # milliseconds for which the last picture is shown


def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def draw(
    frame: Image.Image, now: float, transcript: sla_cli.Transcript, true: Sequence[sla_cli.Sign], missed: set[int]
) -> Image.Image:
    """The picture at a time in seconds."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    image.paste(frame.resize((VIDEO[2] - VIDEO[0], VIDEO[3] - VIDEO[1])), VIDEO[:2])
    begun = [sign for sign in transcript.signs if sign.start <= now]
    current = begun[-1] if begun and now < begun[-1].end else None
    if begun:  # the last gloss stays until the next one, but lighter
        pen.text(((VIDEO[0] + VIDEO[2]) / 2, 34), begun[-1].gloss, INK if current else PALE, font(28), anchor="mm")
    draw_table(pen, transcript, current, now)
    draw_ruler(pen, transcript.duration)
    scale = (RIGHT - LEFT) / transcript.duration
    draw_tier(pen, "SIGN", TIER, scale, transcript.signs, [LIT if one is current else INK for one in transcript.signs])
    if true:
        draw_tier(pen, "true", TRUE, scale, true, [HEAD if at in missed else PALE for at in range(len(true))])
    x, bottom = LEFT + now * scale, (TRUE if true else TIER) + TALL + 32
    pen.line((x, TIER - 14, x, bottom), HEAD, 2)
    return image


def draw_table(
    pen: ImageDraw.ImageDraw, transcript: sla_cli.Transcript, current: sla_cli.Sign | None, now: float
) -> None:
    """Glosses with times and confidence, as many as fit: those around the current one."""
    left, top = TABLE
    columns = (left, left + 190, left + 270, left + 350)
    for x, title in zip(columns, ("gloss", "from", "to", "confidence"), strict=True):
        pen.text((x, top), title, PALE, font(15))
    signs = transcript.signs
    begun = sum(sign.start <= now for sign in signs)
    first = max(0, min(begun - ROWS // 2 - 1, len(signs) - ROWS))
    for row, sign in enumerate(signs[first : first + ROWS], start=1):
        colour = LIT if sign is current else INK
        cells = (sign.gloss, f"{sign.start:.2f} s", f"{sign.end:.2f} s", f"{sign.confidence:.2f}")
        for x, text in zip(columns, cells, strict=True):
            pen.text((x, top + 27 * row), text, colour, font(18))


def draw_ruler(pen: ImageDraw.ImageDraw, duration: float) -> None:
    """Seconds above the tiers."""
    for second in range(int(duration) + 1):
        x = LEFT + second * (RIGHT - LEFT) / duration
        pen.line((x, TIER - 14, x, TIER - 6), PALE)
        pen.text((x + 4, TIER - 20), f"0:{second:02d}", PALE, font(13))
    pen.line((LEFT, TIER - 6, RIGHT, TIER - 6), PALE)


def draw_tier(
    pen: ImageDraw.ImageDraw, name: str, top: int, scale: float, signs: Sequence[sla_cli.Sign], colours: Sequence[str]
) -> None:
    """The annotations of a tier. `scale`: pixels per second."""
    middle, bottom = top + TALL / 2, top + TALL
    pen.text((16, middle), name, INK, font(18), anchor="lm")
    for number, (sign, colour) in enumerate(zip(signs, colours, strict=True)):
        start, end = LEFT + sign.start * scale, LEFT + sign.end * scale
        for x in (start, end - 1):
            pen.line((x, top + 8, x, bottom - 8), colour, 2)
        pen.line((start, middle, end - 1, middle), colour, 2)
        pen.text(((start + end) / 2, bottom + 8 + 15 * (number % 2)), sign.gloss, colour, font(12), anchor="mm")


def main(
    run: Path,
    video: Path,
    out: Path,
    lm: Annotated[Path | None, typer.Option()] = None,
    ref: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Transcribe a video with a run, and draw the result as an animated WebP."""
    if out.suffix.lower() != ".webp" or not out.parent.is_dir():
        raise SlaError(f"{out} is not a file called *.webp in a folder that exists")
    with sla_cli.Recognizer.open(run, lm=lm) as model:
        transcript = model.transcribe(video)
    [true] = read_signs(ref).values() if ref is not None else [()]
    correct = {id(one) for one, _ in correct_pairs(true, transcript.signs)}
    missed = {at for at, sign in enumerate(true) if id(sign) not in correct}
    recording = cv2.VideoCapture(str(video))
    rate, pictures, number = recording.get(cv2.CAP_PROP_FPS), [], 0
    while (read := recording.read())[0]:
        if number % EVERY == 0:
            frame = Image.fromarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
            pictures.append(draw(frame, number / rate, transcript, true, missed))
        number += 1
    durations = [round(1000 * EVERY / rate)] * (len(pictures) - 1) + [LAST]
    pictures[0].save(out, save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=50, method=6)
    typer.echo(f"{out}: {len(pictures)} pictures of {number / rate:.1f} s, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    with refusals():
        typer.run(main)
