"""The WebSocket of a live stream."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from sla_cli.artifact.json_file import decode_json
from sla_cli.errors import FormatError
from sla_cli.serve.api import FULL
from sla_cli.serve.door import PROTOCOL, fault
from sla_cli.serve.jobs import FullError
from sla_cli.serve.limits import Limits
from sla_cli.serve.metrics import Metrics
from sla_cli.serve.streams import LEFT, Stream, Streams

AGAIN_LATER, NEVER = 1013, 1008  # close codes
NONE = "live streams are not offered"


class Eof(msgspec.Struct):
    """The text that ends a stream, as Vosk's server has it."""

    eof: int


async def live(socket: WebSocket, streams: Streams, limits: Limits, metrics: Metrics) -> None:
    """Serve one client: frames come as binary messages, segments go as texts."""
    stream = Stream(asyncio.get_running_loop(), socket.send_text, limits.length)
    protocol = next((one for one in socket.scope["subprotocols"] if one.startswith(PROTOCOL)), None)
    if not streams.offered:
        await _refuse(socket, protocol, NEVER, fault(404, NONE), NONE)
        return
    try:
        streams.admit(stream)
    except FullError as full:
        answer = fault(429, FULL, {"retry-after": str(full.seconds)})
        await _refuse(socket, protocol, AGAIN_LATER, answer, FULL.partition(";")[0])
        return
    metrics.streams.inc()
    listening = None
    try:
        await socket.accept(protocol)
        listening = asyncio.create_task(_listen(socket, stream))
        closed = await asyncio.wrap_future(stream.closed)
        if socket.client_state is WebSocketState.CONNECTED and closed.code != LEFT:
            await socket.close(closed.code, closed.reason)
    finally:
        stream.leave()
        metrics.dropped.inc(stream.dropped)
        if listening is not None:
            listening.cancel()


async def _refuse(socket: WebSocket, protocol: str | None, code: int, answer: Response, reason: str) -> None:
    """Refuse a client; a browser shows its page no status of HTTP, but the close code and its reason."""
    if "origin" in socket.headers:
        await socket.accept(protocol)
        await socket.close(code, reason)
    else:
        await socket.send_denial_response(answer)


async def _listen(socket: WebSocket, stream: Stream) -> None:
    """Take messages until the client says the end or leaves."""
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            if (frame := message.get("bytes")) is not None:
                stream.offer(frame or b"\0")  # b"" is the end
            elif _is_end(message.get("text") or ""):
                stream.finish()
            else:
                stream.offer(b"\0")  # refused as any other message that is no frame
    except (WebSocketDisconnect, RuntimeError):
        pass
    stream.leave()


def _is_end(text: str) -> bool:
    try:
        return decode_json(text, Eof, "the end").eof == 1
    except FormatError:
        return False
