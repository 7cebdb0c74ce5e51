"""How late a sign is final for clients of the live socket of `sla serve`, in real time.

    sla demo --keep DEMO
    python benchmarks/live_socket.py DEMO/work/runs/adapter-1 [--clients 1] [--sentences 12] [--json]

Each client sends the recordings of benchmarks/live.py as JPEGs, each frame when a camera would give it. `delay` is the
time from the end of a drawn sign to the arrival of the message that says that it is final, over signs that are right:
median and 95th percentile in seconds. `dropped` is the share of frames that the service did not compute, in percent.
The clients take time of the same machine.
"""

from __future__ import annotations

import argparse
import json
import struct
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import cv2
import numpy as np
from live import SHOWN, Played, delays_of
from recordings import CONDITIONS, Recording, draw
from service import served
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sla_cli.core.annotation import Sign
from sla_cli.demo.movie import FPS

SIGN = ("tokens", "timestamps", "ends", "confidences")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--clients", type=int, default=1, help="live streams at once")
    parser.add_argument("--sentences", type=int, default=12, help="for each client")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.signer, options.seed = None, 0
    clients = ProcessPoolExecutor(options.clients, get_context("spawn"))
    with TemporaryDirectory() as folder, served(options.run, options.clients) as (address, _), clients:
        shares = [
            list(draw(Path(folder) / str(number), CONDITIONS[SHOWN[0]], options, [number]))
            for number in range(options.clients)
        ]
        found = list(clients.map(one_client, [address] * options.clients, shares))
    delays = [delay for one in found for delay in one["delays"]]
    facts = {
        "signs": len(delays),
        "delay": float(np.median(delays)),
        "late": float(np.percentile(delays, 95)),
        "dropped": 100 * sum(one["dropped"] for one in found) / sum(one["frames"] for one in found),
    }
    print(json.dumps(facts) if options.json else "\n".join(f"{name:8} {value:.2f}" for name, value in facts.items()))


def one_client(address: str, recordings: list[Recording]) -> dict[str, Any]:
    """Send one recording after the other."""
    delays, dropped, frames = list[float](), 0, 0
    for recording in recordings:
        names = sorted(recording.folder.iterdir())
        with connect(f"{address.replace('http', 'ws')}v1/live") as socket:
            begin = time.monotonic() + 0.1
            sender = Thread(target=send, args=(socket, begin, names))
            sender.start()
            final, fixed, lost = list[tuple[Sign, float, float]](), Counter[int](), 0
            for message in received(socket):
                now = time.monotonic() - begin
                lost = message.get("dropped", lost)
                for number in range(fixed[message.get("segment", 0)], message.get("fixed", 0)):
                    final.append((Sign(*(message[key][number] for key in SIGN)), now, now))
                    fixed[message["segment"]] += 1
            sender.join()
        dropped += lost
        delays += [delay for _, delay in delays_of(recording, Played(final, 0, 0, 0.0))]
        frames += len(names)
    return {"delays": delays, "dropped": dropped, "frames": frames}


def send(socket: ClientConnection, begin: float, names: list[Path]) -> None:
    for number, name in enumerate(names):
        jpeg = cv2.imencode(".jpg", cv2.imread(str(name)))[1].tobytes()
        time.sleep(max(0.0, begin + number / FPS - time.monotonic()))
        socket.send(struct.pack("<d", number / FPS) + jpeg)
    socket.send('{"eof": 1}')


def received(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    try:
        while True:
            yield json.loads(socket.recv())
    except ConnectionClosed:
        return


if __name__ == "__main__":
    main()
