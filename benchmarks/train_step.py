"""A training step compared with the frozen timm model alone, in the same run: ratios count, not seconds.

    python benchmarks/train_step.py [--variant adapter] [--layers all] [--frames 64] [--clips 60,180] [--inference]
        [--checkpointing] [--set section.key=value] [--backbone NAME] [--image-size 224] [--precision fp32]
        [--repeats 3] [--threads 2] [--device cpu] [--json]

The floor is timm's model with frozen weights: forward, and backward to its input (with `--inference`: forward). In half
precision its weights of matrix products are stored in that precision, as ours are.
Ours is the backbone, forward and backward to the trained parameters. With `--variant frozen` nothing in it is trained:
ours is only the forward pass, and only the whole step runs backward, through the head. They run alternately. On a CPU,
seconds are processor time of the fastest repeat, which depends little on other load. `ratio` is the median of the
ratios of the turns, ours over floor. `step_` is the whole step: pixels, backbone, head, losses, checks and
optimiser.

`flops` are those that PyTorch counts: matrix products, convolutions and attention. `share` is the rate of ours relative
to the rate of the machine in a product of all tokens with the first layer of an MLP.

With `--checkpointing`, or with several `--clips`, the floor is our own step without checkpoints, or with all frames
in one clip. `peak_mib` is the peak memory of a step: of this process in addition to its memory before the model was
made, or of PyTorch on the GPU. Weights are random, which has the same cost.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import torch
from flops import flops_of, matrix_product
from torch import Tensor
from whole_step import GLOSSES, whole_step

from sla_cli.config.settings import Config, Variant, resolve
from sla_cli.model.added import merge_added
from sla_cli.model.backbone import Backbone
from sla_cli.model.compiling import compile_for_training
from sla_cli.model.device import Placement, place
from sla_cli.model.network import Network

Step = Callable[[], object]


def main() -> None:
    arguments = parse()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    placement = place(arguments.device, arguments.precision)
    config = settings(arguments)
    forget_peak(placement.device)
    before = held()
    peak, seconds = {}, {}
    clips = [int(length) for length in arguments.clips.split(",")] if arguments.clips else [arguments.frames]
    pixels = torch.randn(sum(clips), 3, config.model.image_size, config.model.image_size, device=placement.device)
    steps = pair(config, arguments, placement, pixels, clips)
    flops = {name: flops_of(step) for name, step in steps.items()}
    for _ in range(arguments.repeats):
        for name, step in steps.items():
            forget_peak(placement.device)
            seconds.setdefault(name, []).append(timed(step, placement.device))
            peak[name] = max(peak.get(name, 0.0), peak_mib(placement.device, before))
    rate = {name: flops[name] / min(taken) for name, taken in seconds.items()}
    answer = {
        "variant": arguments.variant,
        "layers": arguments.layers,
        "frames": sum(clips),
        "clips": clips,
        "precision": str(placement.dtype),
        "device": str(placement.device),
        "threads": torch.get_num_threads(),
        "seconds": min(seconds["ours"]),
        "floor_seconds": min(seconds["floor"]),
        "ratio": middle_ratio(seconds, "ours"),
        "flops": flops["ours"],
        "flops_ratio": flops["ours"] / flops["floor"],
        "flops_per_second": rate["ours"],
        "machine_flops_per_second": rate["product"],
        "share": rate["ours"] / rate["product"],
        "floor_share": rate["floor"] / rate["product"],
        "peak_mib": round(peak["ours"], 1),
        "floor_peak_mib": round(peak["floor"], 1),
        "peak_ratio": peak["ours"] / peak["floor"],
    }
    if "step" in steps:
        answer |= {
            "step_seconds": min(seconds["step"]),
            "step_ratio": middle_ratio(seconds, "step"),
            "step_flops": flops["step"],
            "step_share": rate["step"] / rate["product"],
        }
    if arguments.json:
        print(json.dumps(answer))
        return
    for name, value in answer.items():
        print(f"{name:24} {value:.4g}" if isinstance(value, float) else f"{name:24} {value}")


def middle_ratio(seconds: dict[str, list[float]], name: str) -> float:
    """Ratios of the turns, each with the floor of the same turn."""
    return statistics.median(one / floor for one, floor in zip(seconds[name], seconds["floor"], strict=True))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--variant", choices=get_args(Variant), default="adapter", help="frozen: ours goes forward only"
    )
    parser.add_argument("--layers", default="all")
    parser.add_argument("--frames", type=int, default=64)
    parser.add_argument(
        "--clips", help="lengths of several clips, such as 60,180, compared with one clip of all frames"
    )
    parser.add_argument("--inference", action="store_true", help="without gradients, with LoRA merged if possible")
    parser.add_argument("--checkpointing", action="store_true", help="with checkpoints, compared with none")
    parser.add_argument("--set", action="append", default=[], dest="sets", help="section.key=value")
    parser.add_argument("--backbone")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16", "fp16"], default="auto")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="0: PyTorch's choice")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def settings(arguments: argparse.Namespace) -> Config:
    flags = {
        "model.variant": arguments.variant,
        "model.layers": arguments.layers,
        "model.weights": "random",
        "model.image_size": arguments.image_size,
        "model.backbone": arguments.backbone,
        "model.checkpointing": "off",
    }
    return resolve("base", sets=["model.compile=off", *arguments.sets], flags=flags)


def pair(
    config: Config, arguments: argparse.Namespace, placement: Placement, pixels: Tensor, clips: Sequence[int]
) -> dict[str, Step]:
    """Ours, the floor, the whole step if requested, and the machine's matrix product."""
    network = made(config, placement)
    ours = network.backbone
    tokens = ours.vit.patch_embed.num_patches + ours.vit.num_prefix_tokens
    product = matrix_product(len(pixels) * tokens, ours.vit.embed_dim, placement)
    if arguments.inference:
        merge_added(ours)
        floor = forward(bare(config, placement), placement, pixels)
        inferring = forward(ours, placement, pixels, lengths(clips))
        return {"floor": floor, "ours": inferring, "product": product}
    step = both_ways(ours, placement, pixels, lengths(clips))
    if arguments.checkpointing:
        return {"floor": switched(ours, "off", step), "ours": switched(ours, "on", step), "product": product}
    if len(clips) > 1:
        floor = both_ways(ours, placement, pixels, lengths([sum(clips)]))
        return {"floor": floor, "ours": step, "product": product}
    floor = both_ways(bare(config, placement), placement, pixels.clone().requires_grad_())
    whole = whole_step(network, config, placement, list(clips))
    return {"floor": floor, "ours": step, "step": whole, "product": product}


def switched(model: Backbone, checkpointing: str, step: Step) -> Step:
    def switching() -> None:
        model.checkpointing = checkpointing
        step()

    return switching


def lengths(clips: Sequence[int]) -> Tensor:
    return torch.tensor(clips)


def made(config: Config, placement: Placement) -> Network:
    network = Network(config, GLOSSES).to(placement.device).train()
    network.backbone.cast_frozen(placement.dtype)
    compile_for_training(network.backbone, config, placement)
    return network


def bare(config: Config, placement: Placement) -> torch.nn.Module:
    """timm's model. Like ours, it does not convert its weights at every use."""
    backbone = Backbone(config.model).to(placement.device)
    backbone.cast_frozen(placement.dtype)
    return backbone.vit


def both_ways(model: torch.nn.Module, placement: Placement, *inputs: Tensor) -> Step:
    def step() -> None:
        model.zero_grad(set_to_none=True)
        inputs[0].grad = None
        with placement.autocast():
            features = model(*inputs)
        if features.requires_grad:
            features.float().sum().backward()

    return step


def forward(model: torch.nn.Module, placement: Placement, *inputs: Tensor) -> Step:
    model.eval()

    def step() -> None:
        with torch.inference_mode(), placement.autocast():
            model(*inputs)

    return step


def timed(step: Step, device: torch.device) -> float:
    """Seconds: processor time on a CPU, wall-clock time on a GPU."""
    gc.collect()
    if device.type != "cuda":
        start = time.process_time()
        step()
        return time.process_time() - start
    torch.cuda.synchronize(device)
    start = time.perf_counter()
    step()
    torch.cuda.synchronize(device)
    return time.perf_counter() - start


def held(field: str = "VmRSS") -> float:
    """MiB of this process from /proc; VmHWM is the maximum since it was reset."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields[field].split()[0]) / 1024


def forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        ctypes.CDLL(None).malloc_trim(0)  # memory that the previous step has freed does not count
        Path("/proc/self/clear_refs").write_text("5")


def peak_mib(device: torch.device, before: float) -> float:
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else held("VmHWM") - before


if __name__ == "__main__":
    main()
