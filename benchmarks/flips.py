"""Flip random bits in all files of a work folder, and check whether the readers detect it.

python benchmarks/flips.py [--flips 10000] [--seed 0] [--json]

Each flip changes one bit, in a file chosen with equal probability, which is then read by the functions that the stages
call. found: an error of sla names it. harmless: the reader returns the same as before. silent: it returns something
else without an error; this is expected only for a run's metrics.tsv, which is a log for people without digest. crashed:
anything else, including a signal or more than 1 GiB of memory. late: no result within 5 seconds of work.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from artifacts import Read, make, readers
from fuzzing.child import batch

from sla_cli.core.digest import digest_bytes

OUTCOMES = ("harmless", "found", "silent", "crashed", "late")
BATCH = 200  # flips per process

Flip = tuple[int, int]  # byte and bit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--flips", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a forked process has no other threads
    with tempfile.TemporaryDirectory() as folder:
        box = Path(folder) / "box"
        (box / "tmp").mkdir(parents=True)
        found = run(box, readers(make(box / "work")), arguments.flips, arguments.seed)
    if arguments.json:
        print(json.dumps({name: {key: counts[key] for key in OUTCOMES} for name, counts in found.items()}))
        return
    print(f"{'':48}" + "".join(f"{key:>10}" for key in OUTCOMES))
    for name, counts in sorted(found.items()):
        print(f"{name:48}" + "".join(f"{counts[key]:10}" for key in OUTCOMES))


def run(box: Path, read: Mapping[Path, Read], flips: int, seed: int) -> dict[str, Counter[str]]:
    """The outcomes by file."""
    random, by_file, found = np.random.default_rng(seed), defaultdict[Path, list[Flip]](list), {}
    for path in (list(read)[int(number)] for number in random.integers(0, len(read), flips)):
        by_file[path].append((int(random.integers(path.stat().st_size)), int(random.integers(8))))
    for path, of_file in by_file.items():
        name = str(path.relative_to(box / "work"))
        found[name] = Counter[str]()
        for (at, bit), outcome in zip(of_file, outcomes(box, path, read[path], of_file), strict=True):
            found[name][outcome] += 1
            if outcome not in ("found", "harmless"):
                print(f"{name}, byte {at}, bit {bit}: {outcome}", file=sys.stderr, flush=True)
    return found


def outcomes(box: Path, path: Path, read: Read, flips: Sequence[Flip]) -> Iterator[str]:
    """One of OUTCOMES for each flip of a file, which is restored afterwards."""
    good = path.read_bytes()

    def digest() -> str:
        return digest_bytes(repr(read()).encode())

    expected = digest()

    def flipped(number: int) -> tuple[str, str]:
        at, bit = flips[number]
        path.unlink()  # as in fuzz.py
        path.write_bytes(good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :])
        return "harmless" if digest() == expected else "silent", ""

    done = 0
    while done < len(flips):
        for report in batch(flipped, box, range(done, min(done + BATCH, len(flips)))):
            done = report.number + 1
            late = "no end" in report.detail
            yield {"refused": "found", "finding": "late" if late else "crashed"}.get(report.outcome, report.outcome)
            if report.outcome == "finding":
                print(report.detail, file=sys.stderr, flush=True)
    path.write_bytes(good)


if __name__ == "__main__":
    main()
