"""The plain answers: JSON, an error in words, and the 404 that says nothing."""

import json

from quart import Response

AS_IT_IS = {"X-Content-Type-Options": "nosniff"}
"""No browser is to guess that something is not what we say it is."""


def said(body: object, status: int = 200) -> Response:
    """JSON."""
    return Response(json.dumps(body), status, AS_IT_IS, content_type="application/json")


def refused(status: int, words: str) -> Response:
    """An error, in words that a person can act on."""
    return said({"success": False, "error": words}, status)


def nothing() -> Response:
    """204: done, and there is nothing to say (RFC 9110 section 15.3.5)."""
    response = Response(b"", 204, AS_IT_IS)
    for name in ("Content-Type", "Content-Length"):
        response.headers.pop(name, None)
    return response


def gone() -> Response:
    """404 with an empty body: expired, unknown and never been look the same."""
    response = Response(b"", 404, AS_IT_IS | {"Cache-Control": "no-store"})
    del response.headers["Content-Type"]
    return response
