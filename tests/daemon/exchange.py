"""Calls without a wavstream: real legs, a catalogue, and recordings that do what they are told."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import trio

from daemon.calls.commands import Commands
from daemon.calls.moment import Moment
from daemon.calls.plans import Request
from daemon.calls.session import Order
from daemon.calls.sessions import CallRequest, Sessions
from daemon.legs.leg import SideName
from daemon.legs.lines import Lines
from daemon.legs.party import Party
from daemon.legs.ports import RtpPorts
from daemon.recording.endpoint import RecordingFormat
from daemon.recording.measure import Silence
from storage import call_recordings, schema
from storage import sessions as session_rows
from storage.call_recordings import CallRecording
from tests.daemon.inline import InlineCatalog
from wavstream.process.cadence import Cadence
from wavstream.process.settings import Address
from wavstream.protocol import Completed, Reason

KEPT = Completed(
    recording_id="recording",
    duration=1.0,
    size=16080,
    sha256="ab" * 32,
    url="http://w/x.wav",
    expires_at=None,
)


@dataclass(eq=False)
class FakeRecording:
    """A recording that lasts until its stop, and then ends as it was told to."""

    order: Order
    about: dict[str, Any]
    end: Completed | Exception = KEPT
    stops: list[tuple[float, Reason]] = field(default_factory=list)
    masked: list[tuple[float, bool]] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    stopped: trio.Event = field(default_factory=trio.Event)
    running: bool = False
    heeding: bool = True
    """Whether a stop ends it."""
    silent: dict[SideName, Silence] = field(default_factory=dict)

    async def run(self) -> Completed:
        self.running = True
        try:
            await self.stopped.wait()
        finally:
            self.running = False
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    def stop(self, at: float, reason: Reason) -> None:
        self.stops.append((at, reason))
        if self.heeding:
            self.stopped.set()

    @contextmanager
    def holding(self, at: float) -> Iterator[None]:
        self.held.append(at)
        try:
            yield
        finally:
            self.held.remove(at)

    def pause(self, at: float) -> None:
        self.masked.append((at, True))

    def resume(self, at: float) -> None:
        self.masked.append((at, False))

    def silences(self) -> dict[SideName, Silence]:
        return self.silent

    def view(self) -> dict[str, Any]:
        return {"recording_id": self.order.recording_id}


@dataclass
class FakeRecorder:
    """Makes such recordings."""

    can_record: bool = True
    end: Completed | Exception = KEPT
    made: list[FakeRecording] = field(default_factory=list)

    def format(self, legs: Sequence[Party]) -> RecordingFormat:
        return RecordingFormat("pcm16", max(leg.rate for leg in legs), 1)

    def record(self, order: Order, legs: Sequence[Party], about: dict[str, Any]) -> FakeRecording:
        self.made.append(FakeRecording(order, about, self.end))
        return self.made[-1]


@dataclass
class FakeFate:
    """Writes down what becomes of recordings."""

    ends: list[tuple[str, str, object]] = field(default_factory=list)
    failing: Exception | None = None

    def _note(self, how: str, recording_id: str, what: object = None) -> None:
        self.ends.append((how, recording_id, what))
        if self.failing is not None:
            raise self.failing

    async def finish(
        self,
        recording_id: str,
        kept: Completed,
        heard: dict[str, Any] | None = None,
        quality: dict[str, Any] | None = None,
    ) -> None:
        await trio.lowlevel.checkpoint()
        self._note("finish", recording_id, kept)

    async def fail(self, recording_id: str, error: str) -> None:
        await trio.lowlevel.checkpoint()
        self._note("fail", recording_id, error)

    async def follow(self, recording_id: str) -> None:
        await trio.lowlevel.checkpoint()
        self._note("follow", recording_id)


@dataclass
class Exchange:
    """The calls of one node, and what is stored of them."""

    catalog: InlineCatalog
    sessions: Sessions
    commands: Commands
    recorder: FakeRecorder
    fate: FakeFate
    announced: list[float]

    async def call(self, **fields: Any) -> str:
        row, _ = await self.sessions.create(CallRequest(**{"app_id": "app"} | fields))
        return row.session_uuid

    def request(self, session_uuid: str, command: str, uid: str = "", app_id: str = "app") -> Request:
        return Request(
            app_id=app_id,
            session_uuid=session_uuid,
            command=command,
            command_uid=uid,
            moment=Moment(trio.current_time(), 1_000_000 + trio.current_time()),
        )

    async def order(self, session_uuid: str, command: str, uid: str = "") -> tuple[bool, str | None]:
        """Give a command; whether it succeeded, and why not."""
        taken = await self.commands.execute(self.request(session_uuid, command, uid))
        return taken.success, taken.error

    def row(self, session_uuid: str) -> session_rows.Session:
        with self.catalog.transaction() as tx:
            row = session_rows.get(tx, session_uuid)
        assert row is not None
        return row

    def recordings(self, session_uuid: str) -> list[CallRecording]:
        with self.catalog.transaction() as tx:
            return call_recordings.of_session(tx, session_uuid)

    def events(self, session_uuid: str) -> list[dict[str, Any]]:
        columns = schema.outbox.c
        with self.catalog.transaction() as tx:
            query = schema.outbox.select().where(columns.session_uuid == session_uuid)
            return [json.loads(row.payload) for row in tx.execute(query.order_by(columns.sequence))]

    def names(self, session_uuid: str) -> list[str]:
        return [event["event"] for event in self.events(session_uuid)]


def exchange_of(catalog: InlineCatalog, recorder: FakeRecorder, *, ports: str = "127.0.0.1:0") -> Exchange:
    """An exchange that does not run yet."""
    announced: list[float] = []
    fate = FakeFate()

    def announce() -> None:
        announced.append(trio.current_time())

    cadence = Cadence()
    calls = Sessions(
        node="node1",
        catalog=catalog,
        cadence=cadence,
        lines=Lines(
            cadence,
            RtpPorts.parse(ports),
            audiosocket=Address("127.0.0.1", 9092),
            media=Address("127.0.0.1", 8001),
        ),
        recorder=recorder,
        fate=fate,
        announce=announce,
    )
    commands = Commands(catalog, calls, announce=announce)
    return Exchange(catalog, calls, commands, recorder, fate, announced)


@asynccontextmanager
async def exchange(
    catalog: InlineCatalog, recorder: FakeRecorder | None = None, *, ports: str = "127.0.0.1:0"
) -> AsyncIterator[Exchange]:
    """An exchange until the end of the block; then its calls are dropped."""
    opened = exchange_of(catalog, recorder or FakeRecorder(), ports=ports)
    with trio.fail_after(600):
        async with trio.open_nursery() as nursery:
            await nursery.start(opened.sessions.run)
            yield opened
            nursery.cancel_scope.cancel()
    assert opened.sessions.count == 0
