"""What may stand in a request's body. No I/O."""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from daemon.media import codecs

MAX_BODY_BYTES = 64 * 1024
"""More than any body of this API needs."""

MOST_OF_A_NAME = 80
"""Characters shown of a field that there is not."""


class BodyError(Exception):
    """A body that is not what the call takes. Its text may be shown to the client."""


class Body(BaseModel):
    """A JSON object with nothing in it that is not asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


CommandUid = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9._-]+$")]
Party = Annotated[str, Field(max_length=128)]
"""A telephone number, a name, a SIP address: what the switch knows about a party."""


class CommandBody(Body):
    """The body of every command."""

    command_uid: CommandUid = ""
    """The caller's idempotency key; absent (here empty, which no given one can be): one is made."""


class RtpFormat(Body):
    """What a call's RTP carries under a payload type that is not static (RFC 3551 section 3)."""

    payload_type: int = Field(ge=0, le=127)
    encoding: Literal["PCMU", "PCMA", "L16"]
    rate: int = 8000
    """Samples a second."""

    @model_validator(mode="after")
    def _codec_exists(self) -> Self:
        codecs.named(self.encoding, self.rate)  # its ValueError has the words
        return self


class SessionBody(Body):
    """The body of `POST /api/v1/sessions`."""

    caller_id: Party | None = None
    did: Party | None = None
    legs: int = Field(default=1, ge=1, le=2)
    rtp: RtpFormat | None = None

    @field_validator("caller_id", "did")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("takes printable characters")
        return value


class ApplicationBody(Body):
    """The body of `POST /admin/apps/{app_id}`."""

    webhook_url: str = ""
    api_key: str = Field(min_length=16, max_length=256)
    rate_limit: int = Field(default=0, ge=0, le=10_000)
    """Requests a minute; 0: the default."""
    events: list[
        Literal["call.new", "command.result", "recording.completed", "recording.failed", "call.hangup"]
    ] = Field(default_factory=list)
    """The events to deliver; empty: all."""

    @field_validator("api_key")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not (value.isascii() and value.isprintable()) or value != value.strip():
            raise ValueError("takes 16 printable ASCII characters at least, no blank at either end")
        return value


B = TypeVar("B", bound=Body)


def parse(kind: type[B], body: bytes) -> B:
    """The body of a request as a `kind`; an empty body is an empty object. Raises BodyError."""
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False, include_context=False)[0]
        where = _shown(".".join(str(part) for part in first["loc"])) or "body"
        words = "no such field" if first["type"] == "extra_forbidden" else first["msg"]
        raise BodyError(f"{where}: {words.removeprefix('Value error, ')}") from None


def _shown(name: str) -> str:
    """A field's name, which the client may have made up, as it may stand in an error and in the log."""
    return name.encode("unicode_escape").decode()[:MOST_OF_A_NAME]
