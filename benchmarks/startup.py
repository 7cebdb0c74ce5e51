"""Time of `sla --help` relative to importing the packages that every command needs.

    python benchmarks/startup.py [--repeats 15] [--json]

`ratio` is the median over pairs of runs, one after the other, so other load on the machine hardly changes it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median

FLOOR = [sys.executable, "-c", "import typer, rich"]
HELP = [sys.executable, "-m", "sla_cli", "--help"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pairs = [(seconds(FLOOR), seconds(HELP)) for _ in range(options.repeats)]
    facts = {
        "floor_seconds": median(floor for floor, _ in pairs),
        "help_seconds": median(taken for _, taken in pairs),
        "ratio": median(taken / floor for floor, taken in pairs),
    }
    print(json.dumps(facts) if options.json else "\n".join(f"{name:14} {value:.3f}" for name, value in facts.items()))


def seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
