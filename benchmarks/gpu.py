"""All measurements and tests on a GPU, in one call of at most ten minutes; writes gpu.json and gpu.md.

    python benchmarks/gpu.py [--out FOLDER] [--minutes 10] [--device cuda] [--frames 64] [--set section.key=value]
        [--backbone NAME] [--image-size 224] [--precision auto]

The marked tests, training steps and inference of benchmarks/train_step.py, and benchmarks/profile_step.py. Each part
may take its share of the time that is left, so unused time goes to the parts after it. A part that fails, or does not
finish in its time, is named with the reason, and the exit status is 1. Without a GPU it ends with exit status 2;
`--device cpu` runs the parts that a CPU can do, with small sizes such as `--image-size 32`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
SIZES = ("frames", "backbone", "image_size", "precision")  # options of train_step.py and profile_step.py
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


@dataclass(frozen=True)
class Part:
    """A command and its share of the time, relative to the others."""

    command: list[str]
    share: int = 1


def main() -> None:
    arguments = parse()
    cuda = arguments.device.startswith("cuda")
    if cuda and not torch.cuda.is_available():
        print("benchmarks/gpu.py: PyTorch sees no CUDA device here; --device cpu runs the parts that a CPU can do.")
        sys.exit(2)
    answers = answered(parts(arguments, cuda), 60 * arguments.minutes)
    profile, tests = answers.pop("profile"), answers.pop("tests", {"result": "they need a CUDA device"})
    found = {"machine": machine(cuda), "torch": torch.__version__, "rows": answers, "profile": profile, "tests": tests}
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    (arguments.out / "gpu.md").write_text(markdown(found))
    print(markdown(found), end="")
    sys.exit(int(any("error" in part for part in [*answers.values(), profile, tests])))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--set", action="append", default=[], dest="sets")
    for name in SIZES:
        parser.add_argument(f"--{name.replace('_', '-')}")
    return parser.parse_args()


def parts(arguments: argparse.Namespace, cuda: bool) -> dict[str, Part]:
    given = {name: getattr(arguments, name) for name in SIZES}
    options = ["--json", "--device", arguments.device, *(f"--set={one}" for one in arguments.sets)]
    options += [f"--{name.replace('_', '-')}={value}" for name, value in given.items() if value is not None]
    found = {name: Part([*python("train_step"), *row, *options, "--repeats", "5"]) for name, row in ROWS.items()}
    found["profile"] = Part([*python("profile_step"), *options])
    if cuda:
        found["tests"] = Part([sys.executable, "-m", "pytest", "-q", "-n0", "-m", "cuda"], share=3)
        found["adapter, 12 blocks, compiled"] = Part([*python("train_step"), *COMPILED, *options], share=3)
    return found


def python(benchmark: str) -> list[str]:
    return [sys.executable, str(HERE / f"{benchmark}.py")]


def machine(cuda: bool) -> str:
    return torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} threads of a CPU"


def answered(parts: dict[str, Part], seconds: float) -> dict[str, dict[str, Any]]:
    """What each part has found, or its `error`."""
    end, shares, found = time.monotonic() + seconds, sum(part.share for part in parts.values()), {}
    for name, part in parts.items():
        printed, error = ended(part.command, (end - time.monotonic()) * part.share / shares)
        shares -= part.share
        found[name] = {"error": error} if error else result(name, printed)
    return found


def result(name: str, printed: str) -> dict[str, Any]:
    """The answer of a benchmark, or the last line of pytest."""
    last = printed.strip().splitlines()[-1]
    return {"result": last} if name == "tests" else dict(json.loads(last))


def ended(command: list[str], limit: float) -> tuple[str, str]:
    """The output of a command and, if it did not succeed within `limit` seconds, the reason."""
    if limit < 1:
        return "", "no time was left"
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=HERE.parent, start_new_session=True)
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return "", f"not finished within its {limit:.0f} s"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with the processes that it started
            process.wait()
    return out, "" if process.returncode == 0 else (err or out).strip()[-500:]


def markdown(found: dict[str, Any]) -> str:
    lines = [f"{found['machine']}, PyTorch {found['torch']}", "", "| what | " + " | ".join(COLUMNS) + " |"]
    lines.append("|---" * (1 + len(COLUMNS)) + "|")
    for name, row in found["rows"].items():
        cells = [f"{row[column]:.3g}" if column in row else "" for column in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", *(f"- {name}: {row['error']}" for name, row in found["rows"].items() if "error" in row)]
    profile = found["profile"]
    if "error" not in profile:
        took, busy = profile["milliseconds"], profile["operations_milliseconds"]
        lines += [f"A step takes {took:.1f} ms of wall-clock time and waits {profile['waits']:g} times."]
        lines += [f"Its operations take {busy:.1f} ms in all, with the profiler:", ""]
        lines += [f"- {100 * share:.1f} % {name}" for name, share in profile["shares"].items()]
    else:
        lines += [f"- profile: {profile['error']}"]
    lines += ["", f"Marked tests: {found['tests'].get('result') or found['tests']['error']}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
