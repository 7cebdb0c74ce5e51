"""The throughput of `sla serve`, beside a recognizer that is called in a loop.

    python benchmarks/service.py RUN VIDEO [--rounds 5] [--videos 4] [--json]

`ratio` is frames per second of the service over those of `Recognizer.transcribe` in a loop in a process of its own,
with the same threads; both take turns, `--rounds` times, and the median of the ratios counts. Two clients send the
video and wait, so that the worker is never idle. `cpu_ratio` is the same with processor time, which other work on the
machine changes less. `cpu_s`: processor seconds of the service for a video. `idle_mib`, `most_mib`: memory of the
worker, once it has its model, and the most that it ever had (Linux). The clients are a process of
their own. benchmarks/service_load.py has many clients.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from urllib.request import urlopen

import httpx

WAIT = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--videos", type=int, default=4, help="transcripts in each round")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    alone = ProcessPoolExecutor(1, get_context("spawn"), initializer=open_model, initargs=(options.run,))
    outside = ProcessPoolExecutor(1, get_context("spawn"))
    with alone, outside, served(options.run) as (address, pid):
        worker = max(family(pid) - {pid}, key=resident_of)
        idle, ratios, cpu, each = resident_of(worker), [], [], []
        for _ in range(options.rounds):
            loop, used = alone.submit(in_a_loop, options.video, options.videos).result()
            before = cpu_seconds(pid)
            ratios.append(loop / outside.submit(sent, address, options.video, options.videos).result())
            cpu.append(used / (spent := cpu_seconds(pid) - before))
            each.append(spent / options.videos)
        most = most_resident_of(worker)
    facts = {"ratio": median(ratios), "lowest": min(ratios), "highest": max(ratios), "cpu_ratio": median(cpu)}
    facts |= {"cpu_s": median(each), "idle_mib": idle / 2**20, "most_mib": most / 2**20}
    print(json.dumps(facts) if options.json else "\n".join(f"{name:12} {value}" for name, value in facts.items()))


@contextmanager
def served(run: Path, streams: int = 0) -> Iterator[tuple[str, int]]:
    """Address and process number of a service with its model loaded."""
    command = [sys.executable, "-m", "sla_cli", "serve", str(run), "--port", "0", "--streams", str(streams)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            while True:
                try:
                    with urlopen(f"{address}health") as answer:
                        if not streams or json.load(answer)["live"]:
                            break
                except OSError:
                    pass
                time.sleep(0.5)
            yield address, process.pid
        finally:
            process.terminate()


def open_model(run: Path) -> None:
    global model  # noqa: PLW0603  of the process
    from sla_cli.transcribe.recognizer import Recognizer

    model = Recognizer.open(run)


def in_a_loop(video: Path, count: int) -> tuple[float, float]:
    """Seconds of a recognizer for so many transcripts, and of the processor."""
    begin, used = time.monotonic(), time.process_time()
    for _ in range(count):
        model.transcribe(video)
    return time.monotonic() - begin, time.process_time() - used


def sent(address: str, video: Path, count: int) -> float:
    """Seconds of the service for so many transcripts, sent by two clients."""
    data, left = video.read_bytes(), list(range(count))

    async def client(http: httpx.AsyncClient) -> None:
        while left:
            left.pop()
            (await http.post(f"{address}v1/transcripts?wait={WAIT}", content=data)).raise_for_status()

    async def both() -> None:
        async with httpx.AsyncClient(timeout=WAIT) as http:
            await asyncio.gather(client(http), client(http))

    begin = time.monotonic()
    asyncio.run(both())
    return time.monotonic() - begin


def family(pid: int) -> set[int]:
    """A process and its children."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {pid, *(int(one) for each in threads for one in (each / "children").read_text().split())}


def resident_of(pid: int) -> int:
    """Bytes of a process, without its children."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def most_resident_of(pid: int) -> int:
    """The most bytes that a process ever had."""
    text = Path(f"/proc/{pid}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM"))


def cpu_seconds(pid: int) -> float:
    """Of the processor, for a process and its children."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid)]
    return sum(int(user) + int(system) for *_, user, system in (one[:13] for one in fields)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
