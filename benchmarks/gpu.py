"""All measurements and tests on a GPU, in one call of at most ten minutes; writes gpu.json and gpu.md.

    python benchmarks/gpu.py [--out FOLDER] [--minutes 10] [--device cuda] [ARGUMENTS OF train_step.py ...]

The marked tests, training steps and inference of benchmarks/train_step.py, and benchmarks/profile_step.py. A part that
fails, or for which no time is left, is named with the reason, and the exit status is 1. Without a GPU it ends with exit
status 2; `--device cpu` runs the parts that a CPU can do, with small sizes such as `--image-size 32`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
ROWS = {
    "adapter, 12 blocks": ["--variant", "adapter"],
    "lora, 12 blocks": ["--variant", "lora"],
    "adapter, last 4 blocks": ["--variant", "adapter", "--layers", "last:4"],
    "lora, last 4 blocks": ["--variant", "lora", "--layers", "last:4"],
    "adapter, inference": ["--variant", "adapter", "--inference"],
    "lora with shift, inference": ["--variant", "lora", "--inference"],
    "adapter, with checkpointing relative to without": ["--variant", "adapter", "--checkpointing"],
}
COMPILED = ["--variant", "adapter", "--set", "model.compile=on"]  # last, because it takes longest
COLUMNS = ("seconds", "ratio", "share", "step_ratio", "step_share", "flops_ratio", "peak_mib", "peak_ratio")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--device", default="cuda")
    arguments, sizes = parser.parse_known_args()
    cuda = arguments.device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        print("benchmarks/gpu.py: PyTorch sees no CUDA device here; ---device cpu runs the parts that a CPU can do.")
        sys.exit(2)
    end = time.monotonic() + 60 * arguments.minutes
    found: dict[str, Any] = {"machine": machine(cuda), "torch": torch.__version__, "rows": {}}
    of_all = ["--device", arguments.device, *sizes, "--json"]
    for name, row in ROWS.items():
        found["rows"][name] = answer("train_step", [*row, *of_all, "--repeats", "5"], end)
    found["profile"] = answer("profile_step", of_all, end)
    found["tests"] = tested(end) if cuda else {"result": "they need a CUDA device"}
    if cuda:
        found["rows"]["adapter, 12 blocks, compiled"] = answer("train_step", [*COMPILED, *of_all], end)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    (arguments.out / "gpu.md").write_text(markdown(found))
    print(markdown(found), end="")
    parts = [*found["rows"].values(), found["profile"], found["tests"]]
    sys.exit(int(any("error" in part for part in parts)))


def machine(cuda: bool) -> str:
    return torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads of a CPU"


def ended(command: list[str], end: float) -> tuple[str, str]:
    """The output of a command and, if it did not succeed in the time left, the reason."""
    left = end - time.monotonic()
    if left < 1:
        return "", "no time was left"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=left, check=False, cwd=HERE.parent)
    except subprocess.TimeoutExpired:
        return "", f"not finished within the remaining {left:.0f} s"
    return done.stdout, "" if done.returncode == 0 else (done.stderr or done.stdout).strip()[-500:]


def answer(benchmark: str, arguments: list[str], end: float) -> dict[str, Any]:
    printed, error = ended([sys.executable, str(HERE / f"{benchmark}.py"), *arguments], end)
    return {"error": error} if error else dict(json.loads(printed))


def tested(end: float) -> dict[str, str]:
    """The last line of pytest over the marked tests."""
    printed, error = ended([sys.executable, "-m", "pytest", "-q", "-n0", "-m", "cuda"], end)
    return {"error": error} if error else {"result": printed.strip().splitlines()[-1]}


def markdown(found: dict[str, Any]) -> str:
    lines = [f"{found['machine']}, PyTorch {found['torch']}", "", "| what | " + " | ".join(COLUMNS) + " |"]
    lines.append("|---" * (1 + len(COLUMNS)) + "|")
    for name, row in found["rows"].items():
        cells = [f"{row[column]:.3g}" if column in row else "" for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", *(f"- {name}: {row['error']}" for name, row in found["rows"].items() if "error" in row)]
    profile = found["profile"]
    if "error" not in profile:
        lines += [f"A step takes {profile['milliseconds']:.1f} ms and waits {profile['waits']:g} times:", ""]
        lines += [f"- {100 * share:.1f} % {name}" for name, share in profile["shares"].items()]
    else:
        lines += [f"- profile: {profile['error']}"]
    lines += ["", f"Marked tests: {found['tests'].get('result') or found['tests']['error']}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
