"""A recording's file, passed on from wavstream as it comes: live, as a snapshot, or finished."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from types import TracebackType

import httpx
import trio
from quart import Response
from quart.wrappers.response import ResponseBody
from typing_extensions import override
from werkzeug.datastructures import Headers

from daemon.api.answers import Refusal
from daemon.streams import abandon
from daemon.wavstream_http import WavstreamError, WavstreamHttp
from storage.call_recordings import CallRecording
from wavstream.process import logs

BEGIN_SECONDS = 2.0
"""A recording whose start was just taken reaches wavstream within a beat or two."""
LOOK_SECONDS = 0.05
CLOSE_SECONDS = 1.0
"""For the connection to wavstream to be given up, whatever happened to the client."""
ASKED = ("Range", "If-Range", "If-None-Match", "If-Modified-Since")
ANSWERED = (
    "Content-Type",
    "Content-Length",
    "Content-Range",
    "Content-Disposition",
    "Accept-Ranges",
    "ETag",
    "Last-Modified",
    "Cache-Control",
)

log = logs.get(__name__)


class Files:
    """Fetches files from wavstream for those who may have them."""

    def __init__(self, wavstream: WavstreamHttp) -> None:
        self._wavstream = wavstream

    async def response(
        self, row: CallRecording, method: str, query: Mapping[str, str], headers: Headers
    ) -> Response:
        """The answer to a GET or HEAD of a recording's file. Raises Refusal: 400, 404, 503."""
        asked = {name: headers[name] for name in ASKED if name in headers}
        wanted = {name: query[name] for name in ("follow",) if name in query}
        async with AsyncExitStack() as stack:
            try:
                answer = await self._open(stack, row, method, wanted, asked)
            except WavstreamError as wrong:
                log.warning("file not to be had", recording=row.recording_id, error=str(wrong))
                raise Refusal(503, "wavstream does not answer", {"Retry-After": "5"}) from None
            if answer.status_code not in {200, 206, 304, 416}:
                raise _refusal(answer.status_code)
            given = {name: answer.headers[name] for name in ANSWERED if name in answer.headers}
            if method == "HEAD" or answer.status_code in {304, 416}:
                return _made(b"", answer.status_code, given)
            return _made(_Passed(stack.pop_all(), answer), answer.status_code, given)

    async def _open(
        self,
        stack: AsyncExitStack,
        row: CallRecording,
        method: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> httpx.Response:
        """The answer, its body unread; wavstream gets a moment to hear of a recording that just began."""
        patience = trio.current_time() + (BEGIN_SECONDS if row.state == "recording" else 0)
        while True:
            opened = self._wavstream.file(method, row.recording_id, query=query, headers=headers)
            answer = await stack.enter_async_context(opened)
            if answer.status_code != httpx.codes.NOT_FOUND or trio.current_time() >= patience:
                return answer
            await stack.aclose()
            await trio.sleep(LOOK_SECONDS)


class _Passed(ResponseBody):
    """The body as it comes. Where wavstream breaks off, so does this: the client can tell, and ask again."""

    def __init__(self, stack: AsyncExitStack, answer: httpx.Response) -> None:
        self._stack = stack
        self._answer = answer

    @override
    async def __aenter__(self) -> AsyncIterator[bytes]:
        self._pieces = self._answer.aiter_raw()
        return self._pieces

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Also where the client went away between two pieces."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_SECONDS):
            await abandon(self._pieces)
            await self._stack.aclose()


def _made(body: bytes | _Passed, status: int, headers: Mapping[str, str]) -> Response:
    response = Response(body, status)
    for own in ("Content-Type", "Content-Length"):
        response.headers.pop(own, None)  # Quart's, of the body that it was given
    response.headers.update(headers)
    response.timeout = None  # Quart would cut a long call off after a minute
    return response


def _refusal(status: int) -> Refusal:
    if status == httpx.codes.NOT_FOUND:
        return Refusal(404, "the recording is not there: nothing was kept yet, or it has expired")
    if status == httpx.codes.BAD_REQUEST:
        return Refusal(400, "follow takes true or false")
    log.error("wavstream refuses a file", status=status)
    return Refusal(503, f"wavstream answered {status}")
