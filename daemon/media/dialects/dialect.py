"""What every dialect of call audio over a WebSocket gives: messages as events, and what may be said back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from daemon.media.codecs import Codec

Message = str | bytes
"""A WebSocket message: text, or binary."""
Voice = Literal[0, 1]
"""Whose audio it is on a connection that carries two: 0 the caller's side (inbound, left), 1 the other."""


class DialectError(Exception):
    """A message that nobody can go on from. Its text may be shown to whoever sent it."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What the switch says of its call. All of it is the sender's word: bounded, but not to be believed."""

    call_id: str | None = None
    caller_id: str | None = None
    did: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What else it said: JSON values, at most MOST_FIELDS_BYTES of them as JSON."""


class Sound(NamedTuple):
    """Audio in order of arrival: whole samples in `codec`.

    `time` is when its first sample was spoken, in seconds from a beginning of the sender's own, and `number`
    its place in the order of sending; None where the dialect has no such thing.
    """

    voice: Voice
    codec: Codec
    payload: bytes
    time: float | None = None
    number: int | None = None


class Pressed(NamedTuple):
    """A key of the telephone: one of 0-9, *, #, A-D."""

    digit: str


class Reply(NamedTuple):
    """A message that the switch waits for."""

    message: Message


class Over(NamedTuple):
    """The switch has said that nothing more will come."""


Event = Begun | Sound | Pressed | Reply | Over

MOST_FIELDS_BYTES = 4096
"""Of what a switch says of its call: numbers, names, variables. More is left out, whole fields at a time."""


class Dialect(Protocol):
    """One connection's conversation. No I/O: messages in, events out."""

    @property
    def name(self) -> str:
        """As the API shows it."""

    def receive(self, message: Message) -> list[Event]:
        """Take in one message. Raises DialectError; what is only unknown is passed over and counted."""

    def silence(self, seconds: float) -> Message | None:
        """A message of so much silence to the far end; None where it takes none, or not now."""

    def goodbye(self) -> Message | None:
        """What ends the call's media from our side, before the close; None where the close says it all."""

    @property
    def codec(self) -> Codec | None:
        """In which its audio comes, as soon as that is known, be it before any has come."""

    @property
    def unknown(self) -> int:
        """Messages that were passed over."""

    @property
    def held(self) -> int:
        """Bytes of audio that wait for a word of their rate."""
