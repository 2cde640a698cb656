"""What each command comes to: decided from the catalogue and the live call; nothing is done yet."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from daemon.calls import changes
from daemon.calls.moment import Moment
from daemon.calls.session import Order, Session
from daemon.recording.endpoint import RecordingFormat
from storage import call_recordings, sessions
from storage.call_recordings import CallRecording

MOST_FINISHING = 4
"""Stopped recordings of one call that may wait for wavstream: each holds its audio in memory until then."""
OVER = "the call has ended"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A command as it was given. `command_uid` "" asks for one to be made; `moment` is when it arrived."""

    app_id: str
    session_uuid: str
    command: str
    command_uid: str
    moment: Moment


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a command comes to: an error, or what is written with it and then done to the live call."""

    error: str | None = None
    write: Callable[[Connection], object] = lambda _tx: None
    act: Callable[[Session], None] = lambda _live: None
    """Must not wait: it is done with the commit, or not at all."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known beside the catalogue when a command is decided."""

    can_record: bool
    format: RecordingFormat | None
    """That of a recording which would begin now; None where none can."""
    wait: float
    """Seconds until the session may have its next heavy command."""


def _record_start(tx: Connection, session: sessions.Session, request: Request, context: Context) -> Plan:
    if session.state == "ended" or context.format is None:
        return Plan(error=OVER)
    states = [each.state for each in call_recordings.of_session(tx, session.session_uuid)]
    if "recording" in states:
        return Plan(error="the call is being recorded already")
    if states.count("finishing") >= MOST_FINISHING:
        return Plan(error="earlier recordings of the call still wait for wavstream")
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
    return Plan(write=lambda tx: call_recordings.insert(tx, row), act=lambda live: live.record(order))


def _record_stop(tx: Connection, session: sessions.Session, request: Request, _context: Context) -> Plan:
    recording = changes.current(tx, session.session_uuid)
    if recording is None:
        over = session.state == "ended"
        return Plan(error=OVER if over else "the call is not being recorded")
    stopping = partial(
        call_recordings.stopping,
        recording_id=recording.recording_id,
        reason="stopped",
        at=request.moment.epoch,
    )
    return Plan(write=stopping, act=lambda live: live.stop_recording(request.moment.monotonic, "stopped"))


def _hangup(_tx: Connection, session: sessions.Session, request: Request, _context: Context) -> Plan:
    if session.state == "ended":
        return Plan(error=OVER)
    ending = partial(changes.session_ends, session=session, cause="hangup", at=request.moment.epoch)
    return Plan(write=ending, act=lambda live: live.hang_up(request.moment.monotonic, "hangup"))


PLANS: Mapping[str, Callable[[Connection, sessions.Session, Request, Context], Plan]] = {
    "record/start": _record_start,
    "record/stop": _record_stop,
    "hangup": _hangup,
}
"""One entry a command."""
