"""The commands to a call: what each comes to, decided and stored in one transaction, then done."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import trio
from sqlalchemy import Connection

from daemon.calls import changes
from daemon.calls.cooldown import Cooldown
from daemon.calls.moment import Moment
from daemon.calls.session import Order, Session
from daemon.calls.sessions import Sessions, ShuttingDownError
from daemon.recording.endpoint import RecordingFormat
from storage import call_recordings, commands, sessions
from storage.call_recordings import CallRecording
from storage.catalog import Catalog
from storage.commands import Command
from wavstream.process import logs

HEAVY = frozenset({"record/start", "record/stop", "play_and_get_digits"})
"""The commands that share one cooldown."""
MOST_FINISHING = 4
"""Stopped recordings of one call that may wait for wavstream: each holds its audio in memory until then."""
OVER = "the call has ended"

log = logs.get(__name__)


class UnknownCommandError(Exception):
    """There is no such command."""


class UnknownSessionError(Exception):
    """There is no such session."""


class ForeignSessionError(Exception):
    """The session belongs to another application."""


class NoWavstreamError(Exception):
    """There is nowhere to record to: WAVSTREAM_URL is not set."""


class CooldownError(Exception):
    """The session's last heavy command is too recent."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.3f} s too early")
        self.seconds = seconds
        """How long to wait."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A command as it was given. `command_uid` "" asks for one to be made; `moment` is when it arrived."""

    app_id: str
    session_uuid: str
    command: str
    command_uid: str
    moment: Moment


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What a command comes to: an error, or what is written with it and then done to the live call."""

    error: str | None = None
    write: Callable[[Connection], object] = lambda _tx: None
    act: Callable[[Session], None] = lambda _live: None
    """Must not wait: it is done with the commit, or not at all."""


@dataclass(frozen=True)
class _Taken:
    command: Command
    act: Callable[[Session], None] | None
    """None for a repeat."""


@dataclass(frozen=True, kw_only=True)
class _Context:
    """What is known beside the catalogue when a command is decided."""

    can_record: bool
    format: RecordingFormat | None
    """That of a recording which would begin now; None where none can."""
    wait: float
    """Seconds until the session may have its next heavy command."""


class Commands:
    """Takes commands. `announce` is called when an event was stored."""

    def __init__(self, catalog: Catalog, live: Sessions, *, announce: Callable[[], None]) -> None:
        self._catalog = catalog
        self._sessions = live
        self._announce = announce
        self._cooldown = Cooldown()

    async def execute(self, request: Request) -> Command:
        """Take a command, or give the first answer again to one that was taken before.

        The outcome is in the answer, and on its way as `command.result`. Raises UnknownCommandError,
        UnknownSessionError, ForeignSessionError, NoWavstreamError, CooldownError, ShuttingDownError,
        CatalogError; none of them has changed anything.
        """
        if request.command not in _PLANS:
            raise UnknownCommandError
        async with self._sessions.lock(request.session_uuid):
            if self._sessions.closing:
                raise ShuttingDownError
            live = self._sessions.live(request.session_uuid)
            context = self._context(request, live)
            taken = await self._catalog.run(partial(_take, request=request, context=context))
            # From here to the end there is no checkpoint: what was stored is done, whoever is cancelled.
            if taken.act is not None:
                self._do(request, taken.command, taken.act, live)
        return taken.command

    def _context(self, request: Request, live: Session | None) -> _Context:
        recorder = self._sessions.recorder
        heavy = request.command in HEAVY
        return _Context(
            can_record=recorder.can_record,
            format=recorder.format(live.legs) if recorder.can_record and live and not live.over else None,
            wait=self._cooldown.remaining(request.session_uuid, trio.current_time()) if heavy else 0.0,
        )

    def _do(
        self, request: Request, command: Command, act: Callable[[Session], None], live: Session | None
    ) -> None:
        if request.command in HEAVY:
            self._cooldown.charge(request.session_uuid, trio.current_time())
        if live is not None:
            act(live)
        self._announce()
        log.info(
            "command taken",
            session=request.session_uuid,
            command=request.command,
            success=command.success,
            error=command.error,
        )


def _take(tx: Connection, request: Request, context: _Context) -> _Taken:
    """Decide a command and store what it comes to."""
    session = sessions.get(tx, request.session_uuid)
    if session is None:
        raise UnknownSessionError
    if session.app_id != request.app_id:
        raise ForeignSessionError
    known = commands.find(tx, request.session_uuid, request.command, request.command_uid)
    if known is not None:
        return _Taken(known, None)
    if request.command == "record/start" and not context.can_record:
        raise NoWavstreamError
    if context.wait > 0:
        raise CooldownError(context.wait)
    command_uid = request.command_uid or str(uuid.uuid4())
    plan = _PLANS[request.command](tx, session, replace(request, command_uid=command_uid), context)
    command = Command(
        session_uuid=request.session_uuid,
        command=request.command,
        command_uid=command_uid,
        operation_id=str(uuid.uuid4()),
        success=plan.error is None,
        error=plan.error,
        created_at=request.moment.epoch,
    )
    changes.command_answered(tx, command, request.app_id)
    plan.write(tx)
    return _Taken(command, plan.act)


def _record_start(tx: Connection, session: sessions.Session, request: Request, context: _Context) -> _Plan:
    if session.state == "ended" or context.format is None:
        return _Plan(error=OVER)
    states = [each.state for each in call_recordings.of_session(tx, session.session_uuid)]
    if "recording" in states:
        return _Plan(error="the call is being recorded already")
    if states.count("finishing") >= MOST_FINISHING:
        return _Plan(error="earlier recordings of the call still wait for wavstream")
    order = Order(
        recording_id=str(uuid.uuid4()),
        command_uid=request.command_uid,
        format=context.format,
        started=request.moment,
    )
    row = CallRecording(
        recording_id=order.recording_id,
        session_uuid=session.session_uuid,
        app_id=session.app_id,
        command_uid=request.command_uid,
        state="recording",
        sample_rate=order.format.sample_rate,
        channels=order.format.channels,
        encoding=order.format.encoding,
        started_at=request.moment.epoch,
    )
    return _Plan(write=lambda tx: call_recordings.insert(tx, row), act=lambda live: live.record(order))


def _record_stop(tx: Connection, session: sessions.Session, request: Request, _context: _Context) -> _Plan:
    recording = changes.current(tx, session.session_uuid)
    if recording is None:
        over = session.state == "ended"
        return _Plan(error=OVER if over else "the call is not being recorded")
    stopping = partial(
        call_recordings.stopping,
        recording_id=recording.recording_id,
        reason="stopped",
        at=request.moment.epoch,
    )
    return _Plan(write=stopping, act=lambda live: live.stop_recording(request.moment.monotonic, "stopped"))


def _hangup(_tx: Connection, session: sessions.Session, request: Request, _context: _Context) -> _Plan:
    if session.state == "ended":
        return _Plan(error=OVER)
    ending = partial(changes.session_ends, session=session, cause="hangup", at=request.moment.epoch)
    return _Plan(write=ending, act=lambda live: live.hang_up(request.moment.monotonic, "hangup"))


_PLANS: Mapping[str, Callable[[Connection, sessions.Session, Request, _Context], _Plan]] = {
    "record/start": _record_start,
    "record/stop": _record_stop,
    "hangup": _hangup,
}
"""One entry a command."""
NAMES = tuple(_PLANS)
"""All commands that there are."""
