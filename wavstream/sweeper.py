"""The sweeper: takes what has expired off the disk and out of the catalogue, and tells what it did."""

import time
from dataclasses import dataclass

import trio

from storage import heartbeats
from storage import recordings as rows
from storage.catalog import Catalog, CatalogError
from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream import sidefile
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.cadence import following
from wavstream.wallclock import Belief

SWEEP_SECONDS = 20.0
"""From one sweep to the next. Nobody waits for it: the URL is gone to the second, by `is_expired`."""
MOST_AT_ONCE = 200
"""Recordings a batch: short enough that a new recording's row never waits long behind one."""
AGAIN_SECONDS = 600.0
"""Until a file that could not be removed is tried again: long enough not to stand before those that can."""
NOTE_SECONDS = 600.0
"""How often the time is noted in the catalogue, for the next start to know what time it has been."""
AWAY_SECONDS = 3600.0
"""So long after that note a start believes the clock at once: a program is seldom away for longer."""
_NOTE = "retention"

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one batch, or a whole sweep, did: recordings removed, their bytes, and those that would not go."""

    removed: int = 0
    freed: int = 0
    failed: int = 0

    def __add__(self, other: "Swept") -> "Swept":
        """Both together."""
        return Swept(self.removed + other.removed, self.freed + other.freed, self.failed + other.failed)


def sweep(catalog: Catalog, store: ObjectStore, now: float) -> Swept:
    """Remove one batch of what is over at `now`; blocks.

    Claimed first, so that no hold comes too late; then its files, then its row: what is cut short in between
    is found again by the next sweep. Raises CatalogError.
    """
    with catalog.transaction() as tx:
        batch = rows.claim(tx, now=now, limit=MOST_AT_ONCE)
    if not batch:
        return Swept()
    gone = [recording for recording in batch if _is_removed(store, recording)]
    left = [recording.recording_id for recording in batch if recording not in gone]
    with catalog.transaction() as tx:
        rows.erase(tx, *(recording.recording_id for recording in gone))
        rows.postpone(tx, left, until=now + AGAIN_SECONDS)
    for recording in gone:
        log.info("recording expired", recording=recording.recording_id, expires_at=recording.expires_at)
    return Swept(len(gone), sum(recording.size or 0 for recording in gone), len(left))


def _is_removed(store: ObjectStore, recording: Recording) -> bool:
    try:
        sidefile.remove(store, recording)
    except OSError as wrong:
        log.error("cannot remove", recording=recording.recording_id, error=str(wrong))  # noqa: TRY400 - expected
        return False
    return True


class Sweeper:
    """Sweeps as long as it runs."""

    def __init__(self, catalog: Catalog, store: ObjectStore, metrics: Metrics) -> None:
        self._catalog = catalog
        self._store = store
        self._metrics = metrics
        self._belief: Belief | None = None
        self._doubted = False
        self._noted = 0.0  # on the steady clock

    async def run(self) -> None:
        """Sweep at whole multiples of SWEEP_SECONDS, and once before, until cancelled."""
        while True:
            try:
                await self._sweep()
            except (OSError, CatalogError) as wrong:
                log.warning("sweep failed, the next one tries again", error=str(wrong))
            await trio.sleep_until(following(trio.current_time(), SWEEP_SECONDS))

    async def _sweep(self) -> None:
        now = await self._time()
        began, total = time.perf_counter(), Swept()
        while (swept := await trio.to_thread.run_sync(sweep, self._catalog, self._store, now)).removed:
            total += swept
            self._count(swept)
        total += swept
        seconds = time.perf_counter() - began
        self._metrics.sweep_seconds.observe(seconds)
        if total != Swept():
            log.info(
                "swept",
                removed=total.removed,
                bytes=total.freed,
                failed=total.failed,
                seconds=round(seconds, 3),
            )

    def _count(self, swept: Swept) -> None:
        self._metrics.expired.inc(swept.removed)
        self._metrics.swept_bytes.inc(swept.freed)

    async def _time(self) -> float:
        """What is believed to be the time. The next start is told of it, now and then."""
        wall, steady = time.time(), trio.current_time()
        if self._belief is None:
            last = await self._catalog.run(lambda tx: heartbeats.last(tx, _NOTE))
            known = wall if last is None else min(wall, last + AWAY_SECONDS)
            self._belief = Belief(known=known, steady=steady)
            self._noted = steady - NOTE_SECONDS
        now = self._belief.time(wall=wall, steady=steady)
        self._tell_of_doubts(wall - now)
        if steady >= self._noted + NOTE_SECONDS:
            await self._catalog.run(lambda tx: heartbeats.beat(tx, _NOTE, now))
            self._noted = steady
        return now

    def _tell_of_doubts(self, ahead: float) -> None:
        doubts = self._belief is not None and self._belief.doubts
        if doubts and not self._doubted:
            log.warning(
                "the clock is far ahead of the last time that was noted: for an hour it removes no file",
                by=round(ahead),
            )
        elif self._doubted and not doubts:
            log.info("the clock is believed again")
        self._doubted = doubts
