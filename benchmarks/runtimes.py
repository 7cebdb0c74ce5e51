"""Ways of computing a model on a CPU: PyTorch in fp32 and bf16, ONNX Runtime in fp32 and int8, side by side.

    python benchmarks/runtimes.py [--model NAME:SIZE ...] [--frames 256] [--repeats 3] [--run RUN ...] [--json]

`ratio` is frames a second over those of PyTorch in fp32, from frames in memory to features, of a SLA-Adapter with
random weights and the shapes of each --model; they alternate, and the fastest of the repeats counts. With --run, the
word error rate of each way on dev of a run's store (without language model), and the greatest difference of
log-probabilities: speed does not depend on weights, and errors do.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from timing import fastest

from sla_cli import Recognizer, wer
from sla_cli.config.settings import resolve
from sla_cli.model.checkpoint import save_weights
from sla_cli.model.network import Network
from sla_cli.share.card import Answers, card_of
from sla_cli.share.export import export_run
from sla_cli.transcribe.runtime import stream_features
from sla_cli.work.run import Run
from sla_cli.work.run_facts import FrameFormat, RunFacts

GLOSSES = tuple(f"G{number}" for number in range(1000))
BASE = "torch fp32"
MODELS = ["vit_small_patch16_224:112", "vit_base_patch16_clip_quickgelu_224.openai:224"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", action="append", help=f"timm's name and pixels; default without --run: {' '.join(MODELS)}"
    )
    parser.add_argument("--frames", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", action="append", type=Path, default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    answers = []
    for name in options.model or ([] if options.run else MODELS):
        answers += speeds(*name.split(":"), options.frames, options.repeats)
    for path in options.run:
        answers += errors(Run(path))
    for answer in answers:
        if not options.json:
            print("  ".join(f"{key} {value}" for key, value in answer.items()))
    if options.json:
        print(json.dumps(answers))


def speeds(name: str, size: str, frames: int, repeats: int) -> Iterator[dict[str, object]]:
    """Frames a second of each way for a model of this shape."""
    flags = {"model.backbone": name, "model.image_size": int(size), "model.weights": "random"}
    config = resolve("base", flags=flags)
    pictures = np.random.default_rng(0).integers(0, 256, (frames, int(size), int(size), 3), np.uint8)
    with TemporaryDirectory() as folder, ExitStack() as stack:
        run = Run(Path(folder, "runs", "r"))
        form = FrameFormat(int(size), "squash", 25.0, 25.0, 25.0)
        run.create(
            config, GLOSSES, RunFacts("", "corpus", "none", "base", {"train": "", "dev": ""}, "raw", "none", form)
        )
        save_weights(run.best, Network(config, len(GLOSSES)), GLOSSES)
        ways = opened(run, Path(folder), stack)
        runs: dict[str, Callable[[], object]] = {
            way: lambda model=model: list(stream_features(model._runtime, pictures)) for way, model in ways.items()
        }
        _, wall = fastest(runs, repeats)
    for way, seconds in wall.items():
        yield {
            "model": f"{name} {size} px",
            "way": way,
            "ratio": round(wall[BASE] / seconds, 2),
            "realtime": round(frames / 25 / seconds, 2),
        }


def errors(run: Run) -> Iterator[dict[str, object]]:
    """Word error rate of each way on dev, and how far log-probabilities are from those of PyTorch in fp32."""
    clips = list(run.own_clips()["dev"])
    references = {clip.id: " ".join(clip.glosses) for clip in clips}
    expected: dict[str, np.ndarray] = {}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        for way, model in opened(run, Path(folder), stack).items():
            found, difference = {}, 0.0
            for clip in clips:
                log_probs = model.log_probs(clip.frames())
                difference = max(difference, np.abs(log_probs - expected.setdefault(clip.id, log_probs)).max())
                found[clip.id] = " ".join(sign.gloss for sign in model.signs(log_probs, fps=25))
            score = wer(found, references)
            yield {
                "run": run.path.name,
                "way": way,
                "wer": round(score.total.wer, 2),
                "difference": round(float(difference), 4),
            }


def opened(run: Run, folder: Path, stack: ExitStack) -> dict[str, Recognizer]:
    """A recognizer for each way; PyTorch in fp32 is the first."""
    ways = {
        BASE: Recognizer.open(run.path, device="cpu", precision="fp32"),
        "torch bf16": Recognizer.open(run.path, device="cpu", precision="bf16"),
    }
    for products in ("fp32", "int8"):
        made = folder / products
        export_run(run, made, card_of(run, Answers()), onnx=products)
        ways[f"onnx {products}"] = Recognizer.open(made, runtime="onnx", device="cpu")
    return {way: stack.enter_context(model) for way, model in ways.items()}


if __name__ == "__main__":
    main()
