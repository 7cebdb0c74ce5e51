"""Starts the service: its state, its workers, its server; and ends them."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from sla_cli.errors import SlaError, cannot_read
from sla_cli.serve.door import Door
from sla_cli.serve.jobs import Jobs
from sla_cli.serve.limits import BACKLOG, LARGEST_FRAME, Limits, share_of_files
from sla_cli.serve.metrics import Metrics, new_metrics
from sla_cli.serve.patience import Impatient
from sla_cli.serve.place import state_folder
from sla_cli.serve.service import Service
from sla_cli.serve.streams import Streams
from sla_cli.serve.workers import Workers, threads_for
from sla_cli.system.regular_file import read_regular
from sla_cli.system.workers import ENDING, stop_once, usable_cores
from sla_cli.web.headers import local_hosts
from sla_cli.web.listen import listening, run, server

WEBSOCKET: Mapping[str, Any] = {"ws_max_size": LARGEST_FRAME, "ws_per_message_deflate": False}
SHORTEST = 16  # characters of a token
LARGEST = 8192  # bytes of its file; more than a header holds


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        host: the address on which the service listens.
        token: what requests must hold, "" for none.
        proxied: whether something in front of the service checks who asks.
        contact: who runs it, for the page; "" if that is not said.
    """

    host: str
    port: int
    token: str
    proxied: bool
    contact: str = ""


def read_token(path: Path) -> str:
    """The token in a file. Raises SlaError if there is none that protects anything."""
    try:
        token = read_regular(path, LARGEST).decode("ascii").strip()
    except OSError as error:
        raise cannot_read(f"the token in {path}", error) from error
    except UnicodeDecodeError:
        token = ""
    if len(token) < SHORTEST or not token.isprintable() or " " in token:
        hint = "`openssl rand -hex 32 > FILE` makes one."
        raise SlaError(f"{path} holds no token: one line of at least {SHORTEST} ASCII characters without spaces", hint)
    return token


def serve(
    opening: Mapping[str, Any],
    workers: int,
    streams: int,
    limits: Limits,
    state: Path | None,
    access: Access,
    tell: Callable[[str], object],
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        opening: arguments of `Recognizer.open`.
        workers: processes for recordings.
        streams: processes for live streams.
        state: folder of jobs, which a later service goes on with; None is a temporary one.
        tell: called with the address when requests are accepted.

    Raises:
        SlaError: the address, the state folder or the model cannot be used; or others could ask without a token.
    """
    if not (access.token or access.proxied or _is_loopback(access.host)):
        raise SlaError(
            f"on {access.host} everybody who reaches this machine could ask",
            "Give --token-file; or --no-token if a reverse proxy in front of it checks who asks.",
        )
    threads_for(workers, usable_cores())
    with (
        listening(access.host, access.port, "Name another --host or --port.") as opened,
        state_folder(state) as folder,
    ):
        _run(opening, workers, streams, limits, folder, access, opened, tell)


def _run(
    opening: Mapping[str, Any],
    workers: int,
    streams: int,
    limits: Limits,
    folder: Path,
    access: Access,
    opened: socket.socket,
    tell: Callable[[str], object],
) -> None:
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as with nohup
            signal.signal(number, stop_once if number in HANDLED_SIGNALS else _as_sigterm)
    metrics = new_metrics()
    jobs = Jobs(folder / "jobs", limits, workers, metrics.count_job)
    web: uvicorn.Server | None = None

    def end() -> None:
        if web is not None:
            web.should_exit = True

    uploads = Workers(workers, jobs.take, opening, limits.memory, end)
    lives = Streams(streams, lambda: live.ready)
    live = Workers(streams, lives.take, opening, limits.memory, end)
    _watch(metrics, jobs, lives, (uploads, live))
    application = Service(jobs, lives, uploads, metrics, access.contact).application()
    port = opened.getsockname()[1]
    here = f"{access.host if ':' not in access.host else f'[{access.host}]'}:{port}"
    hosts = () if access.token or access.proxied else (here, *local_hosts(port))
    door = Door(application, access.token, hosts, lambda status: metrics.requests.labels(str(status)).inc())
    http = partial(Impatient, most=share_of_files(workers + streams, limits.queue))
    web = server(door, http=http, backlog=BACKLOG, **WEBSOCKET)
    uploads.start()
    live.start()
    tell(f"http://{here}/")
    try:
        run(web, opened)
    finally:
        jobs.closing = True
        for each in (uploads, live):
            each.stop()
    if fault := uploads.fault or live.fault:
        raise fault


def _watch(metrics: Metrics, jobs: Jobs, lives: Streams, workers: tuple[Workers, Workers]) -> None:
    metrics.watch("transcripts_waiting", "Recordings that are sent or wait", lambda: jobs.taken)
    metrics.watch("transcripts_running", "Recordings that workers are at", lambda: jobs.running)
    metrics.watch("live_streams_running", "Live streams that run", lambda: lives.running)
    metrics.watch("workers_ready", "Worker processes that have their model", lambda: sum(one.ready for one in workers))
    metrics.watch("workers_restarted", "Worker processes started again", lambda: sum(one.restarts for one in workers))


def _as_sigterm(number: int, frame: FrameType | None) -> None:
    """End as uvicorn ends: an exception from a handler could be lost in its event loop."""
    signal.raise_signal(signal.SIGTERM)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
