"""What the daemon's last run left unfinished, brought to its end."""

import time

import trio
from sqlalchemy import Connection

from daemon.calls import changes
from daemon.calls.session import Fate
from storage import call_recordings, sessions
from storage.catalog import Catalog
from wavstream.process import logs

log = logs.get(__name__)


async def end_calls(catalog: Catalog, node: str) -> list[str]:
    """End the calls of the last run in the catalogue; the ids of the recordings that have no end yet.

    A daemon that was told to end has left none; these were live when it died.
    """

    def work(tx: Connection) -> list[str]:
        for row in sessions.unfinished(tx, node):
            changes.session_ends(tx, row, cause="daemon_restarted", at=time.time())
            log.warning("session ended by restart", session=row.session_uuid)
        return [row.recording_id for row in call_recordings.unfinished(tx, node)]

    return await catalog.run(work)


async def follow(fate: Fate, recording_ids: list[str]) -> None:
    """See each of these recordings to its end: wavstream knows what became of it."""
    async with trio.open_nursery() as nursery:
        for recording_id in recording_ids:
            log.info("recording followed", recording=recording_id)
            nursery.start_soon(_follow, fate, recording_id)


async def _follow(fate: Fate, recording_id: str) -> None:
    try:
        await fate.follow(recording_id)
    except Exception:  # one of them must not keep the daemon from starting, now and every time again
        log.exception("recording not settled", recording=recording_id)
