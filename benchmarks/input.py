"""The speed with which batches are made from clips, and the share of time for which training waits for them.

    python benchmarks/input.py [--frames 6000] [--workers 1] [--json]

It uses a store of 256x256 JPEGs of quality 95 with the size of those of Phoenix2014 (about 25 KB per frame), and the
augmentation and batches of training. `frames_per_second` is for one worker process, with frames decoded, in a batch and
in the memory of the training process; `frames_per_cpu_second` uses the workers' processor time, including the start of
Python, instead of wall-clock time, which other load on the machine increases. `--step SECONDS` sleeps for this time per
batch, instead of the computation on a GPU: `waiting` is then the share that training would report.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from sla_cli.artifact.receipt import Receipt, write_receipt
from sla_cli.config.settings import TrainConfig
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import training_batches
from sla_cli.store.content import EncodedClip, EncodedFrames, StoreHeader
from sla_cli.store.paths import clips_path
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips

FRAMES, SIZE, QUALITY = 140, 256, 95  # frames per clip, as the mean of Phoenix2014; pixels of a frame's side


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=6000, help="number of frames to load")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rescale", type=float, default=0.2, help="0 decodes each frame; otherwise repeats are copied")
    parser.add_argument("--step", type=float, default=0.0, help="seconds of training per batch")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.workers < 1:
        parser.error("--workers must be 1 or more")
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), -(-options.frames // FRAMES))
        facts = measure(store, options.workers, options.batch, options.rescale, options.step)
    print(json.dumps(facts) if options.json else "\n".join(f"{name:20} {value}" for name, value in facts.items()))


def make_store(folder: Path, clips: int) -> Store:
    """Clips of one noisy picture each: with noise their JPEGs are as large as real ones."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    ground = np.stack([90 + 60 * x, 120 + 50 * y, 100 + 40 * (x + y) / 2], -1)

    def clip(number: int) -> EncodedClip:
        image = np.clip(ground + rng.normal(0, 6.5, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].ravel()
        frames = EncodedFrames(np.tile(data, FRAMES), np.full(FRAMES, len(data), np.int64), 25.0)
        return EncodedClip(f"clip-{number}", "", ("A", "B"), frames)

    made = [clip(number) for number in range(clips)]
    size = sum(len(one.frames.data) for one in made)
    write_clips(clips_path(folder), StoreHeader("benchmark", SIZE, QUALITY), made, size)
    write_receipt(Receipt("prep", {}, {}, results={}), folder)
    return Store(folder)


def measure(store: Store, workers: int, batch: int, rescale: float, step: float) -> dict[str, float]:
    """One epoch without its first batch, which waits for the workers to start."""
    config = replace(TrainConfig(), workers=workers, batch=batch, rescale=rescale)
    data = ClipDataset(store["train"], store.vocabulary, 4, config, 224)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    frames, waiting = 0, 0.0
    with closing(training_batches(data, 1, data.plan(1), pin=False)) as batches:
        next(batches)
        begun = time.monotonic()
        for _ in iter(lambda: 0, 1):
            asked = time.monotonic()
            loaded = next(batches, None)
            waiting += time.monotonic() - asked
            if loaded is None:
                break
            frames += int(loaded.lengths.sum())
            time.sleep(step)
        seconds = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    bytes_a_frame = np.mean([frame.size for clip in store["train"] for frame in clip.encoded()])
    return {
        "frames": frames,
        "jpeg_bytes": round(bytes_a_frame),
        "frames_per_second": round(frames / seconds / workers, 1),
        "frames_per_cpu_second": round(frames / cpu, 1),
        "waiting": round(waiting / seconds, 4),
    }


if __name__ == "__main__":
    main()
