"""The HTTP for legal hold: put on by POST, taken off by DELETE."""

import json
import time
from collections.abc import Callable
from dataclasses import replace

import trio
from quart import Response, request
from sqlalchemy import Connection

from storage.recordings import Recording
from wavstream import holds, sidefile
from wavstream.downloads.answers import refused, said
from wavstream.downloads.listing import view
from wavstream.label import label
from wavstream.process import logs
from wavstream.recordings import Recordings
from wavstream.retention import is_expired
from wavstream.urls import Urls

MOST_REASON_CHARACTERS = 500
"""Enough to name a case and who asked; it stands in the log as well."""
REGISTER_SECONDS = 5.0
"""For the catalogue to hear of a recording that has just begun."""

log = logs.get(__name__)


class ReasonError(Exception):
    """The body cannot be used; the text says what it takes."""


def reason_in(body: bytes) -> str | None:
    """The reason that a body gives: `{}` or an empty body for none. Raises ReasonError."""
    try:
        said_so = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise ReasonError('the body takes {} or {"reason": "…"}') from None
    if not isinstance(said_so, dict) or said_so.keys() - {"reason"}:
        raise ReasonError('the body takes {} or {"reason": "…"}')
    reason = said_so.get("reason")
    if reason is None:
        return None
    if not isinstance(reason, str) or not reason.isprintable() or len(reason) > MOST_REASON_CHARACTERS:
        raise ReasonError(f"reason takes up to {MOST_REASON_CHARACTERS} printable characters")
    return reason.strip() or None


class Holds:
    """What those may ask for who know the token."""

    def __init__(self, recordings: Recordings, urls: Urls) -> None:
        self._recordings = recordings
        self._urls = urls

    async def put(self, recording_id: str) -> Response:
        """Hold a recording, running or over."""
        try:
            reason = reason_in(await request.body)
        except ReasonError as wrong:
            return refused(400, str(wrong))
        return await self._change(
            recording_id, lambda tx: holds.hold(tx, recording_id, now=time.time(), reason=reason)
        )

    async def take_off(self, recording_id: str) -> Response:
        """Let a recording's own time count again."""
        return await self._change(recording_id, lambda tx: holds.release(tx, recording_id))

    async def _change(self, recording_id: str, change: Callable[[Connection], Recording | None]) -> Response:
        if not await self._is_registered(recording_id):
            return refused(503, "the catalogue does not answer")
        row = await self._recordings.catalog.run(change)
        if row is None:
            return refused(404, "no such recording")
        running = self._recordings.running(recording_id)
        if running is not None and running.state == "running":
            running.row = replace(running.row, held_at=row.held_at, hold_reason=row.hold_reason)
            running.file.tell(label(running.row))
        else:
            await self._write_beside(recording_id)
        log.info("hold", recording=recording_id, held=row.held_at is not None, reason=row.hold_reason)
        return said(view(row, self._urls, running))

    async def _write_beside(self, recording_id: str) -> None:
        """Let the side file say it as well, so that a rebuilt catalogue does."""
        running = self._recordings.running(recording_id)
        if running is not None:  # it is about to end, and writes its side file then
            with trio.move_on_after(REGISTER_SECONDS):
                await running.ended.wait()
        row = await self._recordings.get(recording_id)
        if row is None or row.state != "completed" or is_expired(row, time.time()):
            return
        try:
            await trio.to_thread.run_sync(sidefile.write, self._recordings.store, row)
        except OSError as wrong:
            log.error("cannot write the side file", recording=recording_id, error=str(wrong))  # noqa: TRY400 - its words say it all

    async def _is_registered(self, recording_id: str) -> bool:
        """Whether the catalogue knows it, if it runs; one that has just begun gets a moment."""
        running = self._recordings.running(recording_id)
        with trio.move_on_after(REGISTER_SECONDS):
            if running is not None:
                await running.registered.wait()
            return True
        return False
