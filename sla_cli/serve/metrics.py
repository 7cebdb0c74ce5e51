"""Figures for Prometheus. None has an id, an address or a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.responses import Response

SECONDS = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800)


@dataclass(frozen=True)
class Metrics:
    """All figures of one service."""

    registry: CollectorRegistry
    requests: Counter
    jobs: Counter
    seconds: Histogram
    streams: Counter
    dropped: Counter

    def count_job(self, state: str, seconds: float) -> None:
        """A recording has ended."""
        self.jobs.labels(state).inc()
        self.seconds.observe(seconds)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a value as it is when it is asked for."""
        Gauge(f"sla_{name}", text, registry=self.registry).set_function(value)

    def answer(self) -> Response:
        """All of them, as text."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def new_metrics() -> Metrics:
    """Figures that are all 0."""
    registry = CollectorRegistry()
    return Metrics(
        registry,
        Counter("sla_requests", "Answers, by status", ["status"], registry=registry),
        Counter("sla_transcripts", "Recordings that ended, by state", ["state"], registry=registry),
        Histogram("sla_transcript_seconds", "Seconds that a worker took", registry=registry, buckets=SECONDS),
        Counter("sla_live_streams", "Live streams that began", registry=registry),
        Counter("sla_live_frames_dropped", "Frames of live streams that were dropped", registry=registry),
    )
