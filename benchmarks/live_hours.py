"""Hours of frames through one stream, as fast as they are computed: memory and time of a frame must not grow.

    sla demo --keep DEMO
    python benchmarks/live_hours.py DEMO/work/runs/adapter-1 [--hours 6] [--seed 0]

An hour is 90,000 frames. Sentences of the demo and pauses follow each other; now and then the frames are of another
size, come at 15, 30 or 50 a second, or their clock jumps back 500 seconds or forward an hour. A line of JSON for each
tenth: `memory` is the resident memory over that after the first tenth, `time` the processor time for each frame over
that of the first.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import cv2
import numpy as np
import torch
from recordings import CONDITIONS, draw

from sla_cli.demo.movie import FPS
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.segments import Segments

HOUR, PARTS = 90_000, 10
JUMPS, OTHER_RATES = (-500.0, 3600.0), (15, 30, 50)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--hours", type=float, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.sentences, options.signer = 6, None
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        condition = next(one for one in CONDITIONS.values() if one.sentences > 1)
        videos = [pictures(one.folder) for one in draw(Path(folder), condition, options, [options.seed])]
    run_for(options.run, videos, int(options.hours * HOUR), np.random.default_rng(options.seed))


def pictures(folder: Path) -> list[np.ndarray]:
    return [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in sorted(folder.iterdir())]


def run_for(run: Path, videos: list[list[np.ndarray]], frames: int, random: np.random.Generator) -> None:
    """Push so many frames; print the ratios of each tenth to the first."""
    with Recognizer.open(run, device="cpu") as model:
        stream, segments, clock, done, signs = model.stream(), Segments(), 1.7e9, 0, 0
        memory, spent = [], []
        for part in range(1, PARTS + 1):
            begun, first = process_time(), done
            while done == first or done < frames * part / PARTS:
                video = videos[random.integers(len(videos))]
                odd = random.random()
                if odd < 0.05:
                    video = [cv2.resize(picture, None, fx=2, fy=2) for picture in video]
                elif odd < 0.07:
                    clock += random.choice(JUMPS)
                rate = random.choice(OTHER_RATES) if odd > 0.9 else FPS
                for picture in video:
                    said = segments.add(stream.push(picture, clock))
                    signs += sum(len(one.tokens) for one in said if one.is_final)
                    clock += 1 / rate
                done += len(video)
            spent.append((process_time() - begun) / (done - first))
            memory.append(resident())
            ratios = {"memory": memory[-1] / memory[0], "time": spent[-1] / spent[0]}
            print(json.dumps({"frames": done, "signs": signs} | ratios), flush=True)
        stream.finish()


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
