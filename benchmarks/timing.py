"""Measures runs, for benchmarks that compare them within one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Runs = Mapping[str, Callable[[], object]]


def fastest(
    runs: Runs, repeats: int, cpu: Callable[[], float] = time.process_time
) -> tuple[dict[str, float], dict[str, float]]:
    """CPU and wall-clock seconds of each run; they alternate, which spreads other load on the machine over all of them.

    Args:
        runs: name to function.
        repeats: number of turns; the fastest of each run counts.
        cpu: gives the processor time so far in seconds, if other processes work too.
    """
    spent, wall = dict.fromkeys(runs, float("inf")), dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            begun, start = cpu(), time.perf_counter()
            run()
            wall[name] = min(wall[name], time.perf_counter() - start)
            spent[name] = min(spent[name], cpu() - begun)
    return spent, wall
