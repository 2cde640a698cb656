"""The registrar: puts new recordings into the catalogue, all that began while it was busy in one transaction.

So no audio waits for the catalogue, and a burst of starts costs it a few commits instead of hundreds.
"""

import trio
from sqlalchemy import Connection

from storage.catalog import Catalog, CatalogError
from wavstream.completion import register
from wavstream.live import LiveRecording
from wavstream.process import logs

RETRY_SECONDS = 1.0

log = logs.get(__name__)


class Registrar:
    """Takes new recordings, and tells them when the catalogue knows them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._waiting: list[LiveRecording] = []
        self._arrival = trio.lowlevel.ParkingLot()

    def add(self, recording: LiveRecording) -> None:
        """Register this one as soon as can be."""
        self._waiting.append(recording)
        self._arrival.unpark()

    async def run(self) -> None:
        """Register until cancelled."""
        while True:
            while not self._waiting:
                await self._arrival.park()
            try:
                await self._register(tuple(self._waiting))
            except CatalogError as wrong:
                log.warning("cannot register recordings", count=len(self._waiting), error=str(wrong))
                await trio.sleep(RETRY_SECONDS)

    async def _register(self, batch: tuple[LiveRecording, ...]) -> None:
        def insert(tx: Connection) -> None:
            for recording in batch:
                register(tx, recording.row)

        await self._catalog.run(insert)
        for recording in batch:
            recording.is_registered()
        del self._waiting[: len(batch)]
