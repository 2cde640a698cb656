"""Whether the daemon is alive, whether it is able to record, and what it counts."""

from quart import Response

from daemon.api.answers import Refusal, said
from daemon.api.document import operations
from daemon.api.routes import Route
from daemon.api.shapes import Status
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
        return said(Status())

    async def ready(self) -> Response:
        """Whether a call could be recorded now. Raises Refusal: 503."""
        if self._sessions.closing:
            raise Refusal(503, "the daemon is shutting down")
        obstacles = await self._readiness.obstacles()
        if obstacles:
            raise Refusal(503, "; ".join(obstacles))
        return said(Status())

    async def metrics(self) -> Response:
        """For Prometheus."""
        text = self._metrics.text(await self._counting.now())
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def routes(health: Health) -> list[Route]:
    """Each call."""
    return [
        Route("/health", "GET", health.health, operations.HEALTH),
        Route("/ready", "GET", health.ready, operations.READY),
        Route("/metrics", "GET", health.metrics, operations.METRICS),
    ]
