"""What many clients of `sla serve` are answered, by locust (pip install locust), while workers are killed.

    python benchmarks/service_load.py RUN VIDEO ... [--clients 1,8,64] [--minutes 10] [--kill 60] [--json]

For each number of clients: what was answered, how often, and `faults`, which are requests without an answer, with
another status than benchmarks/service_users.py expects, or with other glosses than those of `sla transcribe`. One
client only sends videos, and no worker is killed; more clients are joined by hostile, leaving and slow ones, and
every `--kill` seconds a worker is. `mib_after_a_minute`, `mib_at_the_end`: memory of the service without its workers.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from service import family, resident_of, served

HERE = Path(__file__).parent
USERS = HERE / "service_users.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--clients", default="1,8,64", help="numbers of clients, one run each")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kill", type=float, default=60, help="seconds between two kills of a worker")
    parser.add_argument("--locust", default="locust", help="the command")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    facts: dict[str, Any] = {}
    expected = json.dumps({str(video.resolve()): glosses(options.run, video) for video in options.videos})
    with served(options.run) as (address, pid):
        for number in map(int, options.clients.split(",")):
            facts[f"{number} clients"] = loaded(address, pid, number, expected, options)
    print(json.dumps(facts) if options.json else "\n".join(f"{name:12} {value}" for name, value in facts.items()))


def glosses(run: Path, video: Path) -> list[str]:
    command = [sys.executable, "-m", "sla_cli", "transcribe", str(video), "--run", str(run), "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [sign["gloss"] for sign in found["recordings"][0]["signs"]]


def loaded(address: str, pid: int, number: int, expected: str, options: argparse.Namespace) -> dict[str, Any]:
    """What so many clients are answered."""
    users = ["Sender"] if number == 1 else ["Sender", "Hostile", "Ordered", "Leaving", "Trickling"]
    environment = os.environ | {
        "SLA_LOAD": expected,
        "SLA_LOAD_SEED": str(number * 1_000_000),
        "PYTHONPATH": f"{HERE}:{HERE.parent / 'tests'}",
    }
    sizes: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(options.locust, "-f", str(USERS), *users, "--headless", "--host", address.rstrip("/")),
            *("-u", str(number), "-r", "32", "-t", f"{options.minutes * 60:.0f}s", "--stop-timeout", "120"),
            *("--json-file", f"{folder}/found", "--loglevel", "WARNING"),
        ]
        over = threading.Event()
        watch = threading.Thread(target=watched, args=(pid, sizes, over, 0 if number == 1 else options.kill))
        watch.start()
        ended = subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL)
        over.set()
        watch.join()
        if ended.returncode > 1:  # 1: there were faults
            sys.exit(f"locust ended with {ended.returncode}")
        found = json.loads(next(Path(folder).iterdir()).read_text())
    return {
        "answers": {one["name"]: one["num_requests"] for one in found},
        "faults": {one["name"]: one["num_failures"] for one in found if one["num_failures"]},
        "median_ms": {one["name"]: median_of(one) for one in found if one["name"] in ("video", "hostile", "429")},
        "mib_after_a_minute": sizes[min(12, len(sizes) - 1)] / 2**20,
        "mib_at_the_end": sizes[-1] / 2**20,
    }


def median_of(one: dict[str, Any]) -> float:
    times = sorted((float(milliseconds), count) for milliseconds, count in one["response_times"].items())
    left = one["num_requests"] / 2
    for milliseconds, count in times:
        left -= count
        if left <= 0:
            return milliseconds
    return 0.0


def watched(pid: int, sizes: list[int], over: threading.Event, kill: float) -> None:
    """Note the memory of the service every five seconds, and kill a worker now and then."""
    next_kill = time.monotonic() + kill
    while not over.wait(5):
        sizes.append(resident_of(pid))
        if kill and time.monotonic() > next_kill:
            next_kill += kill
            for worker in workers(pid)[:1]:
                os.kill(worker, signal.SIGKILL)


def workers(pid: int) -> list[int]:
    return [one for one in family(pid) - {pid} if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


if __name__ == "__main__":
    main()
