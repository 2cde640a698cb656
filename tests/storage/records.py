"""Records to put into a catalogue; whatever a test does not care about is filled in."""

from typing import Any

from sqlalchemy import Connection

from storage import sessions
from storage.call_recordings import CallRecording
from storage.commands import Command
from storage.recordings import Recording
from storage.sessions import Session


def a_session(session_uuid: str = "node1-s", **given: Any) -> Session:
    known: dict[str, Any] = {
        "app_id": "app",
        "node": "node1",
        "state": "waiting",
        "legs": 1,
        "created_at": 100.0,
    }
    return Session(session_uuid=session_uuid, **known | given)


def with_session(tx: Connection, session_uuid: str = "node1-s", **given: Any) -> str:
    """Insert a session for other rows to refer to; returns its UUID."""
    sessions.insert(tx, a_session(session_uuid, **given))
    return session_uuid


def a_command(command_uid: str = "uid", **given: Any) -> Command:
    known: dict[str, Any] = {
        "session_uuid": "node1-s",
        "command": "record/start",
        "operation_id": "operation",
        "success": True,
        "created_at": 100.0,
    }
    return Command(command_uid=command_uid, **known | given)


def a_call_recording(recording_id: str = "recording", **given: Any) -> CallRecording:
    known: dict[str, Any] = {
        "session_uuid": "node1-s",
        "app_id": "app",
        "command_uid": "uid",
        "state": "recording",
        "sample_rate": 8000,
        "channels": 1,
        "encoding": "pcm16",
        "started_at": 100.0,
    }
    return CallRecording(recording_id=recording_id, **known | given)


def a_recording(recording_id: str = "recording", **given: Any) -> Recording:
    known: dict[str, Any] = {
        "token": f"abcd{recording_id}",
        "state": "recording",
        "sample_rate": 8000,
        "channels": 1,
        "encoding": "pcm16",
        "started_at": 100.0,
    }
    return Recording(recording_id=recording_id, **known | given)
