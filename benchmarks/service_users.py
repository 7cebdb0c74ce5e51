"""Users of `sla serve`, for locust: what they are answered. benchmarks/service_load.py starts it.

Sender sends videos and compares the glosses with those of `sla transcribe`. Hostile sends what is no video, and videos
with changed bytes, each another one. Ordered sends four videos and sees whether a later one begins before an earlier
one. Leaving goes away while it sends or waits. Trickling sends a byte a second. Who is refused with 429 waits as
`Retry-After` says. A 422 after a worker was killed is counted as `killed`, since the load kills workers.
"""

from __future__ import annotations

import json
import os
import socket
import time
from itertools import count
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import gevent
from fuzzing.mutate import mutated
from hostile_videos import LISTS
from locust import HttpUser, User, constant, task
from locust.clients import ResponseContextManager

FACTS = json.loads(os.environ["SLA_LOAD"])  # video to glosses
VIDEOS = [(Path(name).read_bytes(), glosses) for name, glosses in FACTS.items()]
NO_VIDEO = (*(one.replace(b"{port}", b"9") for one in LISTS.values()), b"", b"\xff" * 9000, b"PK\x03\x04" + bytes(5000))
WAITING = "/v1/transcripts?wait=100"
numbers = count(int(os.environ["SLA_LOAD_SEED"]))


class Sender(HttpUser):
    wait_time = constant(0)

    @task
    def send(self) -> None:
        data, glosses = VIDEOS[next(numbers) % len(VIDEOS)]
        with self.client.post(WAITING, data=data, name="video", catch_response=True) as answer:
            if answer.status_code != 200:
                _refused(answer)
            elif (found := [sign["gloss"] for sign in answer.json()["result"]["signs"]]) != glosses:
                answer.failure(f"other glosses: {found}")


class Hostile(HttpUser):
    wait_time = constant(0)

    @task
    def send(self) -> None:
        random = Random(next(numbers))
        videos = [data for data, _ in VIDEOS]
        data = random.choice(NO_VIDEO) if random.random() < 0.3 else mutated(random, random.choice(videos), videos, ())
        with self.client.post(WAITING, data=data, name="hostile", catch_response=True) as answer:
            if answer.status_code == 422 and "unexpectedly" not in answer.text:
                answer.success()
            elif answer.status_code != 200:
                _refused(answer)


class Ordered(HttpUser):
    fixed_count = 1
    wait_time = constant(1)

    @task
    def send(self) -> None:
        sent = [self._accepted() for _ in range(4)]
        left = dict(enumerate(sent))
        while left:
            before = ""  # the state of the one that was sent after it, asked a moment ago
            for number in sorted(left, reverse=True):
                with self.client.get(sent[number], name="state", catch_response=True) as answer:
                    state = answer.json()["state"]
                    if state == "waiting" and before not in ("", "waiting"):
                        answer.failure("a later video began before an earlier one")
                before = state
                if state in ("done", "failed"):
                    del left[number]
            gevent.sleep(0.1)

    def _accepted(self) -> str:
        while True:
            with self.client.post("/v1/transcripts", data=VIDEOS[0][0], name="ordered", catch_response=True) as answer:
                if answer.status_code == 202:
                    answer.success()
                    return str(answer.headers["location"])
                _refused(answer)


class Leaving(User):
    fixed_count = 1
    wait_time = constant(1)

    @task
    def leave(self) -> None:
        data = VIDEOS[0][0]
        part = Random(next(numbers)).choice((0, len(data) // 2, len(data)))
        with _connected(self.host) as line:
            line.sendall(_head(self.host, len(data)) + data[:part])
            gevent.sleep(0.3)
        _count(self, "left")


class Trickling(User):
    fixed_count = 1
    wait_time = constant(1)

    @task
    def trickle(self) -> None:
        begin, answer, error = time.monotonic(), b"", None
        with _connected(self.host) as line:
            line.sendall(_head(self.host, 10**6))
            line.settimeout(1)
            while not answer and time.monotonic() - begin < 120:
                try:
                    line.sendall(b"\0")
                    answer = line.recv(1000) or b"closed"
                except TimeoutError:
                    continue
                except OSError:
                    answer = b"closed"
        if not answer.startswith((b"HTTP/1.1 408", b"HTTP/1.1 429", b"closed")):
            error = RuntimeError(answer[:90].decode(errors="replace") or "not ended after 120 s")
        _count(self, "trickled", error)


def _count(user: User, name: str, fault: Exception | None = None) -> None:
    """Count a request that locust's client did not make."""
    facts = {"response_time": 0, "response_length": 0, "exception": fault}
    user.environment.events.request.fire(request_type="TCP", name=name, **facts)


def _refused(answer: ResponseContextManager) -> None:
    if answer.status_code == 429:
        answer.request_meta["name"] = "429"
        answer.success()
        gevent.sleep(float(answer.headers["retry-after"]))
    elif answer.status_code == 422 and "unexpectedly" in answer.text:
        answer.request_meta["name"] = "killed"
        answer.success()
    else:
        answer.failure(f"{answer.status_code} {answer.text[:90]}")


def _connected(host: str) -> socket.socket:
    place = urlsplit(host)
    return socket.create_connection((place.hostname, place.port), timeout=10)


def _head(host: str, length: int) -> bytes:
    return f"POST {WAITING} HTTP/1.1\r\nHost: {urlsplit(host).netloc}\r\nContent-Length: {length}\r\n\r\n".encode()
