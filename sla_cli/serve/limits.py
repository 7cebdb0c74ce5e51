"""What the service accepts at most. A value that is not an option is a constant here."""

from __future__ import annotations

from dataclasses import dataclass

from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.system.host_memory import total_bytes
from sla_cli.system.own_resources import allow_open_files

MOST_WAIT = 300.0  # seconds that `?wait=` may ask for
MOST_KEPT = 1000  # results; the oldest are deleted
CONNECTIONS = 256  # requests and live streams at once
OPEN = 2 * CONNECTIONS  # connections at once, also those that wait for no answer
BACKLOG = 64  # connections that are accepted at once, before the first of them is counted
LATER = 10  # seconds after which a client may ask again, where nothing better is known
STALL = 20.0  # seconds without a byte of a body, or without a request on a new connection
GRACE, SLOWEST = 30.0, 10_000  # after so many seconds a body must have come with so many bytes a second
LINGER = 20.0  # seconds for which the rest of a body is read that nobody wants
TAKE = 60.0  # seconds in which a client must take an answer
LARGEST_FRAME = 8 + 4_000_000  # bytes of a live frame: its time, and a picture
WAITING_FRAMES = 24  # of a live stream, before frames are dropped
SILENT = 60.0  # seconds without a frame, after which a live stream ends
STUCK = 60.0  # seconds for one live frame
UNREAD = 15.0  # seconds in which a client must take a message
FILES, FILES_OF_PROCESS = 64, 8  # that the service itself has open, and for each worker
FEWEST = 16  # connections
MEMORY_SHARE = 0.8  # of the machine's, for all workers together


@dataclass(frozen=True)
class Limits:
    """Limits that are options of `sla serve`.

    Attributes:
        queue: recordings that are sent or wait.
        upload: bytes of a recording.
        length: seconds of a recording or a live stream.
        work: seconds of computing for a recording.
        memory: resident bytes of a worker process.
        keep: seconds for which a result can be fetched.
    """

    queue: int
    upload: int
    length: float
    work: float
    memory: int
    keep: float


def share_of_memory(processes: int) -> int:
    """Bytes for each of so many workers, if no limit is given."""
    return int(MEMORY_SHARE * total_bytes() / processes)


def share_of_files(processes: int, queue: int) -> int:
    """Connections that may be open at once, beside the files of so many workers and uploads.

    Raises:
        SlaError: almost none.
    """
    # Between two turns of the event loop asyncio accepts `BACKLOG`; a connection that is cut lives for a few turns.
    beside = FILES + FILES_OF_PROCESS * processes + min(queue, CONNECTIONS) + 4 * BACKLOG
    allowed = allow_open_files(beside + OPEN)
    most = allowed - beside
    hint = f"It needs {beside + OPEN:,}: raise the hard limit (`ulimit -Hn`, or LimitNOFILE of systemd)."
    if most < FEWEST:
        raise SlaError(f"this process may open only {allowed:,} files at once", hint)
    if most < OPEN:
        log.warning("only %d connections at once: this process may open only %d files. %s", most, allowed, hint)
    return most
