"""`sla prep` compared with common alternatives, on the same pictures in the same run: ratios count, not seconds.

    python benchmarks/prep.py [--clips 40] [--frames 140] [--jobs 0] [--repeats 3] [--json]

Every method has a process pool of the same size, started beforehand. The time of prep includes writing the store.
CPU time of all processes is compared, which other load on the machine hardly changes; the ratios of wall-clock time
at the end are meaningful only on an idle machine.

PNG frames of 210x260, as in Phoenix2014:
    peers        each image read with OpenCV, resized to 256x256 with Lanczos, written as PNG
    decode       each image read with OpenCV only
H.264 videos of 512x512 and 1280x720:
    decode       each frame read with OpenCV, on one thread, and resized to 256x256
A tar of the PNG frames, read in place:
    listed       number of times it is listed, by all processes together
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TypeVar

import cv2
import imageio_ffmpeg
import numpy as np
from signing import pictures
from timing import Runs, fastest

from sla_cli.log import log
from sla_cli.prep.begun import Begun
from sla_cli.prep.build import build_store
from sla_cli.prep.encoding.process_pool import ProcessPool
from sla_cli.prep.request import PrepRequest
from sla_cli.system.workers import usable_cores

SIZE = 256
CHUNK = 140  # pictures per task of a process
VIDEOS = {"512x512": (512, 512), "1280x720": (1280, 720)}

T = TypeVar("T")
Amount = tuple[int, int]  # number of clips, frames per clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--frames", type=int, default=140, help="frames per clip; default: the mean of Phoenix2014")
    parser.add_argument("--jobs", type=int, default=0, help="processes of each pool; 0: one per usable core")
    parser.add_argument("--repeats", type=int, default=3, help="number of runs; the fastest counts")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    jobs = arguments.jobs or usable_cores()
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(jobs, context, initializer=one_thread) as pool,
        closing(ProcessPool(jobs)) as engine,
    ):
        work = Path(folder)
        list(pool.map(time.sleep, [0.2] * jobs))  # until all processes have started
        list(engine.run(time.sleep, [0.2] * jobs))
        clock = Clock(pool, engine, jobs)
        facts = from_images(work, (arguments.clips, arguments.frames), clock, arguments.repeats)
        for name, sides in VIDEOS.items():
            amount = (max(2, arguments.clips // 2), arguments.frames)
            facts |= from_videos(work / name, sides, amount, clock, arguments.repeats)
        facts |= from_tar(work, clock)
    if arguments.json:
        print(json.dumps({"jobs": jobs, **facts}))
        return
    for name, value in facts.items():
        print(f"{name:52} {value:10.2f}")


class Clock:
    """The cost of runs: wall-clock and CPU seconds of this process and of the pools."""

    def __init__(self, pool: ProcessPoolExecutor, engine: ProcessPool, jobs: int) -> None:
        self.pool, self.engine, self.jobs = pool, engine, jobs

    def fastest(self, runs: Runs, repeats: int) -> tuple[dict[str, float], dict[str, float]]:
        """CPU and wall-clock seconds of each run."""
        return fastest(runs, repeats, self._cpu)

    def listings(self) -> int:
        """Number of times an archive was listed since the first call, by this process and those of the pool."""
        answers = dict([listings(0)])
        while len(answers) < self.jobs + (self.jobs > 1):
            answers.update(self._ask_engine(listings))
        return sum(answers.values())

    def _cpu(self) -> float:
        spent = {os.getpid(): time.process_time()}
        for ask in (lambda: self.pool.map(own_cpu, range(self.jobs)), lambda: self._ask_engine(own_cpu)):
            answers: dict[int, float] = {}
            while len(answers) < self.jobs:  # until each process has answered; one job works in this process
                answers.update(ask())
            spent |= answers
        return sum(spent.values())

    def _ask_engine(self, question: Callable[[int], tuple[int, T]]) -> list[tuple[int, T]]:
        return [answer for _, answer in self.engine.run(question, range(self.jobs)) if isinstance(answer, tuple)]


def own_cpu(_: int) -> tuple[int, float]:
    time.sleep(0.1)  # so that the next call goes to another process
    return os.getpid(), time.process_time()


class Listings(logging.Handler):
    """Counts the log messages of this process about listing archives."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith("listing ")


LISTINGS = Listings()


def listings(_: int) -> tuple[int, int]:
    time.sleep(0.1)
    if LISTINGS not in log.handlers:
        log.addHandler(LISTINGS)
        log.setLevel(logging.INFO)
    return os.getpid(), LISTINGS.count


def from_images(work: Path, amount: Amount, clock: Clock, repeats: int) -> dict[str, float]:
    """Facts and ratios of PNG frames."""
    root = work / "phoenix-2014-multisigner"
    write_phoenix(root, amount)
    images = sorted(str(path) for path in (root / "features").rglob("*.png"))
    out, store = work / "peers", work / "store"
    out.mkdir()
    runs: dict[str, Callable[[], object]] = {
        "peers": lambda: spread(clock.pool, peers, images, str(out)),
        "decode": lambda: spread(clock.pool, decode_image, images, ""),
        "prep": lambda: prep("phoenix2014", root, store, clock.engine),
    }
    cpu, wall = clock.fastest(runs, repeats)
    theirs, ours = (sum(path.stat().st_size for path in folder.rglob("*.*")) for folder in (out, store))
    return {
        "PNG: frames": float(len(images)),
        "PNG: bytes of a source frame": sum(Path(path).stat().st_size for path in images) / len(images),
        **{f"PNG: {name}, ms CPU a frame": 1000 * value / len(images) for name, value in cpu.items()},
        "PNG: peers / prep": cpu["peers"] / cpu["prep"],
        "PNG: prep / decode": cpu["prep"] / cpu["decode"],
        "PNG: peers / prep, wall-clock": wall["peers"] / wall["prep"],
        "PNG: prep / decode, wall-clock": wall["prep"] / wall["decode"],
        "PNG: peers' bytes / prep's": theirs / ours,
    }


def from_videos(work: Path, sides: tuple[int, int], amount: Amount, clock: Clock, repeats: int) -> dict[str, float]:
    """Facts and ratios of H.264 videos."""
    work.mkdir()
    rows = ["id\tvideo\tsplit\tglosses"]
    for number, images in enumerate(clips_of(amount, *sides)):
        write_h264(work / f"{number}.mp4", images)
        rows.append(f"clip{number}\t{number}.mp4\ttrain\tA B")
    (work / "clips.tsv").write_text("\n".join(rows))
    videos = [str(path) for path in sorted(work.glob("*.mp4"))]
    store = work / "store"
    runs: dict[str, Callable[[], object]] = {
        "decode": lambda: list(clock.pool.map(decode_video, videos)),
        "prep": lambda: prep("folder", work / "clips.tsv", store, clock.engine),
    }
    cpu, wall = clock.fastest(runs, repeats)
    return {
        **{f"H.264 {work.name}: {name}, ms CPU a frame": 1000 * cpu[name] / math.prod(amount) for name in runs},
        f"H.264 {work.name}: prep's rate / decode's": cpu["decode"] / cpu["prep"],
        f"H.264 {work.name}: prep's rate / decode's, wall-clock": wall["decode"] / wall["prep"],
    }


def from_tar(work: Path, clock: Clock) -> dict[str, float]:
    """The corpus of `from_images`, packed. Last, since processes log more afterwards."""
    root, store = work / "phoenix-2014-multisigner", work / "store"
    packed = Path(shutil.make_archive(str(work / "corpus"), "tar", root))
    clock.listings()
    prep("phoenix2014", packed, store, clock.engine)
    return {"tar: listed, times": float(clock.listings())}


def one_thread() -> None:
    cv2.setNumThreads(1)


def spread(pool: ProcessPoolExecutor, work: Callable[[str, str], None], paths: Sequence[str], out: str) -> None:
    list(pool.map(work, paths, [out] * len(paths), chunksize=CHUNK))


def peers(path: str, out: str) -> None:
    image = cv2.resize(cv2.imread(path), (SIZE, SIZE), interpolation=cv2.INTER_LANCZOS4)
    cv2.imwrite(f"{out}/{Path(path).name}", image)


def decode_image(path: str, _: str) -> None:
    cv2.imread(path)


def decode_video(path: str) -> None:
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    while (answer := capture.read())[0]:
        cv2.resize(answer[1], (SIZE, SIZE))


def prep(corpus: str, source: Path, store: Path, engine: ProcessPool) -> None:
    shutil.rmtree(store, ignore_errors=True)
    build_store(Begun(PrepRequest.checked(corpus, source, {}, {"size": SIZE})), store, engine)


def write_phoenix(root: Path, amount: Amount) -> None:
    """A tree in Phoenix2014's layout, with only the training split."""
    manual = root / "annotations" / "manual"
    manual.mkdir(parents=True)
    rows = ["id|folder|signer|annotation"]
    for number, images in enumerate(clips_of(amount, 210, 260)):
        name = f"01April_2010_Thursday_heute_default-{number}"
        rows.append(f"{name}|{name}/1/*.png|Signer01|HEUTE REGEN NORD")
        folder = root / "features" / "fullFrame-210x260px" / "train" / name / "1"
        folder.mkdir(parents=True)
        for place, image in enumerate(images):
            cv2.imwrite(str(folder / f"{name}.avi_pid0_fn{place:06d}-0.png"), image)
    (manual / "train.corpus.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_h264(path: Path, images: list[np.ndarray]) -> None:
    height, width = images[0].shape[:2]
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), pix_fmt_in="bgr24", fps=25, codec="libx264")
    writer.send(None)
    for image in images:
        writer.send(np.ascontiguousarray(image))
    writer.close()


def clips_of(amount: Amount, width: int, height: int) -> Iterator[list[np.ndarray]]:
    """One at a time: all pictures of 1280x720 would need 8 GB."""
    clips, frames = amount
    images = pictures(clips * frames, width, height)
    for _ in range(clips):
        yield list(islice(images, frames))


if __name__ == "__main__":
    main()
