"""What can become of a session and a recording: each change with its event, in one transaction.

Every function takes the transaction (`tx`) that holds both, so that neither is ever there without the other.
Those that return a bool report False, and store no event, where the change had been made before: so each
call and each recording ends once, whoever comes first.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import Connection

from daemon.legs.leg import SideName
from storage import call_recordings, commands, outbox, sessions
from storage.call_recordings import CallRecording
from storage.commands import Command
from storage.sessions import Session
from wavstream.protocol import Completed, Reason

Cause = Literal["hangup", "leg_lost", "shutdown", "daemon_restarted", "error"]
"""Why a call ended: the command, nothing heard of it for too long, the daemon's end, its restart after a
sudden end, or a failure in it."""

REASONS: dict[Cause, Reason] = {
    "hangup": "hangup",
    "leg_lost": "hangup",  # RTP just stops when somebody hangs up (RFC 3550 has BYE; few send it)
    "shutdown": "interrupted",
    "daemon_restarted": "interrupted",
    "error": "interrupted",
}
"""The `reason` of a recording that was running when its call ended."""


def session_begins(tx: Connection, session: Session) -> None:
    """A call was registered: `call.new`."""
    sessions.insert(tx, session)
    outbox.append(
        tx,
        session_uuid=session.session_uuid,
        app_id=session.app_id,
        event="call.new",
        fields={"caller_id": session.caller_id, "did": session.did},
        now=session.created_at,
    )


def session_ends(
    tx: Connection,
    session: Session,
    *,
    cause: Cause,
    at: float,
    heard: list[dict[str, Any]] | None = None,
) -> bool:
    """A call is over, and with it its recording, whose own event follows later: `call.hangup`.

    `heard` is what its legs had received by then.
    """
    if not sessions.end(tx, session.session_uuid, cause=cause, at=at, heard=heard):
        return False
    recording = current(tx, session.session_uuid)
    if recording is not None:
        call_recordings.stopping(tx, recording.recording_id, reason=REASONS[cause], at=at)
    outbox.append(
        tx,
        session_uuid=session.session_uuid,
        app_id=session.app_id,
        event="call.hangup",
        fields={"cause": cause},
        now=at,
    )
    return True


def current(tx: Connection, session_uuid: str) -> CallRecording | None:
    """The recording that runs now; one that was told to stop does not."""
    for recording in call_recordings.of_session(tx, session_uuid):
        if recording.state == "recording":
            return recording
    return None


def command_answered(tx: Connection, command: Command, app_id: str) -> None:
    """A command was taken, with whatever outcome: `command.result`."""
    commands.insert(tx, command)
    fields: dict[str, object] = {
        "command": command.command,
        "command_uid": command.command_uid,
        "operation_id": command.operation_id,
        "success": command.success,
    }
    if command.error is not None:
        fields["error"] = command.error
    outbox.append(
        tx,
        session_uuid=command.session_uuid,
        app_id=app_id,
        event="command.result",
        fields=fields,
        now=command.created_at,
    )


def recording_resumed(tx: Connection, recording: CallRecording, *, elapsed: float) -> bool:
    """A paused recording goes on, `elapsed` seconds from its start. No event: there is none for it."""
    *earlier, (start, _) = recording.pauses or [[elapsed, None]]
    pauses = [*earlier, [start, max(elapsed, start or 0.0)]]
    return call_recordings.pausing(tx, recording.recording_id, pauses=pauses)


def recording_completed(
    tx: Connection,
    recording_id: str,
    *,
    kept: Completed,
    now: float,
    heard: dict[str, Any] | None = None,
    quality: dict[str, Any] | None = None,
) -> bool:
    """A recording can be downloaded: `recording.completed`. False also where there is no such recording.

    It says whether there is anything in it: a file of silence is no success to whoever waits for a call's.
    """
    recording = call_recordings.get(tx, recording_id)
    if recording is None:
        return False
    # Nobody told it to stop: then wavstream ended it, having waited for its sender in vain.
    reason = recording.reason or "interrupted"
    changed = call_recordings.completed(
        tx,
        recording_id,
        reason=reason,
        url=kept.url,
        duration=kept.duration,
        size=kept.size,
        sha256=kept.sha256,
        expires_at=kept.expires_at,
        heard=heard,
        quality=quality,
    )
    if changed:
        ended = replace(recording, quality=quality, duration=kept.duration)
        _append(
            tx,
            recording,
            "recording.completed",
            now,
            recording_url=kept.url,
            duration=kept.duration,
            reason=reason,
            sha256=kept.sha256,
            size=kept.size,
            expires_at=kept.expires_at,
            quality=quality,
            no_audio=ended.no_audio,
        )
    return changed


def recording_unheard(
    tx: Connection, recording: CallRecording, *, legs: Sequence[SideName], silent_seconds: float, now: float
) -> bool:
    """A recording hears nothing on these legs: `recording.no_audio`. False where it does not run, or may not.

    For `silent_seconds` there has been no sound on any of them.
    """
    if recording.state != "recording" or recording.is_paused:
        return False
    fields = {"legs": list(legs), "silent_seconds": round(silent_seconds, 3)}
    _append(tx, recording, "recording.no_audio", now, **fields)
    return True


def recording_failed(tx: Connection, recording_id: str, *, error: str, now: float) -> bool:
    """No audio could be kept: `recording.failed`. False also where there is no such recording."""
    recording = call_recordings.get(tx, recording_id)
    if recording is None or not call_recordings.failed(tx, recording_id, error=error):
        return False
    _append(tx, recording, "recording.failed", now, error=error)
    return True


def recording_erased(tx: Connection, recording: CallRecording, *, at: float) -> bool:
    """A recording was taken away. No event: whoever asked for it has the answer."""
    if not call_recordings.erase(tx, recording.recording_id, at=at):
        return False
    outbox.forget(tx, recording.session_uuid, recording.recording_id)
    return True


def _append(tx: Connection, recording: CallRecording, event: str, now: float, **fields: object) -> None:
    own = {"command_uid": recording.command_uid, "recording_id": recording.recording_id}
    outbox.append(
        tx,
        session_uuid=recording.session_uuid,
        app_id=recording.app_id,
        event=event,
        fields=fields | own,
        now=now,
    )
