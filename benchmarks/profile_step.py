"""Profile of a whole training step: the most expensive operations, and how often the host waits for a GPU.

    python benchmarks/profile_step.py [--variant adapter] [--layers all] [--frames 64] [--set section.key=value]
        [--backbone NAME] [--image-size 224] [--precision auto] [--device cuda] [--json]

Measures the wall-clock time of three steps after two warm-up steps (`milliseconds` per step), then profiles three more.
`operations_milliseconds` is the sum of the operations' own time per step, on the device if there is a GPU; `shares` are
shares of it. `waits` is the number of CUDA calls per step that wait for the device; 0 on a CPU.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import get_args

import torch
from torch.profiler import ProfilerActivity, profile
from whole_step import GLOSSES, whole_step

from sla_cli.config.settings import Variant, resolve
from sla_cli.model.compiling import compile_for_training
from sla_cli.model.device import Placement, place
from sla_cli.model.network import Network

STEPS, MOST = 3, 15
WAITING = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=get_args(Variant), default="adapter")
    parser.add_argument("--layers", default="all")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument("--set", action="append", default=[], dest="sets")
    parser.add_argument("--backbone")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    flags = {"model.variant": arguments.variant, "model.layers": arguments.layers, "model.weights": "random"}
    flags |= {"model.image_size": arguments.image_size, "model.backbone": arguments.backbone}
    config = resolve("base", sets=["model.compile=off", *arguments.sets], flags=flags)
    placement = place(arguments.device, arguments.precision)
    network = Network(config, GLOSSES).to(placement.device).train()
    network.backbone.cast_frozen(placement.dtype)
    compile_for_training(network.backbone, config, placement)
    step = whole_step(network, config, placement, [arguments.frames])
    for _ in range(2):
        step()
    seconds = clocked(step, placement)
    with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * placement.cuda]) as profiler:
        for _ in range(STEPS):
            step()
    events = profiler.key_averages()
    spent = {one.key: one.self_device_time_total if placement.cuda else one.self_cpu_time_total for one in events}
    total = sum(spent.values())
    dearest = sorted(spent, key=lambda name: -spent[name])[:MOST]
    answer = {
        "device": str(placement.device),
        "precision": str(placement.dtype),
        "frames": arguments.frames,
        "milliseconds": 1000 * seconds / STEPS,
        "operations_milliseconds": total / STEPS / 1000,
        "shares": {name[:80]: round(spent[name] / total, 4) for name in dearest},
        "waits": sum(one.count for one in events if one.key in WAITING) / STEPS,
    }
    if arguments.json:
        print(json.dumps(answer))
        return
    for name, share in answer.pop("shares").items():
        print(f"{100 * share:5.1f} %  {name}")
    for name, value in answer.items():
        print(f"{name:24} {value}")


def clocked(step: Callable[[], object], placement: Placement) -> float:
    """Seconds of all steps until the device has finished them, without the profiler."""
    if placement.cuda:
        torch.cuda.synchronize(placement.device)
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    if placement.cuda:
        torch.cuda.synchronize(placement.device)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
