"""The `wavstream.v1` messages: all that the two programs say to each other about a recording.

Text messages are JSON objects told apart by `type`; binary messages are audio that goes on from the
offset reached so far. Offsets count bytes of audio, without any header. No I/O, no clock.

A key that is not listed here is refused, and so is a value of another type: what one side misspells must not
become the other's default.
"""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

SUBPROTOCOL = "wavstream.v1"
PATH = "/v1/stream"
MAX_MESSAGE_BYTES = 1 << 20
"""No message of either kind is longer; a sender cuts its audio below it."""
MAX_TEXT_CHARACTERS = 1 << 16
"""No text is longer: metadata is what is known of a call, not a place to keep things."""

Encoding = Literal["pcm16", "ulaw", "alaw"]
Reason = Literal["stopped", "hangup", "interrupted"]

_MOST_WORDS = 200  # of a wrong message's own, in the error about it

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}")


class ProtocolError(Exception):
    """A message that breaks the protocol. Its text may be shown to the peer."""


def _identifier(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value):
        raise ValueError("takes 8 to 64 of A-Z a-z 0-9 _ -")
    return value


RecordingId = Annotated[str, AfterValidator(_identifier)]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Start(_Message):
    """From the client: begin, or come back to, one recording."""

    type: Literal["start"] = "start"
    recording_id: RecordingId
    sample_rate: int = Field(ge=8000, le=48000)
    channels: int = Field(ge=1, le=2)
    encoding: Encoding
    metadata: dict[str, Any] = Field(default_factory=dict)
    """Free for the client; `started_at` (seconds since the epoch), where given, is the time of sample 0.

    But `dialect`, where given, is replaced by the path: the server goes by it.
    """


class Ready(_Message):
    """From the server: send from byte `offset` on."""

    type: Literal["ready"] = "ready"
    offset: int = Field(ge=0)


class Ack(_Message):
    """From the server: everything before byte `offset` is in the file, safe from the server's death."""

    type: Literal["ack"] = "ack"
    offset: int = Field(ge=0)


class Stop(_Message):
    """From the client: that was all; the recording is `offset` bytes of audio long."""

    type: Literal["stop"] = "stop"
    offset: int = Field(ge=0)
    reason: Reason = "stopped"
    metadata: dict[str, Any] = Field(default_factory=dict)
    """What became known since `start`: it joins the recording's metadata."""


class Completed(_Message):
    """From the server: on the disk, downloadable at `url` until `expires_at` (null: no such promise)."""

    type: Literal["completed"] = "completed"
    recording_id: RecordingId
    duration: float
    size: int
    sha256: str
    url: str
    expires_at: float | None


class Error(_Message):
    """From the server: what went wrong; the connection closes."""

    type: Literal["error"] = "error"
    code: str
    message: str


Message = Annotated[Start | Ready | Ack | Stop | Completed | Error, Field(discriminator="type")]

_ANY: TypeAdapter[Start | Ready | Ack | Stop | Completed | Error] = TypeAdapter(Message)


def encode(message: _Message) -> str:
    """The text of a message."""
    return message.model_dump_json()


def decode(text: str) -> Start | Ready | Ack | Stop | Completed | Error:
    """The message of a text. Raises ProtocolError."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise ProtocolError(f"message: longer than {MAX_TEXT_CHARACTERS} characters")
    try:
        message = _ANY.validate_json(text)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise ProtocolError(f"{where[:_MOST_WORDS]}: {first['msg'][:_MOST_WORDS]}") from None
    if isinstance(message, Start | Stop):
        _check_numbers(message.metadata)
    return message


def _check_numbers(metadata: dict[str, Any]) -> None:
    """What is kept has to be JSON again: `NaN` and `Infinity` are read by many, and are none."""
    try:
        json.dumps(metadata, allow_nan=False)
    except ValueError:
        raise ProtocolError("metadata: a number that JSON does not have") from None
