"""The cost of forced alignment: for one sentence, for one and two hours, and for an hour with uniform probabilities.

The log-probabilities are synthetic: blanks and glosses like those of a trained model, with confusable glosses; 5 % of
the reference's glosses are replaced and 1.7 % are left out.
"""

from __future__ import annotations

import argparse
import json
import tracemalloc

import numpy as np
from timing import fastest

from sla_cli.core.force_align import force_align

Problem = tuple[np.ndarray, list[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=22_500, help="of the hour")
    parser.add_argument("--labels", type=int, default=3000, help="of the hour")
    parser.add_argument("--vocabulary", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=3, help="number of runs; the fastest counts")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    size, vocabulary = (arguments.steps, arguments.labels), arguments.vocabulary
    rng = np.random.default_rng(0)
    hour = signing(*size, vocabulary, rng)
    problems = {
        "sentence": signing(40, 8, vocabulary, rng),
        "hour": hour,
        "two hours": signing(2 * size[0], 2 * size[1], vocabulary, rng),
        "hour, all equal": (np.full_like(hour[0], -np.log(vocabulary + 1)), hour[1]),
    }
    runs = {name: lambda problem=problem: force_align(*problem) for name, problem in problems.items()}
    cpu, _ = fastest(runs, arguments.repeats)
    peaks = {name: peak(problem) for name, problem in problems.items()}
    ratio = cpu["two hours"] / cpu["hour"]
    if arguments.json:
        print(json.dumps({"cpu_seconds": cpu, "peak_mib": peaks, "two hours / hour": ratio}))
        return
    for name in problems:
        print(f"{name:20} {1000 * cpu[name]:10.2f} ms CPU {peaks[name]:10.2f} MiB in addition to the log-probabilities")
    print(f"two hours / hour     {ratio:10.2f}")


def peak(problem: Problem) -> float:
    """Peak memory of the alignment in MiB."""
    tracemalloc.start()
    force_align(*problem)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


def signing(steps: int, labels: int, vocabulary: int, rng: np.random.Generator) -> Problem:
    """Log-probabilities of glosses with two steps each, and a reference in which some are replaced or left out."""
    starts = 3 * np.sort(rng.choice(steps // 3, labels, replace=False))
    glosses = rng.integers(1, vocabulary + 1, labels)
    path = np.zeros(steps, int)
    path[starts], path[starts + 1] = glosses, glosses
    logits = rng.standard_normal((steps, vocabulary + 1)).astype(np.float32)
    logits[range(steps), path] += rng.uniform(7, 13, steps)
    logits[range(steps), rng.integers(0, vocabulary + 1, steps)] += 8
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    wrong = rng.random(labels) < 0.05
    reference = np.where(wrong, rng.integers(1, vocabulary + 1, labels), glosses)
    return logits, reference[rng.random(labels) >= 1 / 60].tolist()


if __name__ == "__main__":
    main()
