"""The daemon's HTTP application: which calls there are, and how each kind of failure is answered."""

from collections.abc import Awaitable, Callable, Iterable

from quart import Response, g, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException

from daemon.api.answers import Refusal
from daemon.api.bodies import MAX_BODY_BYTES
from daemon.api.document import openapi, reading
from daemon.api.routes import Route
from daemon.metrics import Metrics
from storage.catalog import CatalogError
from wavstream.process import logs

BODY_SECONDS = 10
"""For a request's body to come."""

OWN_WORDS = {
    404: "there is nothing at this path",
    405: "this path does not take this method",
    408: f"the body did not come within {BODY_SECONDS} s",
    413: f"the body is too large: {MAX_BODY_BYTES} bytes at most",
}
"""For an API, where the library's words are for pages."""

log = logs.get(__name__)


def build(routes: Iterable[Route], metrics: Metrics) -> QuartTrio:
    """The application, to be served."""
    app = QuartTrio(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["BODY_TIMEOUT"] = BODY_SECONDS
    app.url_map.merge_slashes = False

    def refused(refusal: Refusal) -> Response:
        if refusal.limit:
            metrics.refused.labels(refusal.limit).inc()
        return refusal.response()

    documented = tuple(routes)
    described = openapi.document(documented)
    for route in documented:
        _add(app, route.path, route.method, route.view)
    for path, view in reading.views(described).items():
        _add(app, path, "GET", view)
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(HTTPException, _in_words)
    app.register_error_handler(CatalogError, _without_catalogue)
    app.register_error_handler(Exception, _unexpected)

    async def finish(response: Response) -> Response:  # noqa: ASYNC124 - Quart runs others in a thread
        response.headers.update(g.get("limits", {}))
        if _body_unread():
            response.headers["Connection"] = "close"
        metrics.requests.labels(str(response.status_code)).inc()
        return response

    app.after_request(finish)
    return app


def _add(app: QuartTrio, path: str, method: str, view: Callable[..., Awaitable[Response]]) -> None:
    name = f"{method} {path}".replace(".", "")
    # OPTIONS is a wrong method here like any other: no page in a browser is meant to call this.
    app.add_url_rule(path, name, view, methods=[method], provide_automatic_options=False)


def _body_unread() -> bool:
    """Whether the answer comes before the body: then no request can follow it (RFC 9112 section 9.3)."""
    sent = (request.content_length or 0) > 0 or "Transfer-Encoding" in request.headers
    return sent and not g.get("body_read", False) and request.http_version.startswith("1")


def _in_words(wrong: HTTPException) -> Response:
    """What Quart refuses by itself: unknown paths, wrong methods, bodies that are too large or too slow."""
    words = OWN_WORDS.get(wrong.code or 500) or wrong.description or wrong.name
    kept = {name: value for name, value in wrong.get_headers() if name in {"Allow", "Retry-After"}}
    return Refusal(wrong.code or 500, words, kept).response()


def _without_catalogue(wrong: CatalogError) -> Response:
    log.error("the catalogue failed a request", path=request.path, error=str(wrong))
    return Refusal(503, "the catalogue does not answer", {"Retry-After": "5"}).response()


def _unexpected(wrong: Exception) -> Response:
    """Ours to mend: everything to the log, nothing to the client."""
    session = (request.view_args or {}).get("session_uuid")
    log.error("request failed", method=request.method, path=request.path, session=session, exc_info=wrong)
    return Refusal(500, "the daemon failed; its log says why").response()
