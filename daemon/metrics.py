"""What a running daemon counts, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Metrics:
    """One set of counters a program: the registry is its own, so that several can live in one process."""

    def __init__(self, *, sessions: Callable[[], float]) -> None:
        self._registry = CollectorRegistry()
        live = Gauge("wavstream_daemon_sessions_live", "Calls that are live.", registry=self._registry)
        live.set_function(sessions)
        self.requests = Counter(
            "wavstream_daemon_requests_total",
            "HTTP requests answered, by status.",
            ["status"],
            registry=self._registry,
        )

    def text(self) -> bytes:
        """The present values in Prometheus's text format."""
        return generate_latest(self._registry)
