"""What the service answers, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from sla_cli.core.annotation import Sign
from sla_cli.core.quantities import Amount, Count

State = Literal["sent", "waiting", "running", "done", "failed"]


class Recognised(Struct, kw_only=True):
    """What was recognised, with the keys of `sla transcribe --json`.

    Attributes:
        duration: duration of the recording in seconds
        signs: signs in the order of time
        made: how the signs were recognised; docs/json.md, Recording, has its keys
    """

    duration: Amount
    signs: tuple[Sign, ...]
    made: Mapping[str, str]


class Job(Struct, kw_only=True):
    """A recording that was sent.

    Attributes:
        id: cannot be guessed; who knows it may fetch the result
        state: sent (its bytes are coming), waiting, running, done, or failed
        place: number of recordings before it; 0 if none
        frames: number of frames that are computed
        total: number of frames as the video's header states; null if it does not, or is not read yet
        error: why it failed, in one sentence; empty otherwise
        result: once it is done
    """

    id: str
    state: State
    place: Count
    frames: Count
    total: Count | None
    error: str
    result: Recognised | UnsetType = UNSET


class Fault(Struct, kw_only=True):
    """Why a request was refused.

    Attributes:
        error: one sentence
    """

    error: str


class Health(Struct, kw_only=True):
    """Whether the service can recognise.

    Attributes:
        status: ready if a worker has its model
        workers: number of workers for recordings that have their model
        waiting: number of recordings that are sent or wait
        live: number of live streams that can begin now
        contact: who runs the service, as `--contact` says; empty if it does not
    """

    status: Literal["ready", "starting"]
    workers: Count
    waiting: Count
    live: Count
    contact: str


class Dropped(Struct, kw_only=True):
    """A message of a live stream: frames came faster than they could be computed.

    Attributes:
        dropped: number of frames dropped since the stream began
    """

    dropped: Count
