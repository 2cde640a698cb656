"""The sender's half of a dialect of call audio over a WebSocket. No I/O: packets in, messages out."""

import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import uuid4

from daemon.caller.faults import Turn
from daemon.caller.talk import Talk

Message = str | bytes
"""A WebSocket message: text, or binary."""
Messages = Sequence[Message]


class Call(NamedTuple):
    """What a switch knows of a call. The numbers are from those that Ofcom keeps for drama."""

    call_id: str
    caller_id: str = "+441632960961"
    did: str = "+441632960100"


def new_call() -> Call:
    """A call with an id of its own."""
    return Call(str(uuid4()))


class Heard(NamedTuple):
    """What a message from the far end was."""

    audio: bool = False
    replies: Sequence[Message] = ()
    over: bool = False
    """Whether the far end has asked for the end."""


class Dialect(Protocol):
    """One connection's messages, as its switch sends them."""

    name: str
    """As it stands in the path of the URL."""

    @property
    def query(self) -> Mapping[str, str]:
        """What the URL says, because no message does."""

    def upgrade(self, host: str, key: str) -> Sequence[str]:
        """The header lines of the upgrade, as the switch writes them; `host` with its port."""

    def begin(self) -> Messages:
        """The messages before any audio."""

    def packet(self, talk: Talk, turn: Turn) -> Messages:
        """The messages of the packet whose turn it is."""

    def finish(self, talk: Talk, sent: int) -> None:
        """The talk is over, of which so many packets were sent: the next one counts on from it."""

    def receive(self, message: Message) -> Heard:
        """Take in a message from the far end."""

    def goodbye(self) -> Messages:
        """The messages before the close."""


def plain_upgrade(host: str, key: str, *more: str) -> list[str]:
    """Header lines as most libraries write them (RFC 6455 §4.1)."""
    return [
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *more,
    ]


def hex_id(prefix: str) -> str:
    """An id as such companies make them: two letters, and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)
