"""What each command comes to: decided from the catalogue and the live call; nothing is done yet."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from daemon.calls import changes
from daemon.calls.moment import Moment
from daemon.calls.session import Order, Session
from daemon.recording.endpoint import RecordingFormat
from storage import call_recordings, sessions
from storage.call_recordings import CallRecording

MOST_FINISHING = 4
"""Stopped recordings of one call that may wait for wavstream: each holds its audio in memory until then."""
MOST_PAUSES = 1000
"""Of one recording: all of them are stored again with each, and no conversation needs more."""
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
    wait: float = 0.0
    """Seconds until the session may have its next heavy command."""
    elapsed: float = 0.0
    """Seconds from the beginning of the present recording to the command; 0 where none runs."""
    heard: list[dict[str, Any]] | None = None
    """What the call's legs have received; asked for only where the command ends the call."""


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
        return Plan(error=_not_recorded(session))
    stopping = partial(
        call_recordings.stopping,
        recording_id=recording.recording_id,
        reason="stopped",
        at=request.moment.epoch,
    )
    return Plan(write=stopping, act=lambda live: live.stop_recording(request.moment.monotonic, "stopped"))


def _record_pause(tx: Connection, session: sessions.Session, request: Request, context: Context) -> Plan:
    recording = changes.current(tx, session.session_uuid)
    if recording is None:
        return Plan(error=_not_recorded(session))
    pauses = recording.pauses or []
    if recording.is_paused:
        return Plan(error="the recording is paused already")
    if len(pauses) >= MOST_PAUSES:
        return Plan(error=f"the recording has been paused {MOST_PAUSES} times: stop it and start another")
    pausing = partial(
        call_recordings.pausing,
        recording_id=recording.recording_id,
        pauses=[*pauses, [context.elapsed, None]],
    )
    return Plan(write=pausing, act=lambda live: live.pause_recording(request.moment.monotonic))


def _record_resume(tx: Connection, session: sessions.Session, request: Request, context: Context) -> Plan:
    recording = changes.current(tx, session.session_uuid)
    if recording is None:
        return Plan(error=_not_recorded(session))
    if not recording.is_paused:
        return Plan(error="the recording is not paused")
    return Plan(
        write=partial(changes.recording_resumed, recording=recording, elapsed=context.elapsed),
        act=lambda live: live.resume_recording(request.moment.monotonic),
    )


def _not_recorded(session: sessions.Session) -> str:
    return OVER if session.state == "ended" else "the call is not being recorded"


def _hangup(_tx: Connection, session: sessions.Session, request: Request, context: Context) -> Plan:
    if session.state == "ended":
        return Plan(error=OVER)
    ending = partial(
        changes.session_ends, session=session, cause="hangup", at=request.moment.epoch, heard=context.heard
    )
    return Plan(write=ending, act=lambda live: live.hang_up(request.moment.monotonic, "hangup"))


PLANS: Mapping[str, Callable[[Connection, sessions.Session, Request, Context], Plan]] = {
    "record/start": _record_start,
    "record/stop": _record_stop,
    "record/pause": _record_pause,
    "record/resume": _record_resume,
    "hangup": _hangup,
}
"""One entry a command."""
NAMES = tuple(PLANS)
"""All commands that there are."""
