"""The plain answers: JSON, an error in words, and the 404 that says nothing."""

import json

from quart import Response


def said(body: object, status: int = 200) -> Response:
    """JSON."""
    return Response(json.dumps(body), status, content_type="application/json")


def refused(status: int, words: str) -> Response:
    """An error, in words that a person can act on."""
    return said({"success": False, "error": words}, status)


def gone() -> Response:
    """404 with an empty body: expired, unknown and never been look the same."""
    response = Response(b"", 404)
    del response.headers["Content-Type"]
    return response
