"""Draws the animation in the README: a video, the current gloss above it, and the tier as ELAN shows it.

Usage: python examples/picture.py RUN VIDEO OUT.webp [--lm gloss.arpa]

The animation in the README shows drawn signing, recognised by the model of the demo:

    sla demo --keep sla-demo
    cd sla-demo
    python ../examples/picture.py work/runs/adapter-1 page-video.webm ../docs/signing.webp --lm gloss.arpa
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import typer
from PIL import Image, ImageDraw, ImageFont

import sla_cli
from sla_cli.cli.main import refusals
from sla_cli.errors import SlaError

WIDTH, HEIGHT = 720, 480
VIDEO = (16, 60, 226, 320)  # left, top, right, bottom
TABLE = (258, 60)  # list of glosses with times: left and top
LINE = (90, 392, 704, 430)  # the tier: left, top, right, bottom
PAPER, INK, PALE, LIT, HEAD = "#ffffff", "#1d2330", "#8a93a6", "#2f6fed", "#d92d20"
EVERY = 2  # frames of the video for each frame of the animation
LAST = 1500  # milliseconds for which the last picture is shown


def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def draw(frame: Image.Image, now: float, transcript: sla_cli.Transcript) -> Image.Image:
    """The picture at a time in seconds."""
    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = ImageDraw.Draw(image)
    image.paste(frame.resize((VIDEO[2] - VIDEO[0], VIDEO[3] - VIDEO[1])), VIDEO[:2])
    begun = [sign for sign in transcript.signs if sign.start <= now]
    current = begun[-1] if begun and now < begun[-1].end else None
    if begun:  # the last gloss stays until the next one, but lighter
        pen.text(((VIDEO[0] + VIDEO[2]) / 2, 34), begun[-1].gloss, INK if current else PALE, font(28), anchor="mm")
    draw_table(pen, transcript, current)
    draw_tier(pen, transcript, current, now)
    return image


def draw_table(pen: ImageDraw.ImageDraw, transcript: sla_cli.Transcript, current: sla_cli.Sign | None) -> None:
    """Glosses with times and confidence, as many as fit."""
    left, top = TABLE
    columns = (left, left + 190, left + 270, left + 350)
    for x, title in zip(columns, ("gloss", "from", "to", "confidence"), strict=True):
        pen.text((x, top), title, PALE, font(15))
    for row, sign in enumerate(transcript.signs[:9], start=1):
        colour = LIT if sign is current else INK
        cells = (sign.gloss, f"{sign.start:.2f} s", f"{sign.end:.2f} s", f"{sign.confidence:.2f}")
        for x, text in zip(columns, cells, strict=True):
            pen.text((x, top + 27 * row), text, colour, font(18))


def draw_tier(
    pen: ImageDraw.ImageDraw, transcript: sla_cli.Transcript, current: sla_cli.Sign | None, now: float
) -> None:
    """A ruler in seconds, the annotations of the tier, and the line of the playhead."""
    left, top, right, bottom = LINE
    scale = (right - left) / transcript.duration
    pen.text((16, (top + bottom) / 2), "SIGN", INK, font(18), anchor="lm")
    for second in range(int(transcript.duration) + 1):
        x = left + second * scale
        pen.line((x, top - 14, x, top - 6), PALE)
        pen.text((x + 4, top - 20), f"0:{second:02d}", PALE, font(13))
    pen.line((left, top - 6, right, top - 6), PALE)
    for number, sign in enumerate(transcript.signs):
        start, end = left + sign.start * scale, left + sign.end * scale
        colour = LIT if sign is current else INK
        pen.line((start, top + 8, start, bottom - 8), colour, 2)
        pen.line((end - 1, top + 8, end - 1, bottom - 8), colour, 2)
        pen.line((start, (top + bottom) / 2, end - 1, (top + bottom) / 2), colour, 2)
        pen.text(((start + end) / 2, bottom + 8 + 15 * (number % 2)), sign.gloss, colour, font(12), anchor="mm")
    x = left + now * scale
    pen.line((x, top - 14, x, bottom + 32), HEAD, 2)


def main(run: Path, video: Path, out: Path, lm: Annotated[Path | None, typer.Option()] = None) -> None:
    """Transcribe a video with a run, and draw the result as an animated WebP."""
    if out.suffix.lower() != ".webp" or not out.parent.is_dir():
        raise SlaError(f"{out} is not a file called *.webp in a folder that exists")
    with sla_cli.Recognizer.open(run, lm=lm) as model:
        transcript = model.transcribe(video)
    recording = cv2.VideoCapture(str(video))
    rate, pictures, number = recording.get(cv2.CAP_PROP_FPS), [], 0
    while (read := recording.read())[0]:
        if number % EVERY == 0:
            frame = Image.fromarray(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
            pictures.append(draw(frame, number / rate, transcript))
        number += 1
    durations = [round(1000 * EVERY / rate)] * (len(pictures) - 1) + [LAST]
    pictures[0].save(out, save_all=True, append_images=pictures[1:], duration=durations, loop=0, quality=70, method=6)
    typer.echo(f"{out}: {len(pictures)} pictures of {number / rate:.1f} s, {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    with refusals():
        typer.run(main)
