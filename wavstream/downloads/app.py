"""The HTTP application: recordings by their URL for everybody, all else for those who know the token."""

import re
import time

import trio
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from storage import recordings as rows
from storage.catalog import CatalogError
from storage.recordings import Recording
from wavstream.downloads.answers import gone, refused, said
from wavstream.downloads.delivery import Delivery
from wavstream.downloads.holds import Holds
from wavstream.downloads.operator import Operator
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.access import Access
from wavstream.recordings import Recordings
from wavstream.retention import is_expired
from wavstream.urls import Urls

READY_SECONDS = 2.0
"""For the catalogue to answer whether it is there."""
_TOKEN = re.compile(r"[0-9a-f]{32}")

log = logs.get(__name__)


class Downloads:
    """What everybody may ask for."""

    def __init__(
        self,
        recordings: Recordings,
        delivery: Delivery,
        metrics: Metrics,
        *,
        accel_prefix: str | None,
        stopping: trio.Event,
    ) -> None:
        self._recordings = recordings
        self._delivery = delivery
        self._metrics = metrics
        self._accel_prefix = accel_prefix
        self._stopping = stopping

    async def recording(self, token: str) -> Response:
        """A finished recording by its capability, until it expires. All that is not one is not there.

        With `?download` a browser saves it.
        """
        if not _TOKEN.fullmatch(token):
            return gone()
        row = await self._recordings.catalog.run(lambda tx: rows.by_token(tx, token))
        if row is None or row.state != "completed" or is_expired(row, time.time()):
            return gone()
        try:
            return await self._file(row)
        except FileNotFoundError:
            log.warning("the file is missing", recording=row.recording_id)
            return gone()

    async def _file(self, row: Recording) -> Response:
        attachment = "download" in request.args
        if self._accel_prefix is not None:
            return await self._delivery.accelerated(
                row, request.method, self._accel_prefix, attachment=attachment
            )
        return await self._delivery.finished(row, request.method, request.headers, attachment=attachment)

    async def health(self) -> Response:
        """The program is alive."""
        return said({"status": "ok"})

    async def ready(self) -> Response:
        """Whether a recording could begin now."""
        if self._stopping.is_set():
            return refused(503, "the server stops")
        with trio.move_on_after(READY_SECONDS):
            await self._recordings.get("")  # any question will do
            obstacle = self._recordings.obstacle
            return refused(503, obstacle) if obstacle else said({"status": "ok"})
        return refused(503, "the catalogue does not answer")

    async def metrics(self) -> Response:
        """For Prometheus."""
        return Response(self._metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


def build(
    recordings: Recordings,
    *,
    urls: Urls,
    access: Access,
    metrics: Metrics,
    accel_prefix: str | None,
    stopping: trio.Event,
) -> QuartTrio:
    """The application, to be served. `accel_prefix` is where nginx finds the files; None: we send them."""
    delivery = Delivery(recordings.store)
    downloads = Downloads(recordings, delivery, metrics, accel_prefix=accel_prefix, stopping=stopping)
    operator = Operator(recordings, delivery, urls, access)
    holds = Holds(recordings, urls)
    app = QuartTrio(__name__)
    app.url_map.merge_slashes = False  # a URL with one more slash is another one, not a redirect
    app.before_request(operator.guard)
    for path, method, view in (
        ("/recordings/<token>.wav", "GET", downloads.recording),
        ("/health", "GET", downloads.health),
        ("/ready", "GET", downloads.ready),
        ("/metrics", "GET", downloads.metrics),
        ("/v1/recordings", "GET", operator.listing),
        ("/v1/recordings/<recording_id>", "GET", operator.show),
        ("/v1/recordings/<recording_id>", "DELETE", operator.erase),
        ("/v1/recordings/<recording_id>/file.wav", "GET", operator.file),
        ("/v1/recordings/<recording_id>/hold", "POST", holds.put),
        ("/v1/recordings/<recording_id>/hold", "DELETE", holds.take_off),
    ):
        app.add_url_rule(path, f"{method} {path}".replace(".", ""), view, methods=[method])
    app.register_error_handler(CatalogError, _without_catalogue)
    app.register_error_handler(HTTPException, _in_words)
    return app


def _without_catalogue(wrong: CatalogError) -> Response:
    rule = request.url_rule.rule if request.url_rule else ""  # the path itself may be a capability
    log.warning("the catalogue failed a request", path=rule, error=str(wrong))
    return refused(503, "the catalogue does not answer")


def _in_words(wrong: HTTPException) -> Response:
    if wrong.code == 404 and not request.path.startswith("/v1/"):
        return gone()
    response = refused(wrong.code or 500, wrong.description or wrong.name)
    response.headers.extend({k: v for k, v in wrong.get_headers() if k == "Allow"})
    return response
