"""The way of a recording to its one terminal event: downloadable, or failed."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

import trio
from sqlalchemy import Connection

from daemon.calls import changes
from daemon.wavstream_http import Held, WavstreamError
from storage import call_recordings
from storage.call_recordings import CallRecording
from storage.catalog import Catalog, CatalogError
from wavstream.process import logs
from wavstream.protocol import Completed

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
GIVE_UP_SECONDS = 3 * 24 * 3600.0
"""A wavstream that is away for longer will not be waited for."""
AT_ONCE = 16
"""Questions to wavstream at a time: after a restart there may be one for every call of the last run."""
QUESTION_SECONDS = 15.0
"""For one of them, whatever its single steps take."""

T = TypeVar("T")

log = logs.get(__name__)


class Keeper(Protocol):
    """What is asked of wavstream; see `daemon.wavstream_http.WavstreamHttp`."""

    async def held(self, recording_id: str) -> Held | None:
        """How a recording stands. Raises WavstreamError."""

    async def serves(self, url: str, size: int) -> bool:
        """Whether the URL answers with the whole file. Raises WavstreamError."""


class Completion:
    """Brings recordings to their end in the catalogue.

    `announce` is called when an event was stored, `ended` with the state and the reason of each recording
    that came to its end.
    """

    def __init__(
        self,
        catalog: Catalog,
        keeper: Keeper,
        *,
        announce: Callable[[], None],
        ended: Callable[[str, str], None] = lambda _state, _reason: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._catalog = catalog
        self._keeper = keeper
        self._announce = announce
        self._ended = ended
        self._clock = clock
        self._questions = trio.CapacityLimiter(AT_ONCE)

    async def finish(
        self,
        recording_id: str,
        kept: Completed,
        heard: dict[str, Any] | None = None,
        quality: dict[str, Any] | None = None,
    ) -> None:
        """Announce a recording once its URL truly answers: whoever hears of it may fetch it at once.

        One that expires before that, because wavstream is away, has failed.
        """

        async def served() -> bool | None:
            return await self._keeper.serves(kept.url, kept.size) or None

        expiry = float("inf") if kept.expires_at is None else kept.expires_at
        if await self._persist(recording_id, served, until=min(expiry, self._clock() + GIVE_UP_SECONDS)):
            completed = partial(changes.recording_completed, kept=kept, heard=heard, quality=quality)
            await self._settle(recording_id, completed)
        else:
            await self.fail(recording_id, "the recording's URL did not answer before it expired")

    async def fail(self, recording_id: str, error: str) -> None:
        """Announce that no audio could be kept."""
        await self._settle(recording_id, partial(changes.recording_failed, error=error))

    async def follow(self, recording_id: str) -> None:
        """Ask wavstream until it says how the recording ended, and announce that."""

        async def ended() -> _End | str | None:
            return _end_of(await self._keeper.held(recording_id))

        until = self._clock() + GIVE_UP_SECONDS
        end: _End | str | None = await self._persist(recording_id, ended, until=until)
        if isinstance(end, _End):
            await self.finish(recording_id, end.kept, quality=end.quality)
        else:
            await self.fail(recording_id, end or "wavstream did not answer")

    async def _settle(self, recording_id: str, change: Callable[..., bool]) -> None:
        """Make the change and store its event, when the catalogue takes it: nothing else is left to do."""

        def work(tx: Connection) -> tuple[CallRecording | None, bool]:
            changed = change(tx, recording_id, now=self._clock())
            return call_recordings.get(tx, recording_id), changed

        async def settled() -> tuple[CallRecording | None, bool] | None:
            return await self._catalog.run(work)

        end = await self._persist(recording_id, settled, until=self._clock() + GIVE_UP_SECONDS)
        row, changed = end or (None, False)
        session = None if row is None else row.session_uuid
        log.info("recording settled", session=session, recording=recording_id, changed=changed)
        if row is not None and changed:
            self._ended(row.state, row.reason or "interrupted")
        self._announce()

    async def _persist(
        self, recording_id: str, ask: Callable[[], Awaitable[T | None]], *, until: float
    ) -> T | None:
        """What `ask` answers, as soon as it answers something; None when it is `until`.

        A wavstream or a catalogue that cannot be reached has not answered yet.
        """
        pause, troubled = FIRST_PAUSE_SECONDS, False
        while True:
            try:
                async with self._questions:
                    with trio.fail_after(QUESTION_SECONDS):
                        answer = await ask()
            except (WavstreamError, CatalogError, trio.TooSlowError) as wrong:
                answer = None
                if not troubled:
                    log.warning("recording waits", recording=recording_id, error=str(wrong) or "too slow")
                troubled = True
            if answer is not None:
                return answer
            if self._clock() + pause > until:
                return None
            await trio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


class _End(NamedTuple):
    """What wavstream has of a recording; its quality, where it was told before we lost sight of it."""

    kept: Completed
    quality: dict[str, Any] | None


def _end_of(held: Held | None) -> _End | str | None:
    """How a recording ended: completed, or failed with these words; None: not yet. Raises WavstreamError."""
    if held is None:
        return "none of its audio reached wavstream"
    if held.state == "failed":
        return "no audio could be kept"  # its reason says why it ended, which is not why it failed
    return _End(held.completed(), held.quality()) if held.state == "completed" else None
