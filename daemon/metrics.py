"""What a running daemon counts, for Prometheus."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from daemon.legs.leg import SideName
from daemon.media.quality import Quality, Received


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


_OF_LEGS = {
    "packets": (
        "packets_received",
        "Packets of audio, or frames, that came to legs; of calls that are over.",
    ),
    "lost": ("packets_lost", "Packets that never came; of calls that are over."),
    "reordered": ("packets_reordered", "Packets that a later one had overtaken; of calls that are over."),
    "duplicates": ("packets_duplicate", "Packets that came twice; of calls that are over."),
}
_OF_SIDES = {
    "late_seconds": ("audio_late_seconds", "Audio that came when its place in a recording was closed."),
    "dropped_seconds": (
        "audio_dropped_seconds",
        "Audio that came and is not in its recording: late, or its place too far ahead, or taken.",
    ),
    "filled_seconds": (
        "audio_filled_seconds",
        "Silence in recordings in the place of what never came in time, of each leg.",
    ),
}


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
        self._of_legs = {field: self._counter(*counter) for field, counter in _OF_LEGS.items()}
        self._of_sides = {field: self._counter(*counter) for field, counter in _OF_SIDES.items()}
        self.alarms = self._counter(
            "no_audio_alarms", "Times that a recording had no sound on a leg for too long."
        )
        self._without_audio = self._counter(
            "recordings_without_audio", "Recordings that ended without a sound on any leg."
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"wavstream_daemon_{name}_total", words, labels, registry=self._registry)

    def count_leg(self, received: Received) -> None:
        """A leg's call is over: add what it received to the totals."""
        for field_name, counter in self._of_legs.items():
            counter.inc(getattr(received, field_name))

    def count_recording(self, sides: Mapping[SideName, Quality]) -> None:
        """A recording is over: add its quality to the totals."""
        for quality in sides.values():
            for field_name, counter in self._of_sides.items():
                counter.inc(getattr(quality, field_name))
        if not any(quality.audible for quality in sides.values()):
            self._without_audio.inc()

    def text(self, kept: Kept) -> bytes:
        """The present values in Prometheus's text format."""
        for state, count in kept.recordings.items():
            self._recordings.labels(state).set(count)
        self._pending.set(kept.pending)
        self._oldest.set(kept.oldest_seconds)
        return generate_latest(self._registry)
