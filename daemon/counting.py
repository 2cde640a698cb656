"""What the metrics ask the catalogue for: no more often than once a second, whoever asks."""

import time
from collections.abc import Callable

import trio
from sqlalchemy import Connection

from daemon.metrics import Kept
from storage import call_recordings, outbox
from storage.catalog import Catalog, CatalogError
from wavstream.process import logs

ANSWER_SECONDS = 3.0
"""For the catalogue to answer. The other metrics are shown without it, then."""
KEPT_SECONDS = 1.0
"""Its answer is given again for so long."""

log = logs.get(__name__)


class Counting:
    """Counts what is kept of one node. `clock` gives seconds since the epoch."""

    def __init__(self, catalog: Catalog, node: str, *, clock: Callable[[], float] = time.time) -> None:
        self._catalog = catalog
        self._node = node
        self._clock = clock
        self._one_at_a_time = trio.Lock()
        self._thread = trio.CapacityLimiter(1)  # one that hangs is left behind
        self._kept = Kept()
        self._until = -float("inf")

    async def now(self) -> Kept:
        """The present counts, or unknown ones where the catalogue does not answer in time."""
        async with self._one_at_a_time:
            if trio.current_time() >= self._until:
                self._kept = Kept()
                with trio.move_on_after(ANSWER_SECONDS):
                    self._kept = await trio.to_thread.run_sync(
                        self._count, abandon_on_cancel=True, limiter=self._thread
                    )
                self._until = trio.current_time() + KEPT_SECONDS
        return self._kept

    def _count(self) -> Kept:
        try:
            with self._catalog.transaction() as tx:
                return _counted(tx, self._node, self._clock())
        except CatalogError as wrong:
            log.warning("the catalogue cannot be counted", error=str(wrong))
            return Kept()


def _counted(tx: Connection, node: str, now: float) -> Kept:
    pending, oldest = outbox.backlog(tx)
    return Kept(
        recordings=call_recordings.live(tx, node),
        pending=pending,
        oldest_seconds=0.0 if oldest is None else max(now - oldest, 0.0),
    )
