"""Whether the daemon could record a call now, and if not, why: found out no more often than once a second."""

import shutil
import time
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from daemon.settings import DaemonSettings
from storage import heartbeats
from storage.catalog import Catalog, CatalogError
from wavstream.process import logs

ANSWER_SECONDS = 3.0
"""For the catalogue, the disk and wavstream to answer, all at once: a supervisor does not wait for longer."""
KEPT_SECONDS = 1.0
"""An answer is given again for so long: however many ask, each of the three is asked once a second."""
MEGABYTE = 1_000_000

Check = Callable[[], Awaitable[str]]
"""What is wrong, in words; empty: nothing."""

log = logs.get(__name__)


class Readiness:
    """Asks the catalogue, the disk and wavstream, whose `reachable` says whether it answers."""

    def __init__(
        self, settings: DaemonSettings, node: str, catalog: Catalog, reachable: Callable[[], Awaitable[bool]]
    ) -> None:
        self._settings = settings
        self._node = node
        self._catalog = catalog
        self._reachable = reachable
        self._one_at_a_time = trio.Lock()
        self._found: tuple[str, ...] = ()
        self._until = -float("inf")
        # One thread each: one that hangs is left behind, and holds up nothing but the next of its kind.
        self._catalogs_thread = trio.CapacityLimiter(1)
        self._disks_thread = trio.CapacityLimiter(1)

    async def obstacles(self) -> tuple[str, ...]:
        """All that stands in the way of a recording, in words that say what to do; none: ready."""
        async with self._one_at_a_time:
            if trio.current_time() >= self._until:
                found = await self._look()
                if found != self._found:
                    log.warning("readiness changed", obstacles=found)
                self._found, self._until = found, trio.current_time() + KEPT_SECONDS
        return self._found

    async def _look(self) -> tuple[str, ...]:
        checks: dict[str, Check] = {"the catalogue": self._catalogue, "the disk of DATA_DIR": self._disk}
        if self._settings.wavstream_url is None:
            found = {"WAVSTREAM_URL": "WAVSTREAM_URL is not set"}
        else:
            found = {}
            checks["wavstream"] = self._wavstream
        async with trio.open_nursery() as nursery:
            for name, check in checks.items():
                nursery.start_soon(_bounded, name, check, found)
        return tuple(words for _, words in sorted(found.items()) if words)

    async def _catalogue(self) -> str:
        """Whether it takes a write: a row that is committed, and so reaches the disk, or does not."""
        try:
            await trio.to_thread.run_sync(self._beat, abandon_on_cancel=True, limiter=self._catalogs_thread)
        except CatalogError as wrong:
            log.error("the catalogue cannot be written", error=str(wrong))  # noqa: TRY400 - its words say it all
            return "the catalogue cannot be written: the log says why"
        return ""

    def _beat(self) -> None:
        with self._catalog.transaction() as tx:
            heartbeats.beat(tx, self._node, time.time())

    async def _disk(self) -> str:
        usage = partial(shutil.disk_usage, self._settings.data_dir)
        try:
            free = await trio.to_thread.run_sync(usage, abandon_on_cancel=True, limiter=self._disks_thread)
        except OSError as wrong:
            return f"DATA_DIR cannot be read: {wrong.strerror}"
        if free.free < self._settings.disk_free_mb * MEGABYTE:
            asked = self._settings.disk_free_mb
            return f"the disk is nearly full: {free.free // MEGABYTE} MB free, DISK_FREE_MB asks for {asked}"
        return ""

    async def _wavstream(self) -> str:
        return "" if await self._reachable() else "wavstream does not answer"


async def _bounded(name: str, check: Check, found: dict[str, str]) -> None:
    """Put what a check finds under its name."""
    found[name] = f"{name} does not answer within {ANSWER_SECONDS:g} s"
    with trio.move_on_after(ANSWER_SECONDS):
        found[name] = await check()
