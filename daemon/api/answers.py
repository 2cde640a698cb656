"""What the HTTP answers look like: JSON, and errors in words that a person can act on."""

from collections.abc import Mapping

from pydantic import BaseModel
from quart import Response

from daemon.api.shapes import Problem


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """A request ends with this answer instead. `limit` names the one that it went beyond, if that is why."""

    def __init__(
        self, status: int, words: str, headers: Mapping[str, str] | None = None, *, limit: str = ""
    ) -> None:
        super().__init__(words)
        self.status = status
        self.limit = limit
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        return said(Problem(error=str(self)), self.status, self.headers)


def said(body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON. What it says is one application's, and true for a moment: no cache may keep it."""
    response = Response(body.model_dump_json(), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response
