"""Reads 64 frames of a random clip from the store, from a folder of PNGs, and from JPEG in memory: ratios count.

python benchmarks/store.py [--clips 40] [--reads 60] [--repeats 3] [--opened 5672] [--json]

store        the clip's frames, RGB, from the store's file
jpeg         the same JPEG bytes, already in memory, decoded by OpenCV into RGB
whole        the same for whole clips, each verified by its checksum every time; jpeg, whole: from memory
first        like store, but from a newly opened file: a clip is verified when a part of it is first read
png          the same frames as a folder of PNGs of 256x256, read by OpenCV into RGB, as in other code
opened       a file of 5,672 clips of 140 frames is opened; tables: and all facts about its clips are verified and read
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np
from signing import pictures
from timing import fastest

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.store.clips import Split
from sla_cli.store.codec import encode
from sla_cli.store.content import EncodedClip, EncodedFrames, StoreHeader
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import clips_path
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips

SIZE, FRAMES, READ = 256, 140, 64
HEADER = StoreHeader("phoenix2014", SIZE, 95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--reads", type=int, default=60, help="random clips per run")
    parser.add_argument("--repeats", type=int, default=3, help="number of runs; the fastest counts")
    parser.add_argument("--opened", type=int, default=5672, help="clips of the file that is opened")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    wanted = [
        (int(clip), int(start))
        for clip, start in zip(
            rng.integers(0, arguments.clips, arguments.reads),
            rng.integers(0, FRAMES - READ + 1, arguments.reads),
            strict=True,
        )
    ]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        split = write(work, arguments.clips)
        held = [split[clip].encoded(slice(start, start + READ)) for clip, start in wanted]
        some = [clip for clip, _ in wanted[: max(1, arguments.reads * READ // FRAMES)]]
        whole = [split[clip].encoded() for clip in some]
        seconds, _ = fastest(
            {
                "store": lambda: read(split, wanted),
                "jpeg": lambda: [from_memory(frames) for frames in held],
                "whole": lambda: [split[clip].frames() for clip in some],
                "jpeg, whole": lambda: [from_memory(frames) for frames in whole],
                "first": lambda: read(Store(split.store)["train"], wanted),
                "png": lambda: [from_folder(work / str(clip), start) for clip, start in wanted],
            },
            arguments.repeats,
        )
        many = write_tables(work / "many.h5", arguments.opened)
        opening, _ = fastest({"opened": lambda: StoreFile(many), "tables": lambda: tables(many)}, arguments.repeats)
        sizes = {
            "store": clips_path(work).stat().st_size,
            "png": sum(path.stat().st_size for path in work.rglob("*.png")),
        }
    ratios = {
        "png / store": seconds["png"] / seconds["store"],
        "store's rate / jpeg's": seconds["jpeg"] / seconds["store"],
        "whole clips / jpeg's": seconds["jpeg, whole"] / seconds["whole"],
        "first read / jpeg's": seconds["jpeg"] / seconds["first"],
        "bytes: png / store": sizes["png"] / sizes["store"],
    }
    frames = {name: len(some) * FRAMES if "whole" in name else arguments.reads * READ for name in seconds}
    rates = {name: frames[name] / value for name, value in seconds.items()}
    if arguments.json:
        print(json.dumps({"frames_per_second": rates, "ratios": ratios, "opening_seconds": opening}))
        return
    for name, value in rates.items():
        print(f"{name:24} {value:9.0f} frames/s of CPU time")
    for name, value in ratios.items():
        print(f"{name:24} {value:9.2f}")
    for name, value in opening.items():
        print(f"{name:24} {1000 * value:9.1f} ms of CPU time")


def write(work: Path, clips: int) -> Split:
    """The same frames as a store and as folders of PNGs."""
    everything = list(pictures(clips * FRAMES, SIZE, SIZE))
    encoded = []
    for clip in range(clips):
        folder = work / str(clip)
        folder.mkdir()
        images = everything[clip * FRAMES : (clip + 1) * FRAMES]
        for number, image in enumerate(images):
            cv2.imwrite(str(folder / f"{number:06d}.png"), image)
        parts = [encode(image, "jpeg", 95) for image in images]
        sizes = np.array([len(part) for part in parts], np.int64)
        encoded.append(EncodedClip(str(clip), "", ("A",), EncodedFrames(np.concatenate(parts), sizes, 25.0)))
    write_clips(clips_path(work), HEADER, encoded, sum(len(clip.frames.data) for clip in encoded))
    write_receipt(Receipt("prep", {}, {}), work)
    return Store(work)["train"]


def write_tables(path: Path, clips: int) -> Path:
    """A file with as many clips and facts as a corpus has, but with frames of 4 bytes."""
    rng = np.random.default_rng(0)
    vocabulary = tuple(f"GLOSS{number:04}" for number in range(1200))
    frames = EncodedFrames(np.zeros(4 * FRAMES, np.uint8), np.full(FRAMES, 4, np.int64), 25.0)
    encoded = [
        EncodedClip(
            f"01April_2010_Thursday_heute_default-{number}",
            f"Signer{number % 9:02}",
            tuple(vocabulary[gloss] for gloss in rng.integers(0, len(vocabulary), 11)),
            frames,
            translation="und nun die wettervorhersage für morgen freitag den zweiten april",
            source=f"fullFrame-210x260px/train/01April_2010_Thursday_heute_default-{number}/1/*.png",
            stamp="0123456789abcdef",
        )
        for number in range(clips)
    ]
    write_clips(path, HEADER, encoded, clips * len(frames.data))
    return path


def tables(path: Path) -> list[object]:
    file = StoreFile(path)
    texts = [file.signers, file.glosses, file.raw_glosses, file.translations, file.sources, file.stamps, file.notes]
    return [*texts, file.clip_fps, file.squared_errors, file.checksums]


def read(split: Split, wanted: list[tuple[int, int]]) -> None:
    for clip, start in wanted:
        split[clip].frames(slice(start, start + READ))


def from_memory(frames: list[np.ndarray]) -> np.ndarray:
    return np.stack([cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB) for data in frames])


def from_folder(folder: Path, start: int) -> np.ndarray:
    paths = sorted(folder.iterdir())[start : start + READ]
    return np.stack([cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in paths])


if __name__ == "__main__":
    main()
