"""Whether the daemon is alive, whether it is able to record, and what it counts."""

from collections.abc import Awaitable, Callable

from quart import Response

from daemon.api.answers import Refusal, said
from daemon.calls.sessions import Sessions
from daemon.counting import Counting
from daemon.metrics import Metrics
from daemon.readiness import Readiness


class Health:
    """What a supervisor asks."""

    def __init__(
        self, *, sessions: Sessions, readiness: Readiness, metrics: Metrics, counting: Counting
    ) -> None:
        self._sessions = sessions
        self._readiness = readiness
        self._metrics = metrics
        self._counting = counting

    async def health(self) -> Response:
        """The program is alive."""
        return said({"status": "ok"})

    async def ready(self) -> Response:
        """Whether a call could be recorded now. Raises Refusal: 503."""
        if self._sessions.closing:
            raise Refusal(503, "the daemon is shutting down")
        obstacles = await self._readiness.obstacles()
        if obstacles:
            raise Refusal(503, "; ".join(obstacles))
        return said({"status": "ok"})

    async def metrics(self) -> Response:
        """For Prometheus."""
        text = self._metrics.text(await self._counting.now())
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def routes(health: Health) -> list[tuple[str, str, Callable[..., Awaitable[Response]]]]:
    """(path, method, view) of each call."""
    return [
        ("/health", "GET", health.health),
        ("/ready", "GET", health.ready),
        ("/metrics", "GET", health.metrics),
    ]
