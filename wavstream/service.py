"""wavstream as a whole: what it is made of, in which order that starts, and in which it stops."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import trio

from storage.catalog import Catalog
from storage.objects import DirectoryStore
from wavstream.adoption import adopt
from wavstream.downloads.app import build
from wavstream.ingest import dialects
from wavstream.ingest.server import Ingest
from wavstream.journal import FOLDER, Journal
from wavstream.loss import unknown
from wavstream.metrics import Metrics
from wavstream.process import logs
from wavstream.process.access import Access
from wavstream.process.cadence import Cadence
from wavstream.process.http import serve_http
from wavstream.process.lock import alone
from wavstream.process.settings import Address
from wavstream.recordings import Policy, Recordings
from wavstream.recovery import recover
from wavstream.settings import ServerSettings
from wavstream.space import MEGABYTE, Marks, Space
from wavstream.sweeper import Sweeper
from wavstream.syncing import Syncer
from wavstream.urls import OBJECTS, Urls

BEAT_SECONDS = 0.4
"""Between beats at most: what has come is with the followers within half a second, the disk included."""
CLOSE_SECONDS = 12.0
"""For all audio to reach the disk at the stop. With the listener's (1 s to drain, 2 s to linger) and HTTP's
(3 s) this stays below the program's grace."""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a running server is found; ports as they were bound."""

    ingest: Address
    http: Address
    public_url: str

    def addresses(self) -> Mapping[str, str]:
        """As the log shows them, and systemd's status."""
        return {"ingest": str(self.ingest), "http": str(self.http), "public_url": self.public_url}


Opened = Callable[[Listening], None]
"""Called once, when everything listens."""


async def serve(
    settings: ServerSettings,
    *,
    stopping: trio.Event,
    task_status: trio.TaskStatus[Listening] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the server until `stopping` is set; then, or when cancelled, leave every file whole, and return.

    Raises OSError where it cannot listen or write, CatalogError where the catalogue cannot be used.
    """

    def opened(listening: Listening) -> None:
        task_status.started(listening)

    await trio.to_thread.run_sync(partial(settings.data_dir.mkdir, mode=0o750, parents=True, exist_ok=True))
    with alone(settings.data_dir, "server"):
        catalog = Catalog.open(settings.catalogue_url)
        try:
            await trio.to_thread.run_sync(catalog.migrate)
            store = await trio.to_thread.run_sync(DirectoryStore, settings.data_dir / OBJECTS)
            journal = await trio.to_thread.run_sync(Journal, settings.data_dir / FOLDER)
            await trio.to_thread.run_sync(adopt, catalog, store, journal)
            lost = await trio.to_thread.run_sync(unknown, catalog, store)
            server = _Server(settings, catalog, store, journal, lost=lost)
            await server.run(stopping, opened)
        finally:
            catalog.close()


class _Server:
    def __init__(
        self,
        settings: ServerSettings,
        catalog: Catalog,
        store: DirectoryStore,
        journal: Journal,
        *,
        lost: bool,
    ) -> None:
        self._settings = settings
        self._cadence = Cadence(slowest=BEAT_SECONDS)
        self._metrics = Metrics()
        self._metrics.catalogue_lost.set(lost)
        self._access = Access(settings.token)
        self._urls = Urls(
            public_url=settings.wavstream_public_url, recording_base_url=settings.recording_base_url
        )
        self._space = Space(
            settings.data_dir / OBJECTS,
            Marks(settings.wavstream_disk_warn_mb * MEGABYTE, settings.wavstream_disk_refuse_mb * MEGABYTE),
            byte_rate=lambda: self._recordings.byte_rate,
            metrics=self._metrics,
        )
        self._recordings = Recordings(
            catalog=catalog,
            store=store,
            journal=journal,
            cadence=self._cadence,
            metrics=self._metrics,
            space=self._space,
            policy=Policy(
                retention_hours=settings.recording_retention_hours,
                orphan_seconds=settings.wavstream_orphan_seconds,
                elsewhere=self._urls.elsewhere,
            ),
        )

    async def run(self, stopping: trio.Event, opened: Opened) -> None:
        """HTTP around the rest: it serves until all recordings are on the disk, and cannot hold that up."""
        http_stopping = trio.Event()
        app = build(
            self._recordings,
            urls=self._urls,
            access=self._access,
            metrics=self._metrics,
            accel_prefix=self._settings.wavstream_accel_prefix,
            stopping=stopping,
        )
        async with trio.open_nursery() as nursery:
            http = await nursery.start(
                partial(serve_http, app, self._settings.wavstream_http, stopping=http_stopping)
            )
            self._urls.bound(str(http))
            await self._record(http, stopping, opened)
            http_stopping.set()

    async def _record(self, http: Address, stopping: trio.Event, opened: Opened) -> None:
        """The recordings, from the repair of old ones until all are on the disk."""
        recordings = self._recordings
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self._cadence.run)
                await nursery.start(recordings.run)
                await nursery.start(self._syncer().run)
                await nursery.start(self._space.run)
                await recover(recordings, is_resumable=dialects.is_resumable)
                nursery.start_soon(Sweeper(recordings.catalog, recordings.store, self._metrics).run)
                await self._take_in(http, stopping, opened)
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(deadline=trio.current_time() + CLOSE_SECONDS, shield=True):
                await recordings.close()

    def _syncer(self) -> Syncer:
        return Syncer(
            self._settings.data_dir / OBJECTS,
            seconds=self._settings.wavstream_sync_seconds,
            recordings=lambda: self._recordings.live,
            cadence=self._cadence,
            metrics=self._metrics,
        )

    async def _take_in(self, http: Address, stopping: trio.Event, opened: Opened) -> None:
        """The audio input, from the opening of its listener to the end of its last connection."""
        ingest = Ingest(
            dialects.by_path(self._recordings, self._cadence, self._urls, self._metrics),
            access=self._access,
            most_connections=self._settings.wavstream_connections,
            peer_seconds=self._settings.wavstream_peer_seconds,
            metrics=self._metrics,
        )
        async with trio.open_nursery() as nursery:
            address = await nursery.start(
                partial(ingest.serve, self._settings.wavstream_ingest, stopping=stopping)
            )
            opened(Listening(address, http, self._urls.public_url))
