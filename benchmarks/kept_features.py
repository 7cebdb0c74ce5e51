"""An epoch of the variant `frozen` on kept features compared with one on frames, in the same run: ratios count.

    python benchmarks/kept_features.py STORE [--clips 40] [--dev 6] [--preset small] [--set section.key=value]
        [--backbone NAME] [--weights random] [--image-size 112] [--precision auto] [--repeats 1] [--threads 1]
        [--device cpu] [--json]

Both are whole epochs from the second on: all steps over the same `--clips` clips of train, then scoring of the first
`--dev` clips of dev. They run alternately, and the clips are loaded in this process. Seconds are processor time of the
fastest repeat, which depends little on other load; `wall_` is wall-clock time. `once_seconds` is how long it took to
compute the features of these clips. `mb` is the size of the features of the whole store, train and dev, as float16.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch
from timing import fastest

from sla_cli.config.settings import Config, resolve
from sla_cli.core.normalize import profile
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.kept import KeptDataset, KeptFeatures
from sla_cli.data.loading import training_batches
from sla_cli.data.seen import SeenClips
from sla_cli.model.device import place
from sla_cli.store.store import Store
from sla_cli.train.evaluate import evaluate
from sla_cli.train.keep_features import compute_missing
from sla_cli.train.loop import initial_state
from sla_cli.train.state import State
from sla_cli.train.step import take_step


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    config, whole = settings(arguments), Store(arguments.store)
    store = part(whole, train=arguments.clips, dev=arguments.dev)
    state, frames, _ = initial_state(store, config, place(arguments.device, config.train.precision))
    with tempfile.TemporaryDirectory() as folder:
        width = state.model.backbone.width
        kept, dev = (KeptFeatures(Path(folder, name), store[name], width) for name in ("train", "dev"))
        begun = time.process_time()
        for features in (kept, dev):
            compute_missing(state, features)
        once = time.process_time() - begun
        rows = KeptDataset(store["train"], store.vocabulary, state.model.stride, config.train, [kept])
        runs = {"frames": epoch(state, frames, store, None), "kept": epoch(state, rows, store, dev)}
        seconds, wall = fastest(runs, arguments.repeats)
    answer = {
        "frames": sum(store["train"].lengths),
        "precision": str(state.placement.dtype),
        "frames_seconds": seconds["frames"],
        "kept_seconds": seconds["kept"],
        "ratio": seconds["frames"] / seconds["kept"],
        "wall_ratio": wall["frames"] / wall["kept"],
        "once_seconds": once,
        "mb": sum(2 * width * sum(whole[name].lengths) for name in ("train", "dev")) / 1e6,
    }
    if arguments.json:
        print(json.dumps(answer))
        return
    for name, value in answer.items():
        print(f"{name:16} {value:.4g}" if isinstance(value, float) else f"{name:16} {value}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--clips", type=int, default=40, help="of train")
    parser.add_argument("--dev", type=int, default=6, help="clips of dev")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--set", action="append", default=[], dest="sets", help="section.key=value")
    parser.add_argument("--backbone")
    parser.add_argument("--weights", default="random")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def settings(arguments: argparse.Namespace) -> Config:
    flags = {
        "model.variant": "frozen",
        "model.backbone": arguments.backbone,
        "model.weights": arguments.weights,
        "model.image_size": arguments.image_size,
        "train.precision": arguments.precision,
        "train.workers": 0,
    }
    return resolve(arguments.preset, sets=arguments.sets, flags=flags)


def part(store: Store, **clips: int) -> Store:
    """The first clips of splits, as a division of the store."""
    splits = {name: split for split, number in clips.items() for name in store[split].ids[:number]}
    return Store(store.path, replace(store.division, name="part", splits=splits))


def epoch(state: State, data: ClipDataset, store: Store, dev: KeptFeatures | None) -> Callable[[], None]:
    """A function that trains the second epoch and scores dev; from kept features, if `data` and `dev` have them."""

    def run() -> None:
        plan = data.plan(2)
        state.model.train()
        with closing(training_batches(data, 2, plan, state.placement.cuda)) as batches:
            for number, step in enumerate(plan, start=1):
                take_step(step, batches, state, 2, number)
        evaluate(state, SeenClips(store["dev"]), profile("none"), kept=dev)

    return run


if __name__ == "__main__":
    main()
