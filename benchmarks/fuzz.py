"""Give changed files to every reader of files that others may have made, and check that it reads or refuses them.

python benchmarks/fuzz.py [--minutes 60 | --inputs N] [--reader NAME ...] [--seed 0] [--keep FOLDER] [--json]

A file of a small corpus (files that sla writes, and some real files if the shared material exists) is changed in one to
four places, also inside zip, tar, gzip, HDF5, PNG, JSON, safetensors and pickles, whose checksums and digests are then
corrected. The reader runs in a separate process, with limits of 1 GiB of memory and 5 seconds of processor time per
file. read: it accepts the file. refused: by an error of sla. finding: another exception, a signal, more memory or time,
a message that cannot be printed, or a file written outside the work folder. Findings are stored in FOLDER; the exit
status is 1 if there are any.

Reader, seed and number identify an input and reproduce it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import cv2
import torch
from fuzzing.child import batch
from fuzzing.mutate import mutated
from fuzzing.readers import Reader, all_readers

OUTCOMES = ("read", "refused", "finding")
SLICE = 3.0  # seconds for a reader at a time
BATCH = 200  # inputs per process, which limits the effect of leaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--inputs", type=int, help="inputs of each reader, instead of --minutes")
    parser.add_argument("--reader", action="append", help="one of the readers; can be repeated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a forked process has no other threads
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as folder:
        readers = all_readers(Path(folder) / "made", arguments.reader)
        counts, seconds = run(readers, Path(folder), arguments)
    if arguments.json:
        print(json.dumps({name: {key: counts[name][key] for key in OUTCOMES} for name in counts}))
    else:
        print(f"{'':16}" + "".join(f"{key:>10}" for key in (*OUTCOMES, "seconds")))
        for name, found in counts.items():
            print(f"{name:16}" + "".join(f"{found[key]:10}" for key in OUTCOMES) + f"{seconds[name]:10.0f}")
    sys.exit(any(found["finding"] for found in counts.values()))


def run(
    readers: list[Reader], folder: Path, arguments: argparse.Namespace
) -> tuple[dict[str, Counter[str]], dict[str, float]]:
    """All readers alternately, until the time is over or each has had its inputs: outcomes and seconds by reader."""
    counts = {reader.name: Counter[str]() for reader in readers}
    seconds = dict.fromkeys(counts, 0.0)
    end = time.monotonic() + 60 * arguments.minutes if arguments.inputs is None else float("inf")
    boxes = {reader.name: reader.laid(folder / "boxes" / reader.name) for reader in readers}
    known: set[tuple[str, str]] = set()
    left = list(readers)
    while left and time.monotonic() < end:
        reader = left.pop(0)
        done, begun = counts[reader.name].total(), time.monotonic()
        most = BATCH if arguments.inputs is None else min(BATCH, arguments.inputs - done)
        box, until = boxes[reader.name], min(end, begun + SLICE)
        for report in batch(partial(_read, reader, box, arguments.seed), box, range(done, done + most), until):
            counts[reader.name][report.outcome] += 1
            if report.outcome == "finding" and (reader.name, report.detail[:60]) not in known:
                known.add((reader.name, report.detail[:60]))
                data = input_of(reader, arguments.seed, report.number)
                _keep(arguments.keep, f"{reader.name}-{arguments.seed}-{report.number}-{Path(reader.file).name}", data)
                print(f"{reader.name} {report.number}: {report.detail}", file=sys.stderr, flush=True)
        seconds[reader.name] += time.monotonic() - begun
        if arguments.inputs is None or counts[reader.name].total() < arguments.inputs:
            left.append(reader)
    return counts, seconds


def _read(reader: Reader, box: Path, seed: int, number: int) -> tuple[str, str]:
    path = box / "work" / reader.file
    path.unlink(missing_ok=True)  # else HDF5 reads an open file's cached data, if an error holds one open
    path.write_bytes(input_of(reader, seed, number))
    reader.read(path)
    return "read", ""


def input_of(reader: Reader, seed: int, number: int) -> bytes:
    """The input with a number; always the same one."""
    random = Random(f"{seed} {reader.name} {number}")
    return mutated(random, random.choice(reader.seeds), reader.seeds, reader.own)


def _keep(folder: Path, name: str, data: bytes) -> None:
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
