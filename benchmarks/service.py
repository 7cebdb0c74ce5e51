"""The throughput of `sla serve`, beside a recognizer that is called in a loop, and what many clients are answered.

    python benchmarks/service.py RUN VIDEO [--clients 1,8,64] [--seconds 60] [--hostile] [--json]

`ratio` is frames per second of the service over those of `Recognizer.transcribe` in a loop in a process of its own,
with the same threads; both take turns, `--rounds` times, and the median of the ratios counts. Two clients send the
video and wait, so that the worker is never idle. `cpu_ratio` is the same with processor time, which other work on the
machine changes less. Then so many clients at once send the video for `--seconds`; one that is refused with 429 waits as
`Retry-After` says. `answers` counts statuses, `lost` requests without an answer or with another transcript than the
others, `memory_mib` is how much the service and its worker have grown. `--hostile` sends files that are no videos in
between. The clients are a process of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import httpx

HOSTILE = (b"", b"\0", b"\xff" * 50_000, b"#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/b.ts\n", b"PK\x03\x04" + bytes(5000))
WAIT = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--clients", default="1,8,64", help="numbers of clients, one run each")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--videos", type=int, default=4, help="transcripts in each round")
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    facts: dict[str, Any] = {}
    alone = ProcessPoolExecutor(1, get_context("spawn"), initializer=open_model, initargs=(options.run,))
    outside = ProcessPoolExecutor(1, get_context("spawn"))
    with alone, outside, served(options.run) as (address, pid):
        ratios, cpu = [], []
        for _ in range(options.rounds):
            loop, used = alone.submit(in_a_loop, options.video, options.videos).result()
            before = cpu_seconds(pid)
            ratios.append(loop / outside.submit(sent, address, options.video, options.videos).result())
            cpu.append(used / (cpu_seconds(pid) - before))
        facts = {"ratio": median(ratios), "lowest": min(ratios), "highest": max(ratios), "cpu_ratio": median(cpu)}
        for clients in map(int, options.clients.split(",")):
            before = resident(pid)
            found = outside.submit(load, address, options.video, clients, options.seconds, options.hostile).result()
            facts[f"{clients} clients"] = found | {"memory_mib": (resident(pid) - before) / 2**20}
    print(json.dumps(facts) if options.json else "\n".join(f"{name:12} {value}" for name, value in facts.items()))


@contextmanager
def served(run: Path) -> Iterator[tuple[str, int]]:
    """Address and process number of a service without live streams, with its model loaded."""
    command = [sys.executable, "-m", "sla_cli", "serve", str(run), "--port", "0", "--streams", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            while True:
                try:
                    with urlopen(f"{address}health"):
                        break
                except OSError:
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


def load(address: str, video: Path, clients: int, seconds: float, hostile: bool) -> dict[str, Any]:
    """What so many clients at once are answered."""
    data, answers, waited, faults = video.read_bytes(), Counter[int](), list[float](), list[str]()
    expected: set[str] = set()

    async def client(http: httpx.AsyncClient, number: int, end: float) -> None:
        while time.monotonic() < end:
            body = HOSTILE[sum(answers.values()) % len(HOSTILE)] if hostile and number % 2 else data
            begin = time.monotonic()
            try:
                answer = await http.post(f"{address}v1/transcripts?wait={WAIT}", content=body)
            except httpx.HTTPError as error:
                faults.append(type(error).__name__)
                continue
            answers[answer.status_code] += 1
            if answer.status_code == 429:
                await asyncio.sleep(float(answer.headers["retry-after"]))
            elif answer.status_code == 200:
                waited.append(time.monotonic() - begin)
                expected.add(" ".join(sign["gloss"] for sign in answer.json()["result"]["signs"]))
            elif answer.status_code != 422:
                faults.append(answer.text)

    async def all_of_them() -> None:
        limits = httpx.Limits(max_connections=clients)
        async with httpx.AsyncClient(timeout=2 * WAIT, limits=limits) as http:
            end = time.monotonic() + seconds
            await asyncio.gather(*(client(http, number, end) for number in range(clients)))

    asyncio.run(all_of_them())
    return {
        "answers": dict(sorted(answers.items())),
        "lost": len(faults) + max(0, len(expected) - 1),
        "median_seconds": median(waited) if waited else None,
    }


def family(pid: int) -> set[int]:
    """A process and its children."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return {pid, *(int(one) for each in threads for one in (each / "children").read_text().split())}


def resident(pid: int) -> int:
    """Bytes of a process and its children."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Of the processor, for a process and its children."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid)]
    return sum(int(user) + int(system) for *_, user, system in (one[:13] for one in fields)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
