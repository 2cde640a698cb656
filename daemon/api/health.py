"""Whether the daemon is alive, whether it is able to record, and what it counts."""

import trio
from quart import Response

from daemon.api import operations
from daemon.api.answers import Refusal, said
from daemon.api.routes import Route
from daemon.api.shapes import Status
from daemon.calls.sessions import Sessions
from daemon.metrics import Metrics
from daemon.wavstream_http import WavstreamHttp
from storage.catalog import Catalog

READY_SECONDS = 3.0
"""For the catalogue and wavstream to answer."""


class Health:
    """What a supervisor asks."""

    def __init__(
        self, *, catalog: Catalog, sessions: Sessions, wavstream: WavstreamHttp, metrics: Metrics
    ) -> None:
        self._catalog = catalog
        self._sessions = sessions
        self._wavstream = wavstream
        self._metrics = metrics

    async def health(self) -> Response:
        """The program is alive."""
        return said(Status())

    async def ready(self) -> Response:
        """Whether a call could be recorded now. Raises Refusal: 503."""
        if self._sessions.closing:
            raise Refusal(503, "the daemon is shutting down")
        if not self._sessions.recorder.can_record:
            raise Refusal(503, "WAVSTREAM_URL is not set")
        with trio.move_on_after(READY_SECONDS):
            await self._catalog.run(lambda _tx: None)
            if await self._wavstream.reachable():
                return said(Status())
            raise Refusal(503, "wavstream does not answer")
        raise Refusal(503, "the catalogue or wavstream does not answer")

    async def metrics(self) -> Response:
        """For Prometheus."""
        return Response(self._metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def routes(health: Health) -> list[Route]:
    """Each call."""
    return [
        Route("/health", "GET", health.health, operations.HEALTH),
        Route("/ready", "GET", health.ready, operations.READY),
        Route("/metrics", "GET", health.metrics, operations.METRICS),
    ]
