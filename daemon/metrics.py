"""What a running daemon counts, for Prometheus."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the catalogue says at the moment of asking; NaN where it does not answer."""

    recordings: Mapping[str, float] = field(
        default_factory=lambda: {"recording": math.nan, "finishing": math.nan}
    )
    """How many there are of this node, by state."""
    pending: float = math.nan
    """Webhooks that have yet to leave."""
    oldest_seconds: float = math.nan
    """How long the oldest of them has waited; 0 where there is none."""


class Metrics:
    """One set of counters a program: the registry is its own, so that several can live in one process."""

    def __init__(self, *, sessions: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        live = Gauge("wavstream_daemon_sessions_live", "Calls that are live.", registry=self._registry)
        live.set_function(sessions)
        self._recordings = Gauge(
            "wavstream_daemon_recordings_live",
            "Recordings that run, and those that were stopped and have no end yet.",
            ["state"],
            registry=self._registry,
        )
        self._pending = Gauge(
            "wavstream_daemon_webhooks_pending", "Webhooks that have yet to leave.", registry=self._registry
        )
        self._oldest = Gauge(
            "wavstream_daemon_webhooks_oldest_pending_seconds",
            "How long the oldest of them has waited.",
            registry=self._registry,
        )
        self.requests = self._counter("requests", "HTTP requests answered, by status.", "status")
        self.refused = self._counter("requests_refused", "Requests refused, by the limit they hit.", "limit")
        self.commands = self._counter(
            "commands", "Commands taken, without repeats, by what came of them.", "command", "outcome"
        )
        self.webhooks = self._counter(
            "webhooks", "Attempts to deliver webhooks, by how they ended.", "outcome"
        )
        self.recordings_ended = self._counter(
            "recordings_ended", "Recordings that ended, by how and why.", "state", "reason"
        )
        self.audio_lost = self._counter(
            "audio_lost_seconds", "Recorded audio that silence replaced, as wavstream was away for too long."
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"wavstream_daemon_{name}_total", words, labels, registry=self._registry)

    def text(self, kept: Kept) -> bytes:
        """The present values in Prometheus's text format."""
        for state, count in kept.recordings.items():
            self._recordings.labels(state).set(count)
        self._pending.set(kept.pending)
        self._oldest.set(kept.oldest_seconds)
        return generate_latest(self._registry)
