"""Erasing a recording: its file and all that is kept of its content, but for a receipt."""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from daemon.calls import changes
from storage.call_recordings import CallRecording
from storage.catalog import Catalog
from wavstream.process import logs

log = logs.get(__name__)


class Eraser(Protocol):
    """What is asked of wavstream; see `daemon.wavstream_http.WavstreamHttp`."""

    async def erase(self, recording_id: str) -> None:
        """Remove the file and its row, if they are there. Raises KeptError, WavstreamError."""


class UnfinishedError(Exception):
    """The recording runs, or is on its way to wavstream: there is more of it to come."""


class Erasure:
    """Erases recordings, one at a time a call."""

    def __init__(
        self, catalog: Catalog, wavstream: Eraser, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._catalog = catalog
        self._wavstream = wavstream
        self._clock = clock

    async def erase(self, row: CallRecording) -> None:
        """Erase a recording that is over; one that is erased already stays so.

        The file goes first: what is cut short in between can be asked for again. Raises UnfinishedError,
        KeptError, WavstreamError, CatalogError.
        """
        if row.state == "erased":
            return
        if row.state in {"recording", "finishing"}:
            raise UnfinishedError
        await self._wavstream.erase(row.recording_id)
        await self._catalog.run(partial(changes.recording_erased, recording=row, at=self._clock()))
        log.info("recording erased", session=row.session_uuid, recording=row.recording_id)
