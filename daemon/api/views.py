"""What the API shows of sessions, recordings and applications, as JSON. No I/O.

Times are seconds since the epoch (UTC), durations seconds, sizes bytes.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.legs.leg import SIDE_NAMES
from daemon.legs.rtp import RtpLeg
from storage.applications import Application
from storage.call_recordings import CallRecording
from storage.commands import Command
from storage.outbox import Event
from storage.sessions import Session

COMMAND_TIMEOUT_MS = 2000
"""Within which a command's outcome is stored as a webhook; it is, in truth, before the answer."""


def media(legs: Sequence[RtpLeg]) -> dict[str, Any]:
    """Where a call's audio may be sent."""
    return {"rtp": [{"leg": SIDE_NAMES[leg.side], **leg.address._asdict()} for leg in legs]}


def created(row: Session, legs: Sequence[RtpLeg]) -> dict[str, Any]:
    """A session that has just been registered."""
    return {
        "session_uuid": row.session_uuid,
        "state": row.state,
        "caller_id": row.caller_id,
        "did": row.did,
        "media": media(legs),
    }


def summary(row: Session) -> dict[str, Any]:
    """A session in a list."""
    return {
        "session_uuid": row.session_uuid,
        "state": row.state,
        "caller_id": row.caller_id,
        "did": row.did,
        "created_at": row.created_at,
        "ended_at": row.ended_at,
        "cause": row.cause,
    }


def session(
    row: Session, legs: Sequence[RtpLeg], kept: CallRecording | None, live: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A session whole; `legs` are those of a live one, `live` is how a running recording stands."""
    return {
        **summary(row),
        "media": media(legs),
        "legs": [leg.view() for leg in legs] or row.heard or [],
        "recording": None if kept is None else recording(kept, live),
    }


def recording(row: CallRecording, live: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A recording; while it runs, its duration and its audio's counts are those of the moment."""
    view = {
        "recording_id": row.recording_id,
        "state": row.state,
        "command_uid": row.command_uid,
        "reason": row.reason,
        "sample_rate": row.sample_rate,
        "channels": row.channels,
        "encoding": row.encoding,
        "started_at": row.started_at,
        "stopped_at": row.stopped_at,
        "duration": row.duration,
        "size": row.size,
        "sha256": row.sha256,
        "recording_url": row.recording_url,
        "expires_at": row.expires_at,
        "error": row.error,
        "paused": row.is_paused,
        "pauses": row.pauses or [],
        "audio": row.heard,
        "erased_at": row.erased_at,
    }
    if live is not None and live["recording_id"] == row.recording_id and row.duration is None:
        view |= {name: live[name] for name in ("duration", "connected", "kept", "waiting", "lost", "audio")}
    return view


def command(taken: Command) -> dict[str, Any]:
    """The answer to a command; its outcome is the `command.result` webhook."""
    return {
        "operation_id": taken.operation_id,
        "status": "in_progress",
        "timeout_ms": COMMAND_TIMEOUT_MS,
        "command_uid": taken.command_uid,
    }


def application(row: Application, secret: str | None = None) -> dict[str, Any]:
    """An application without its secrets, except for one that has just been made."""
    view = {
        "success": True,
        "app_id": row.app_id,
        "webhook_url": row.webhook_url,
        "rate_limit": row.rate_limit,
        "events": list(row.events),
    }
    return view if secret is None else {**view, "webhook_secret": secret}


def application_now(row: Application) -> dict[str, Any]:
    """An application without its secrets, and how its webhooks stand."""
    return {
        **application(row),
        "webhook_secrets": len(row.webhook_secrets),
        "webhook_disabled_at": row.webhook_disabled_at,
    }


def letter(row: Event) -> dict[str, Any]:
    """A dead letter in a list."""
    return {
        "event_id": row.event_id,
        "app_id": row.app_id,
        "session_uuid": row.session_uuid,
        "sequence": row.sequence,
        "event": row.event,
        "created_at": row.created_at,
        "resent_at": row.tried_since,
        "attempts": row.attempts,
        "error": row.last_error,
    }


def whole_letter(row: Event) -> dict[str, Any]:
    """A dead letter with what it says; `payload` is empty where its recording was erased."""
    return {**letter(row), "payload": json.loads(row.payload)}
