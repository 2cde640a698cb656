"""What the API answers, as types: the answers are made from them, and so is the document about them.

Times are seconds since the epoch (UTC), durations seconds, sizes bytes.
"""

from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field

from daemon.api import examples
from daemon.api.leg_shapes import AudioSocketLeg, Leg, Media, WebSocketLeg
from daemon.api.quality_shapes import Quality
from daemon.api.shape import Count, Shape, Side, like
from daemon.calls.changes import Cause
from storage.call_recordings import CallRecordingState
from storage.sessions import SessionState
from wavstream.protocol import Encoding, Reason


class Problem(Shape):
    """Every answer that is not a success."""

    model_config = like({"success": False, "error": "no such session"})

    success: Literal[False] = Field(default=False, description="Always false.")
    error: str = Field(description="What is wrong, in words that a person can act on.")


class _Call(Shape):
    session_uuid: str = Field(description="The call's name: `NODE-UUID4`.")
    state: SessionState = Field(
        description="`waiting` until its first audio, then `active`; `ended` for good."
    )
    caller_id: str | None = Field(description="Who calls, as it was registered.")
    did: str | None = Field(description="The number that was called, as it was registered.")


class SessionCreated(_Call):
    """A call that has just been registered."""

    model_config = like(
        {
            "session_uuid": examples.SESSION_UUID,
            "state": "waiting",
            **examples.CALL,
            "media": examples.MEDIA,
        }
    )

    media: Media = Field(description="Where its audio may be sent.")


class SessionSummary(_Call):
    """A call in a list."""

    model_config = like(examples.SESSION)

    created_at: float = Field(description="When it was registered; seconds since the epoch.")
    ended_at: float | None = Field(description="When it ended; seconds since the epoch.")
    cause: Cause | None = Field(description="Why it ended.")


class SessionPage(Shape):
    """A page of calls, newest first."""

    model_config = like({"sessions": [examples.SESSION], "next": None})

    sessions: list[SessionSummary] = Field(description="The calls.")
    next: str | None = Field(description="The `cursor` of the next page; null on the last one.")


class Placed(Shape):
    """What became of a leg's samples in a recording, counted at the leg's own rate."""

    model_config = like(examples.PLACED)

    placed: Count = Field(description="Samples in the recording.")
    masked: Count = Field(description="Samples spoken in a pause: silence stands in their place.")
    duplicate: Count = Field(description="Samples whose place was taken by an earlier packet.")
    late: Count = Field(description="Samples that came when their place was closed.")
    early: Count = Field(description="Samples that claimed a place too far ahead.")
    outside: Count = Field(description="Samples spoken before the recording began or after its stop.")
    filled: Count = Field(description="Samples of silence in the place of what never came.")


Pause = Annotated[list[float | None], Field(min_length=2, max_length=2)]


def _none_is_empty(pauses: object) -> object:
    return [] if pauses is None else pauses


class Recording(Shape):
    """A recording of a call."""

    model_config = like(examples.COMPLETED)

    recording_id: str = Field(description="Its name, a UUID.")
    state: CallRecordingState = Field(
        description="`recording` until its stop, `finishing` until all of it is on wavstream's disk, then"
        " `completed` or `failed`; `erased` once it was taken away."
    )
    command_uid: str = Field(description="That of its `record/start`.")
    reason: Reason | None = Field(description="Why it stopped.")
    sample_rate: int = Field(description="Samples a second.")
    channels: int = Field(description="1 mono, 2 stereo: the caller left, the callee right.", ge=1, le=2)
    encoding: Encoding = Field(description="How a sample is written.")
    started_at: float = Field(description="When it began; seconds since the epoch.")
    stopped_at: float | None = Field(description="When it was told to stop; seconds since the epoch.")
    duration: float | None = Field(description="Its length in seconds; null until it is known.")
    size: Count | None = Field(description="The file's size in bytes.")
    sha256: str | None = Field(description="The file's SHA-256 in hex.")
    recording_url: str | None = Field(description="Where the finished file can be had, without credentials.")
    expires_at: float | None = Field(
        description="When that URL ends, seconds since the epoch; null where nothing ends it."
    )
    error: str | None = Field(description="Why nothing could be kept, where it failed.")
    paused: bool = Field(
        validation_alias=AliasChoices("is_paused", "paused"), description="Whether it runs and hears nothing."
    )
    pauses: Annotated[list[Pause], BeforeValidator(_none_is_empty)] = Field(
        description="[from, to] in seconds from its start; `to` null: it was not resumed."
    )
    audio: dict[Side, Placed] | None = Field(
        validation_alias=AliasChoices("heard", "audio"), description="What became of each leg's samples."
    )
    quality: dict[Side, Quality] | None = Field(
        description="How good each side is; null where that is not known, as after a crash of the daemon."
    )
    no_audio: bool | None = Field(
        description="Whether there is no sound in it at all; null until its end, and where that is not known."
    )
    erased_at: float | None = Field(description="When it was taken away; seconds since the epoch.")


class LiveRecording(Recording):
    """A recording that runs now: `duration` is what is in it so far."""

    model_config = like(examples.LIVE)

    connected: bool = Field(description="Whether wavstream is connected.")
    allowance_ms: Count = Field(description="So late audio may come and still take its place, by now.")
    kept: float = Field(description="Seconds of audio that wavstream has.")
    waiting: float = Field(description="Seconds of audio that wait in the daemon's memory.")
    lost: float = Field(description="Seconds of audio replaced by silence: wavstream was away too long.")


class Session(SessionSummary):
    """A call whole."""

    model_config = like(
        {
            **examples.SESSION,
            "media": examples.MEDIA,
            "legs": [examples.LEG],
            "recording": examples.LIVE,
        }
    )

    media: Media = Field(description="Where its audio may be sent.")
    legs: list[Annotated[Leg | AudioSocketLeg | WebSocketLeg, Field(discriminator="kind")]] = Field(
        description="How its legs stand, or stood when it ended."
    )
    recording: LiveRecording | Recording | None = Field(
        description="The present or last recording; null where there was none."
    )


class Recordings(Shape):
    """All recordings of a call, newest first."""

    model_config = like({"recordings": [examples.COMPLETED]})

    recordings: list[Recording] = Field(description="The recordings.")


class CommandTaken(Shape):
    """A command was taken. Its outcome is the `command.result` webhook."""

    model_config = like(
        {
            "operation_id": examples.OPERATION_ID,
            "status": "in_progress",
            "timeout_ms": 2000,
            "command_uid": examples.COMMAND_UID,
        }
    )

    operation_id: str = Field(description="A UUID, which the `command.result` repeats.")
    status: Literal["in_progress"] = Field(default="in_progress", description="Always that.")
    timeout_ms: int = Field(description="Within so many milliseconds the outcome is stored as a webhook.")
    command_uid: str = Field(description="The idempotency key, as given or as it was made.")


class Status(Shape):
    """All is well."""

    model_config = like({"status": "ok"})

    status: Literal["ok"] = Field(default="ok", description="Always that.")
