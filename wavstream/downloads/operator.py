"""The HTTP for operators and the daemon: what recordings there are, and their files while they run."""

import time
from typing import Any

import trio
from quart import Response, request

from storage import recordings as rows
from storage.recordings import Recording
from wavstream import sidefile
from wavstream.downloads.answers import nothing, refused, said
from wavstream.downloads.delivery import Delivery
from wavstream.downloads.listing import Query, QueryError, cursor, query, view
from wavstream.process import logs
from wavstream.process.access import Access
from wavstream.recordings import Recordings
from wavstream.retention import is_expired
from wavstream.urls import Urls

_HELD = "the recording is on legal hold, which has to be taken off first"

log = logs.get(__name__)


class Operator:
    """What those may ask for who know the token."""

    def __init__(self, recordings: Recordings, delivery: Delivery, urls: Urls, access: Access) -> None:
        self._recordings = recordings
        self._delivery = delivery
        self._urls = urls
        self._access = access

    async def guard(self) -> Response | None:
        """Before each request: the refusal, if it is to be refused."""
        if not request.path.startswith("/v1/"):
            return None
        client = request.scope.get("client") or ("", 0)  # not a header, which anybody can set
        if self._access.permits(
            peer=client[0],
            authorization=request.headers.get("Authorization"),
            token=request.args.get("token"),
        ):
            return None
        log.warning("request refused", peer=client[0], path=request.path)
        response = refused(401, self._access.refusal)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    async def listing(self) -> Response:
        """A page of recordings, newest first. One more is looked for, to know whether there are more."""
        try:
            asked = query(request.args)
        except QueryError as wrong:
            return refused(400, str(wrong))
        found = await self._page(asked)
        shown, more = found[: asked.limit], len(found) > asked.limit
        return said(
            {"recordings": [self._view(row) for row in shown], "next": cursor(shown[-1]) if more else None}
        )

    async def show(self, recording_id: str) -> Response:
        """One recording, running or not."""
        row = await self._row(recording_id)
        return _unknown() if row is None else said(self._view(row))

    async def erase(self, recording_id: str) -> Response:
        """Remove a recording for good. First it is out of sight: the sweeper ends what is cut short here."""
        if self._recordings.running(recording_id) is not None:
            return refused(409, "the recording is still running")
        catalog = self._recordings.catalog
        condemned = await catalog.run(lambda tx: rows.condemn(tx, recording_id, now=time.time()))
        row = await self._recordings.get(recording_id)
        if row is None:
            return _unknown()
        if not condemned and row.state != "erasing":
            return refused(409, _HELD if row.held_at is not None else "the recording has not been finished")
        try:
            await trio.to_thread.run_sync(sidefile.remove, self._recordings.store, row)
        except OSError as wrong:
            log.error("cannot remove", recording=recording_id, error=str(wrong))  # noqa: TRY400 - expected
            return refused(503, "the file cannot be removed yet; nobody can reach it, and it is tried again")
        await catalog.run(lambda tx: rows.erase(tx, recording_id))
        log.info("recording erased", recording=recording_id)
        return nothing()

    async def file(self, recording_id: str) -> Response:
        """The file: finished, as it stands now (`follow=false`), or live (`follow=true`, the default)."""
        follow = request.args.get("follow", "true")
        if follow not in {"true", "false"}:
            return refused(400, "follow takes true or false")
        running = self._recordings.running(recording_id)
        if running is not None and follow == "true":
            return self._delivery.follow(running, request.method)
        if running is not None:
            return await self._delivery.snapshot(running, request.method, request.headers)
        row = await self._row(recording_id)
        if row is None or row.state != "completed" or is_expired(row, time.time()):
            return _unknown()
        try:
            return await self._delivery.finished(row, request.method, request.headers)
        except FileNotFoundError:
            log.warning("the file is missing", recording=recording_id)
            return _unknown()

    async def _row(self, recording_id: str) -> Recording | None:
        running = self._recordings.running(recording_id)
        if running is not None and running.state == "running":
            return running.row
        row = await self._recordings.get(recording_id)  # of one that ends it knows a moment sooner
        if row is None and running is not None:
            return running.row
        return None if row is None or row.state == "erasing" else row

    async def _page(self, asked: Query) -> list[Recording]:
        return await self._recordings.catalog.run(
            lambda tx: rows.page(
                tx,
                limit=asked.limit + 1,
                name=asked.name,
                state=asked.state,
                since=asked.since,
                until=asked.until,
                before=asked.before,
            )
        )

    def _view(self, row: Recording) -> dict[str, Any]:
        running = self._recordings.running(row.recording_id)
        return view(row, self._urls, running)


def _unknown() -> Response:
    return refused(404, "no such recording")
