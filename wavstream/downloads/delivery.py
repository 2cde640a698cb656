"""A recording as a response: finished, as it stands now, or live."""

import secrets
from collections.abc import Mapping
from functools import partial

import trio
from quart import Response
from werkzeug.datastructures import Headers

from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream.downloads import ranges
from wavstream.downloads.answers import AS_IT_IS
from wavstream.downloads.bodies import FileBody, FollowBody
from wavstream.downloads.naming import disposition
from wavstream.downloads.source import Source
from wavstream.downloads.validators import CONDITIONS, Validators
from wavstream.live import LiveRecording

CONTENT_TYPE = "audio/wav"
_THREADS = 8
"""Reads at a time; each is short, and the disk has no more use for than a few."""
_NOT_KEPT = {"Cache-Control": "no-store"}  # the next answer is longer
_ASKED_FOR_EACH_TIME = {"Cache-Control": "private, no-cache, no-transform"}
"""A copy that is kept may be played again, but not without a question: it may have expired, or been erased.
Nor may anybody on the way keep one, or make another sound of it."""


class Delivery:
    """Makes the responses. `headers` are those of the request that bear on what is sent of it.

    `attachment` asks a browser to save the file, not to play it.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._threads = trio.CapacityLimiter(_THREADS)

    async def finished(
        self, row: Recording, method: str, headers: Headers, *, attachment: bool = False
    ) -> Response:
        """A finished file, or the ranges of it that are asked for. Raises FileNotFoundError, OSError."""
        validators = Validators(row.sha256 or "", row.stopped_at or 0)
        known = validators.headers | _ASKED_FOR_EACH_TIME
        match validators.verdict({name: headers[name] for name in CONDITIONS if name in headers}):
            case "failed":
                return _response(None, 412, {"Content-Length": "0"} | known)
            case "unchanged":
                return _response(None, 304, known)
        source = await trio.to_thread.run_sync(
            Source.whole, partial(self._store.open, row.path), limiter=self._threads
        )
        wanted = headers.get("Range") if validators.range_holds(headers.get("If-Range")) else None
        return self._send(source, method, wanted, known | _named(row, attachment=attachment))

    async def accelerated(
        self, row: Recording, method: str, prefix: str, *, attachment: bool = False
    ) -> Response:
        """A finished file that the server in front of us is to send, by its own validators and ranges.

        A HEAD says all of it also to who asks us ourselves. Raises FileNotFoundError, OSError.
        """
        size = await trio.to_thread.run_sync(self._store.size, row.path, limiter=self._threads)
        size = size if method == "HEAD" else 0  # of the body, which is not ours
        redirect = {"X-Accel-Redirect": f"{prefix}/{row.path}"}
        return _response(
            None, 200, _entity(size) | redirect | _ASKED_FOR_EACH_TIME | _named(row, attachment=attachment)
        )

    async def snapshot(self, recording: LiveRecording, method: str, headers: Headers) -> Response:
        """A running recording as it stands now, with a header that says just that. Raises OSError."""
        header, known = recording.header, recording.audio.whole(recording.written)
        file = None
        if known:
            file = await trio.to_thread.run_sync(self._store.open, recording.row.path, limiter=self._threads)
        source = Source(
            file,
            first=header.size,
            length=known,
            head=header.over(known),
            tail=bytes(known % 2),
        )
        # It has no validators, for the next one is longer; so a condition on them cannot hold.
        wanted = None if "If-Range" in headers else headers.get("Range")
        return self._send(source, method, wanted, _NOT_KEPT | _named(recording.row))

    def follow(self, recording: LiveRecording, method: str) -> Response:
        """A running recording from its first sample on, live."""
        body = None if method == "HEAD" else FollowBody(recording, self._store, self._threads)
        return _response(body, 200, {"Content-Type": CONTENT_TYPE} | _NOT_KEPT | _named(recording.row))

    def _send(self, source: Source, method: str, wanted: str | None, headers: dict[str, str]) -> Response:
        if method == "HEAD":  # Range is defined for GET alone (RFC 9110, section 14.2)
            source.close()
            return _response(None, 200, _entity(source.size) | headers)
        try:
            selected = ranges.select(
                wanted, source.size, content_type=CONTENT_TYPE, boundary=secrets.token_hex(12)
            )
        except ranges.RangeError as wrong:
            source.close()
            return _response(
                None,
                416,
                {"Content-Range": str(wrong), "Content-Length": "0", "Accept-Ranges": "bytes"} | headers,
            )
        partial_headers = {}
        if selected.content_range is not None:
            partial_headers["Content-Range"] = selected.content_range
        if selected.content_type is not None:
            partial_headers["Content-Type"] = selected.content_type
        return _response(
            FileBody(source, selected.parts, self._threads),
            206 if partial_headers else 200,
            _entity(selected.size) | partial_headers | headers,
        )


def _response(body: FileBody | FollowBody | None, status: int, headers: Mapping[str, str]) -> Response:
    response = Response(body or b"", status)
    for own in ("Content-Type", "Content-Length"):
        response.headers.pop(own, None)  # Quart's, of the body that it was given
    response.headers.update({**AS_IT_IS, **headers})
    response.timeout = None  # Quart would cut a long download off after a minute
    return response


def _entity(size: int) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPE, "Content-Length": str(size), "Accept-Ranges": "bytes"}


def _named(row: Recording, *, attachment: bool = False) -> dict[str, str]:
    return {"Content-Disposition": disposition(row, attachment=attachment)}
