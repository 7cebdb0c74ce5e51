"""The cost of `sla transcribe`: time relative to the backbone alone, memory, and growth with the length of a recording.

    python benchmarks/transcribe.py [--variant adapter] [--backbone NAME] [--image-size 224] [--seconds 10]
        [--lengths 60,1800] [--repeats 3] [--device cpu] [--json]

A run with random weights (which have the same cost) transcribes a video of moving noise, 640x360 at 25 frames per
second. `share` is frames per second from the video file to glosses, relative to those of the run's backbone on pixels
in memory; `share_of_frozen` is relative to timm's model without anything added. They run alternately. `realtime` is
seconds of video per second, `reading` the same for the frames alone, without a model: one thread decodes, resizes and
compresses them as for a store. Then recordings of `--lengths` seconds are transcribed with a small model (preset tiny),
each in a separate process: `memory` is the peak for the longest over that for the shortest, `linear` the time per frame
of the longest over that of the shortest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from timing import fastest

from sla_cli.artifact.receipt import digest_file
from sla_cli.config.settings import Config, resolve
from sla_cli.core.clip import Source
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.frame_scores import FrameScorer, save_scorer
from sla_cli.model.network import Network
from sla_cli.model.open_run import open_model
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.recording import Recording
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts

FPS, WIDTH, HEIGHT = 25, 640, 360
GLOSSES = tuple(f"GLOSS{number}" for number in range(1200))
CHUNK = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="adapter")
    parser.add_argument("--backbone", default="vit_base_patch16_clip_quickgelu_224.openai")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--lengths", default="60,1800")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", nargs=2, metavar=("RUN", "VIDEO"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(read_alone(*map(Path, options.alone), options.device)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        facts = throughput(folder, options) | growth(folder, options)
    print(json.dumps(facts) if options.json else "\n".join(f"{name:20} {value}" for name, value in facts.items()))


def throughput(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Time from file to glosses, relative to the backbone alone."""
    flags = {
        "model.variant": options.variant,
        "model.backbone": options.backbone,
        "model.image_size": options.image_size,
        "model.weights": "random",
    }
    config = resolve("base", flags=flags)
    run = make_run(folder / "run", config)
    video = make_video(folder / "short.mp4", options.seconds)
    frames = round(options.seconds * FPS)
    recognizer = Recognizer.open(run, device=options.device)
    opened = open_model(Run(run), device=options.device)
    frozen = Network(resolve("base", flags=flags | {"model.variant": "frozen"}), len(GLOSSES)).backbone.vit
    frozen = frozen.to(opened.placement.device).eval()
    size = options.image_size
    pixels = torch.randn(frames, 3, size, size, device=opened.placement.device)

    def synchronised(value: object) -> None:
        if opened.placement.cuda:
            torch.cuda.synchronize()

    def bare() -> None:
        with torch.inference_mode(), opened.placement.autocast():
            synchronised([frozen(part) for part in pixels.split(CHUNK)])

    def adapted() -> None:
        with torch.inference_mode(), opened.placement.autocast():
            synchronised(opened.network.backbone(pixels, torch.tensor([frames]), CHUNK))

    def read() -> None:
        for _ in Recording(Source(video.parent, video.name), recognizer.frames):
            pass

    runs = {"transcribe": lambda: recognizer.transcribe(video), "adapted": adapted, "bare": bare, "read": read}
    _, wall = fastest(runs, options.repeats)
    return {
        "share": round(wall["adapted"] / wall["transcribe"], 3),
        "share_of_frozen": round(wall["bare"] / wall["transcribe"], 3),
        "realtime": round(options.seconds / wall["transcribe"], 3),
        "reading": round(options.seconds / wall["read"], 3),
    }


def growth(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Memory and time of recordings of several lengths."""
    run = make_run(folder / "small", resolve("tiny"))
    found = {}
    for seconds in sorted(map(float, options.lengths.split(","))):
        video = make_video(folder / f"{seconds:g}.mp4", seconds)
        command = [sys.executable, __file__, "--device", options.device, "--alone", str(run), str(video)]
        found[seconds] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    first, last = found[min(found)], found[max(found)]
    return {
        "peak_mib": {f"{seconds:g} s": one["peak_mib"] for seconds, one in found.items()},
        "memory": round(last["peak_mib"] / first["peak_mib"], 3),
        "linear": round(last["seconds"] / max(found) / (first["seconds"] / min(found)), 3),
    }


def read_alone(run: Path, video: Path, device: str) -> dict[str, float]:
    with Recognizer.open(run, device=device) as recognizer:
        begun = time.perf_counter()
        recognizer.transcribe(video)
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}


def make_run(path: Path, config: Config) -> Path:
    """A run as after training, but with its initial weights."""
    run = Run(path)
    digests = {"train": "", "dev": ""}
    frames = FrameFormat(256, "squash", FPS, FPS, FPS)
    run.create(config, GLOSSES, RunFacts("/none", "", "benchmark", "base", digests, "raw", "none", frames))
    network = Network(config, len(GLOSSES))
    save_weights(run.best, network, GLOSSES)
    classes = len(GLOSSES) + 1
    scorer = FrameScorer(torch.randn(classes, network.backbone.width), torch.zeros(classes), 7)
    save_scorer(run.frame_scores, scorer, digest_file(run.best))
    return path


def make_video(path: Path, seconds: float) -> Path:
    """A moving noisy picture, whose compression takes as long as that of a real one."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    picture = cv2.resize(noise, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for number in range(round(seconds * FPS)):
        left = number * 3 % WIDTH
        writer.write(picture[:, left : left + WIDTH])
    writer.release()
    return path


if __name__ == "__main__":
    main()
