"""The webhooks' payloads, as types: what `daemon.calls.changes` stores, for the API's document."""

from typing import Annotated, Literal

from pydantic import Field

from daemon.api import examples
from daemon.api.quality_shapes import Quality
from daemon.api.shape import Shape, Side, like
from daemon.calls.changes import Cause
from wavstream.protocol import Reason

Sequence = Annotated[int, Field(ge=1)]


class _Event(Shape):
    session_uuid: str = Field(description="The call that it is about.")
    sequence: Sequence = Field(description="1 for the call's first event, then one more each.")


def _numbered(event: str, sequence: int, **fields: object) -> dict[str, object]:
    return {"event": event, "session_uuid": examples.SESSION_UUID, "sequence": sequence, **fields}


class CallNew(_Event):
    """A call begins."""

    model_config = like(_numbered("call.new", 1, **examples.CALL))

    event: Literal["call.new"] = Field(description="Always that.")
    caller_id: str | None = Field(description="Who calls; null where unknown.")
    did: str | None = Field(description="The number that was called; null where unknown.")


class CommandResult(_Event):
    """What a command came to. Sent at once."""

    model_config = like(
        _numbered(
            "command.result",
            2,
            command="record/start",
            command_uid=examples.COMMAND_UID,
            operation_id=examples.OPERATION_ID,
            success=True,
        )
    )

    event: Literal["command.result"] = Field(description="Always that.")
    command: str = Field(description="The command, for example `record/start`.")
    command_uid: str = Field(description="Its idempotency key.")
    operation_id: str = Field(description="The one that the command's answer named.")
    success: bool = Field(description="Whether it was done.")
    error: str = Field(default="", description="Why not; only there where `success` is false.")


class _OfRecording(_Event):
    recording_id: str = Field(description="The recording.")
    command_uid: str = Field(description="That of its `record/start`.")


class RecordingCompleted(_OfRecording):
    """A recording can be downloaded: a GET of `recording_url` answers with the whole file."""

    model_config = like(
        _numbered(
            "recording.completed",
            4,
            recording_id=examples.RECORDING_ID,
            command_uid=examples.COMMAND_UID,
            reason="stopped",
            **examples.KEPT,
        )
    )

    event: Literal["recording.completed"] = Field(description="Always that.")
    recording_url: str = Field(description="Where the file can be had, without credentials.")
    duration: float = Field(description="Its length in seconds.")
    reason: Reason = Field(description="Why it stopped.")
    sha256: str = Field(description="The file's SHA-256 in hex.")
    size: int = Field(description="The file's size in bytes.")
    expires_at: float | None = Field(
        description="When the URL ends, seconds since the epoch; null where a store's own policy rules."
    )
    quality: dict[Side, Quality] | None = Field(
        description="How good each side is; null where that is not known, as after a crash of the daemon."
    )
    no_audio: bool | None = Field(
        description="Whether there is no sound in it at all: a file of silence; null where it is not known."
    )


class RecordingNoAudio(_OfRecording):
    """A running recording has had no sound on a leg for RECORDING_NO_AUDIO_SECONDS: it may be in vain.

    Once a silence: of the same leg again only after there has been a sound on it. Not while it is paused.
    """

    model_config = like(
        _numbered(
            "recording.no_audio",
            3,
            recording_id=examples.RECORDING_ID,
            command_uid=examples.COMMAND_UID,
            legs=["caller"],
            silent_seconds=30.5,
        )
    )

    event: Literal["recording.no_audio"] = Field(description="Always that.")
    legs: list[Side] = Field(description="All legs that are silent.", min_length=1)
    silent_seconds: float = Field(description="For so long there has been no sound on any of them.", ge=0)


class RecordingFailed(_OfRecording):
    """No audio could be kept."""

    model_config = like(
        _numbered(
            "recording.failed",
            4,
            recording_id=examples.RECORDING_ID,
            command_uid=examples.COMMAND_UID,
            error="wavstream: the disk is full",
        )
    )

    event: Literal["recording.failed"] = Field(description="Always that.")
    error: str = Field(description="Why.")


class CallHangup(_Event):
    """A call is over."""

    model_config = like(_numbered("call.hangup", 5, cause="hangup"))

    event: Literal["call.hangup"] = Field(description="Always that.")
    cause: Cause = Field(description="Why it ended.")


EVENTS: dict[str, type[Shape]] = {
    "call.new": CallNew,
    "command.result": CommandResult,
    "recording.no_audio": RecordingNoAudio,
    "recording.completed": RecordingCompleted,
    "recording.failed": RecordingFailed,
    "call.hangup": CallHangup,
}
"""All there are, by name."""
