"""When a recording's time is over, and the sweeper that then takes it off the disk."""

import time
from itertools import count

import trio

from storage import recordings
from storage.catalog import Catalog, CatalogError
from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream import sidefile
from wavstream.metrics import Metrics
from wavstream.process import logs

SWEEP_SECONDS = 20.0
"""From one sweep to the next. Nobody waits for it: the URL is gone to the second, by `is_expired`."""
MOST_AT_ONCE = 200
"""Files a batch: short enough that a new recording's row never waits long behind one."""

log = logs.get(__name__)


def expires_at(stopped_at: float, *, retention_hours: float, elsewhere: bool) -> float | None:
    """When a recording that stopped at `stopped_at` is gone; None: never, or another store says.

    Counted from the stop alone, so that neither reading nor a restart can move it. Seconds since the epoch.
    """
    return None if elsewhere or retention_hours == 0 else stopped_at + retention_hours * 3600


def is_expired(recording: Recording, now: float) -> bool:
    """Whether its time is over at `now`, swept or not."""
    return recording.expires_at is not None and recording.expires_at <= now


def sweep(catalog: Catalog, store: ObjectStore, now: float) -> int:
    """Remove one batch of expired recordings, and return how many; blocks.

    The file goes before its row: what is cut short in between is found again by the next sweep. Raises
    CatalogError, OSError.
    """
    with catalog.transaction() as tx:
        batch = recordings.expired(tx, now=now, limit=MOST_AT_ONCE)
    for recording in batch:
        sidefile.remove(store, recording)
    if batch:
        with catalog.transaction() as tx:
            for recording in batch:
                recordings.erase(tx, recording.recording_id)
    for recording in batch:
        log.info("recording expired", recording=recording.recording_id, expires_at=recording.expires_at)
    return len(batch)


async def keep_sweeping(catalog: Catalog, store: ObjectStore, metrics: Metrics) -> None:
    """Sweep on an absolute schedule until cancelled, batch after batch while there is something."""
    start = trio.current_time()
    for number in count(1):
        try:
            while swept := await trio.to_thread.run_sync(sweep, catalog, store, time.time()):
                metrics.expired.inc(swept)
        except (OSError, CatalogError) as wrong:
            log.warning("sweep failed, the next one tries again", error=str(wrong))
        await trio.sleep_until(start + number * SWEEP_SECONDS)
