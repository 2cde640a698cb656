"""What may stand in a request's body. No I/O."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from daemon.api import examples
from daemon.media import codecs
from daemon.media.keys import PAYLOAD_TYPE

MAX_BODY_BYTES = 64 * 1024
"""More than any body of this API needs."""

MOST_OF_A_NAME = 80
"""Characters shown of a field that there is not."""


class BodyError(Exception):
    """A body that is not what the call takes. Its text may be shown to the client."""


class Body(BaseModel):
    """A JSON object with nothing in it that is not asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _whole(value: object) -> object:
    """JSON has one kind of number, and 1.0 is an integer of it (JSON Schema 2020-12, section 4.2.2)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
CommandUid = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9._-]+$")]
Party = Annotated[str, Field(max_length=128, json_schema_extra={"format": "printable"})]
"""A telephone number, a name, a SIP address: what the switch knows about a party."""


def _optional(schema: dict[str, Any]) -> None:
    """Say nothing of a default that only stands for an absent field."""
    del schema["default"]


class CommandBody(Body):
    """The body of every command."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"command_uid": examples.COMMAND_UID}]})

    # Absent it is empty here, which no given one can be.
    command_uid: CommandUid = Field(
        default="",
        description="The caller's idempotency key, for the session and the command. Absent, one is made.",
        json_schema_extra=_optional,
    )


class RtpFormat(Body):
    """What a call's RTP carries under a payload type that is not static (RFC 3551 section 3)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"payload_type": 96, "encoding": "L16", "rate": 16000}],
            "anyOf": [
                {"properties": {"encoding": {"const": "L16"}, "rate": {"enum": list(codecs.RATES)}}},
                {"properties": {"encoding": {"enum": ["PCMU", "PCMA"]}, "rate": {"const": 8000}}},
                {"properties": {"encoding": {"const": "G722"}, "rate": {"enum": [8000, 16000]}}},
            ],
        }
    )

    payload_type: Whole = Field(ge=0, le=127, description="The RTP payload type that the sender uses.")
    encoding: Literal["PCMU", "PCMA", "G722", "L16"] = Field(description="How its samples are written.")
    rate: Whole = Field(
        default=8000,
        description="Samples a second; 8000 for PCMU and PCMA; for G722 16000, or 8000 as SDP has it.",
    )

    @model_validator(mode="after")
    def _codec_exists(self) -> Self:
        codecs.named(self.encoding, self.rate)  # its ValueError has the words
        return self


class SessionBody(Body):
    """The body of `POST /api/v1/sessions`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {**examples.CALL, "legs": 2}]})

    caller_id: Party | None = Field(default=None, description="Who calls: printable, as the switch knows it.")
    did: Party | None = Field(default=None, description="The number that is called: printable.")
    legs: Whole = Field(default=1, ge=1, le=2, description="2: caller and callee are heard apart.")
    repin: bool = Field(
        default=False,
        description="Whether a leg's sender may go on from another address, once it was silent for 2 s at its"
        " own (a NAT bound it anew, a call was moved). Without it no stranger is ever heard.",
    )
    silence: bool = Field(
        default=True,
        description="Whether silence goes back, so that no switch hangs up for want of it; false: nothing is"
        " ever sent to a leg's audio.",
    )
    telephone_event: Whole = Field(
        default=PAYLOAD_TYPE,
        ge=0,
        le=127,
        description="The RTP payload type of pressed keys (RFC 4733), where it is not the usual 101.",
    )
    rtp: RtpFormat | None = Field(
        default=None, description="What the RTP carries, where no static payload type says it."
    )

    @field_validator("caller_id", "did")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("takes printable characters")
        return value


class ApplicationBody(Body):
    """The body of `POST /admin/apps/{app_id}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "webhook_url": "https://shop.example/hooks",
                    "api_key": "a key of 16 characters or more",
                    "rate_limit": 0,
                    "events": ["recording.completed"],
                }
            ]
        }
    )

    webhook_url: str = Field(
        default="",
        description="Where its webhooks go: an https: URL at a public address; empty: nowhere.",
        json_schema_extra={"format": "webhook-url"},
    )
    api_key: str = Field(
        min_length=16,
        max_length=256,
        description="Printable ASCII, no blank at either end. The key before it stays good until the next.",
        json_schema_extra={"pattern": "^[!-~][ -~]*[!-~]$"},
    )
    rate_limit: Whole = Field(default=0, ge=0, le=10_000, description="Requests a minute; 0: the default.")
    events: list[
        Literal[
            "call.new",
            "command.result",
            "recording.no_audio",
            "recording.completed",
            "recording.failed",
            "call.hangup",
        ]
    ] = Field(default_factory=list, description="The events to deliver; empty: all.")

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
