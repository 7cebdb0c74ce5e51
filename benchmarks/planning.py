"""Estimates of what training on a whole corpus takes on a GPU, from counted operations: docs/figures/planning.toml.

    python benchmarks/planning.py [--frames 16] > docs/figures/planning.toml

Nothing here was measured on a GPU. The operations of a training step and of scoring dev are counted on a CPU, at a
few frames, to which they are proportional. An epoch is every training frame once with gradients, and every dev frame
once without. A card reaches between LOW and its share in CARDS of its stated rate: that of dense matrix products in
half precision, with sums in fp32, as the maker's data sheet states it.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from subprocess import check_output

import torch
from flops import flops_of
from whole_step import GLOSSES, whole_step

from sla_cli.config.settings import Config, resolve
from sla_cli.model.added import merge_added
from sla_cli.model.device import place
from sla_cli.model.network import Network

FRAMES = (799_006, 75_186)  # of train and dev of Phoenix2014, as released
LOW = 0.2
# TFLOPS, and the share of them that is reached at best: of an H100 0.31, with compiled blocks (0.19 without).
CARDS = {"T4": (65, 0.4), "RTX 3090": (71, 0.4), "RTX 4090": (165, 0.4), "A100": (312, 0.4), "H100": (989, 0.31)}
VARIANTS = {
    "adapter, 12 blocks": ("adapter", "all"),
    "lora, 12 blocks": ("lora", "all"),
    "adapter, last 4 blocks": ("adapter", "last:4"),
    "lora, last 4 blocks": ("lora", "last:4"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=16, help="of the clip that is counted")
    options = parser.parse_args()
    configs = {name: settings(*chosen) for name, chosen in VARIANTS.items()}
    counted = {name: operations(config, options.frames) for name, config in configs.items()}
    epochs = configs["adapter, 12 blocks"].train.epochs
    print_facts()
    print_table(
        "operations",
        ["variant", "training, a frame", "scoring, a frame"],
        [[name, f"{train / 1e9:.0f} GFLOP", f"{score / 1e9:.0f} GFLOP"] for name, (train, score) in counted.items()],
    )
    cards = [f"{name} ({rate} TFLOPS)" for name, (rate, _) in CARDS.items()]
    rows = [[name, *(hours(pair, epochs, *card) for card in CARDS.values())] for name, pair in counted.items()]
    print_table("phoenix2014", [f"Phoenix2014, {epochs} epochs", *cards], rows)


def settings(variant: str, layers: str) -> Config:
    flags = {"model.variant": variant, "model.layers": layers, "model.weights": "random", "model.checkpointing": "off"}
    return resolve("base", sets=["model.compile=off"], flags=flags)


def operations(config: Config, frames: int) -> tuple[float, float]:
    """Of a frame in a training step, and when it is scored."""
    placement = place("cpu", "fp32")
    network = Network(config, GLOSSES).train()
    train = flops_of(whole_step(network, config, placement, [frames]))
    network.eval()
    merge_added(network.backbone)
    side = config.model.image_size
    with torch.no_grad():
        score = flops_of(lambda: network.backbone(torch.randn(frames, 3, side, side), torch.tensor([frames])))
    return train / frames, score / frames


def hours(pair: tuple[float, float], epochs: int, rate: float, high: float) -> str:
    """Between which two the training lies, in hours."""
    total = epochs * (pair[0] * FRAMES[0] + pair[1] * FRAMES[1])
    least, most = (total / (share * rate * 1e12) / 3600 for share in (high, LOW))
    return f"{least:.2g} to {most:.2g} h"


def print_facts() -> None:
    commit = check_output(["git", "rev-parse", "--short=7", "HEAD"], text=True).strip()
    facts = {
        "command": "python benchmarks/planning.py",
        "commit": commit,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": "estimates: no GPU was used",
    }
    print("\n".join(f"{key} = {json.dumps(value)}" for key, value in facts.items()))


def print_table(name: str, columns: list[str], rows: list[list[str]]) -> None:
    print(f"\n[{name}]\ncolumns = {json.dumps(columns)}\nrows = [")
    print("\n".join(f"  {json.dumps(cells)}," for cells in rows) + "\n]")


if __name__ == "__main__":
    main()
