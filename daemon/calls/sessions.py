"""The calls of this node: how they begin, where they are found, how they end."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

import trio
from sqlalchemy import Connection

from daemon.calls import changes
from daemon.calls.changes import REASONS, Cause
from daemon.calls.moment import Moment
from daemon.calls.session import Fate, Order, Running, Session, Surroundings
from daemon.legs.lines import Lines, Wishes
from daemon.legs.party import Party
from daemon.media.quality import Received
from daemon.media.timeline import CALLEE, CALLER
from daemon.node import new_session_uuid
from daemon.recording.endpoint import RecordingFormat
from storage import call_recordings
from storage import sessions as table
from storage.catalog import Catalog, CatalogError
from wavstream.process import logs
from wavstream.process.cadence import Cadence

log = logs.get(__name__)


class ShuttingDownError(Exception):
    """The daemon is about to end: it takes no new calls and no commands."""


@dataclass(frozen=True, kw_only=True)
class CallRequest:
    """A call that an application registers, or that is registered for it."""

    app_id: str
    caller_id: str | None = None
    did: str | None = None
    legs: int = 1
    wishes: Wishes = field(default_factory=Wishes)
    arrived: bool = False
    """Whether it began with its connection: then it ends some time after that has ended."""


class Recorder(Protocol):
    """Makes recordings; see `daemon.calls.recorder.Recorder`."""

    @property
    def can_record(self) -> bool:
        """Whether there is a wavstream to record to."""

    def format(self, legs: Sequence[Party]) -> RecordingFormat:
        """The format of a recording of these legs that begins now."""

    def record(self, order: Order, legs: Sequence[Party], about: dict[str, Any]) -> Running:
        """The recording of an order, not yet running."""


class Sessions:
    """The live calls. Every change of a call is made by the holder of its lock.

    `announce` is called when an event was stored, `received` with what each leg has received when its call
    is over.
    """

    def __init__(
        self,
        *,
        node: str,
        catalog: Catalog,
        cadence: Cadence,
        lines: Lines,
        recorder: Recorder,
        fate: Fate,
        announce: Callable[[], None],
        received: Callable[[Received], object] = lambda _received: None,
    ) -> None:
        self.recorder = recorder
        self.lines = lines
        self.closing = False
        self._node = node
        self._catalog = catalog
        self._cadence = cadence
        self._fate = fate
        self._announce = announce
        self._received = received
        self._live: dict[str, Session] = {}
        self._locks: WeakValueDictionary[str, trio.Lock] = WeakValueDictionary()
        self._nursery: trio.Nursery | None = None  # while `run` is
        self._closed = trio.Event()

    def all(self) -> tuple[Session, ...]:
        """The calls that are live."""
        return tuple(self._live.values())

    @property
    def count(self) -> int:
        """How many calls are live, those included whose recording is being finished."""
        return len(self._live)

    def live(self, session_uuid: str) -> Session | None:
        """The call of that id, if it is live and ours."""
        return self._live.get(session_uuid)

    def lock(self, session_uuid: str) -> trio.Lock:
        """What is held while a session changes; a lock lives as long as somebody uses it.

        Nobody holds one for longer than a transaction takes.
        """
        return self._locks.setdefault(session_uuid, trio.Lock())

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the calls until `close`, and then until the last recording has been announced."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await self._closed.wait()

    async def create(self, call: CallRequest) -> tuple[table.Session, Session]:
        """Register a call: its legs listen, and `call.new` is stored.

        Raises ShuttingDownError; PortsExhaustedError, and OSError where no socket is to be had; ValueError
        for a UUID in use.
        """
        nursery = self._nursery
        if self.closing:
            raise ShuttingDownError
        if nursery is None:
            raise RuntimeError("the sessions do not run")
        row = table.Session(
            session_uuid=new_session_uuid(self._node),
            app_id=call.app_id,
            node=self._node,
            state="waiting",
            caller_id=call.caller_id,
            did=call.did,
            legs=call.legs,
            created_at=Moment.now().epoch,
        )
        with ExitStack() as undo:
            legs = self._open_legs(row.session_uuid, call, undo)
            await self._catalog.run(lambda tx: changes.session_begins(tx, row))
            if self.closing:  # meanwhile: `close` has not seen it, and nobody keeps calls any more
                await self.end(row.session_uuid, "shutdown")
                raise ShuttingDownError
            undo.pop_all()
        # From here to the end there is no checkpoint: a request that is cancelled has its call, or has not.
        session = Session(row.session_uuid, legs, self._surroundings(row), arrived=call.arrived)
        self._begin(session, nursery)
        self._announce()
        log.info("session created", session=row.session_uuid, app=call.app_id, legs=call.legs)
        return row, session

    def _begin(self, session: Session, nursery: trio.Nursery) -> None:
        self._live[session.session_uuid] = session
        self._cadence.load = len(self._live)
        nursery.start_soon(self._keep, session, name=f"session {session.session_uuid}")

    async def _keep(self, session: Session) -> None:
        try:
            await session.run()
        finally:
            for leg in session.legs:
                self._received(leg.received)
            del self._live[session.session_uuid]
            self._cadence.load = len(self._live)

    def _open_legs(self, session_uuid: str, call: CallRequest, undo: ExitStack) -> list[Party]:
        about = log.bind(session=session_uuid)
        return [self.lines.open(side, about, call.wishes, undo) for side in (CALLER, CALLEE)[: call.legs]]

    def _surroundings(self, row: table.Session) -> Surroundings:
        about = {"session_uuid": row.session_uuid, "caller_id": row.caller_id, "did": row.did}
        return Surroundings(
            record=lambda order, legs: self.recorder.record(order, legs, {**about, **_said(legs)}),
            fate=self._fate,
            heard=self._heard,
            failed=partial(self.end, cause="error"),
        )

    async def _heard(self, session_uuid: str) -> None:
        try:
            await self._catalog.run(lambda tx: table.activate(tx, session_uuid))
        except CatalogError as wrong:  # the call goes on: only what is shown of it is not true
            log.warning("session not marked active", session=session_uuid, error=str(wrong))

    async def end(self, session_uuid: str, cause: Cause, moment: Moment | None = None) -> None:
        """End a call for a reason of the daemon's own; without a `moment`, now.

        Where the catalogue fails, the call ends all the same, and the next start sets its row right.
        """
        moment = moment or Moment.now()
        async with self.lock(session_uuid):
            live = self.live(session_uuid)
            heard = None if live is None else live.heard()
            try:
                await self._catalog.run(lambda tx: _end(tx, session_uuid, cause, moment, heard))
            except CatalogError as wrong:
                log.warning("session not marked ended", session=session_uuid, error=str(wrong))
            if live is not None:
                live.hang_up(moment.monotonic, REASONS[cause])
        self._announce()

    async def end_recording(self, session_uuid: str) -> None:
        """End a call's recording for a reason of the daemon's own; the call goes on. Raises CatalogError."""
        moment = Moment.now()
        async with self.lock(session_uuid):
            await self._catalog.run(lambda tx: _end_recording(tx, session_uuid, moment))
            live = self.live(session_uuid)
            if live is not None:
                live.stop_recording(moment.monotonic, "interrupted")

    async def resume_recording(self, session_uuid: str) -> None:
        """Let a paused recording go on for a reason of the daemon's own. Raises CatalogError."""
        moment = Moment.now()
        async with self.lock(session_uuid):
            live = self.live(session_uuid)
            if live is None or live.recording_since is None:
                return
            elapsed = moment.monotonic - live.recording_since
            await self._catalog.run(lambda tx: _resume_recording(tx, session_uuid, elapsed))
            live.resume_recording(moment.monotonic)

    async def close(self) -> None:
        """Take no more calls, and hang up all there are. `run` then returns by itself, in its time."""
        self.closing = True
        moment = Moment.now()
        async with trio.open_nursery() as nursery:
            for session_uuid in tuple(self._live):
                nursery.start_soon(self.end, session_uuid, "shutdown", moment)
        self._closed.set()


def _end(
    tx: Connection, session_uuid: str, cause: Cause, moment: Moment, heard: list[dict[str, Any]] | None
) -> None:
    row = table.get(tx, session_uuid)
    if row is not None:
        changes.session_ends(tx, row, cause=cause, at=moment.epoch, heard=heard)


def _end_recording(tx: Connection, session_uuid: str, moment: Moment) -> None:
    running = changes.current(tx, session_uuid)
    if running is not None:
        call_recordings.stopping(tx, running.recording_id, reason="interrupted", at=moment.epoch)


def _resume_recording(tx: Connection, session_uuid: str, elapsed: float) -> None:
    running = changes.current(tx, session_uuid)
    if running is not None and running.is_paused:
        changes.recording_resumed(tx, running, elapsed=elapsed)


def _said(legs: Sequence[Party]) -> dict[str, Any]:
    """What the switch has said of the call, if it has."""
    said = next((call for leg in legs if (call := leg.call) is not None), None)
    return {} if said is None else {"call": said}
