"""What the API shows of sessions, recordings, applications and dead letters. No I/O."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.api import operator_shapes, shapes
from daemon.legs.leg import SIDE_NAMES
from daemon.legs.lines import Lines
from daemon.legs.party import Party
from storage.applications import Application
from storage.call_recordings import CallRecording
from storage.commands import Command
from storage.outbox import Event
from storage.sessions import Session

COMMAND_TIMEOUT_MS = 2000
"""Within which a command's outcome is stored as a webhook; it is, in truth, before the answer."""
_OF_THE_MOMENT = ("allowance_ms", "duration", "connected", "kept", "waiting", "lost", "audio", "quality")
"""What only the running recording knows."""


def media(legs: Sequence[Party], lines: Lines) -> dict[str, Any]:
    """Where a call's audio may be sent."""
    sides = [(leg, {"leg": SIDE_NAMES[leg.side]}) for leg in legs]
    audiosocket = lines.audiosocket.address._asdict()
    return {
        "rtp": [{**side, **leg.rtp.address._asdict()} for leg, side in sides],
        "audiosocket": [{**side, **audiosocket, "uuid": leg.audiosocket.name} for leg, side in sides],
        "websocket": [{**side, "url": lines.url(leg.websocket.name)} for leg, side in sides],
    }


def created(row: Session, legs: Sequence[Party], lines: Lines) -> shapes.SessionCreated:
    """A session that has just been registered."""
    return shapes.SessionCreated.model_validate(
        {
            "session_uuid": row.session_uuid,
            "state": row.state,
            "caller_id": row.caller_id,
            "did": row.did,
            "media": media(legs, lines),
        }
    )


def summary(row: Session) -> shapes.SessionSummary:
    """A session in a list."""
    return shapes.SessionSummary.model_validate(row)


def session(
    row: Session,
    legs: Sequence[Party],
    lines: Lines,
    kept: CallRecording | None,
    live: Mapping[str, Any] | None,
) -> shapes.Session:
    """A session whole; `legs` are those of a live one, `live` is how a running recording stands."""
    return shapes.Session.model_validate(
        {
            **dict(summary(row)),
            "media": media(legs, lines),
            "legs": [leg.view() for leg in legs] or row.heard or [],
            "recording": None if kept is None else recording(kept, live),
        }
    )


def recording(
    row: CallRecording, live: Mapping[str, Any] | None = None
) -> shapes.Recording | shapes.LiveRecording:
    """A recording; while it runs, its duration and its audio's counts are those of the moment."""
    view = shapes.Recording.model_validate(row)
    if live is None or live["recording_id"] != row.recording_id or row.duration is not None:
        return view
    return shapes.LiveRecording.model_validate(
        {**dict(view), **{name: live[name] for name in _OF_THE_MOMENT}}
    )


def command(taken: Command) -> shapes.CommandTaken:
    """The answer to a command; its outcome is the `command.result` webhook."""
    return shapes.CommandTaken(
        operation_id=taken.operation_id, timeout_ms=COMMAND_TIMEOUT_MS, command_uid=taken.command_uid
    )


def application(row: Application, secret: str | None = None) -> operator_shapes.Application:
    """An application without its secrets, except for one that has just been made."""
    shown = {
        "app_id": row.app_id,
        "webhook_url": row.webhook_url,
        "rate_limit": row.rate_limit,
        "events": list(row.events),
    }
    if secret is None:
        return operator_shapes.Application.model_validate(shown)
    return operator_shapes.ApplicationCreated.model_validate({**shown, "webhook_secret": secret})


def application_now(row: Application) -> operator_shapes.ApplicationNow:
    """An application without its secrets, and how its webhooks stand."""
    return operator_shapes.ApplicationNow(
        **dict(application(row)),
        webhook_secrets=len(row.webhook_secrets),
        webhook_disabled_at=row.webhook_disabled_at,
    )


def letter(row: Event) -> operator_shapes.DeadLetter:
    """A dead letter in a list."""
    return operator_shapes.DeadLetter.model_validate(row)


def whole_letter(row: Event) -> operator_shapes.WholeDeadLetter:
    """A dead letter with what it says; `payload` is empty where its recording was erased."""
    return operator_shapes.WholeDeadLetter(**dict(letter(row)), payload=json.loads(row.payload))
