"""What a dialect of the audio input is to the listener, which knows none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from wavstream.ingest.websocket import WebSocket


class RefusedError(Exception):
    """A request that is answered with an HTTP `status` instead of 101; the text says why."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Closing:
    """With which code and words a connection is to be closed, if its peer has not closed it."""

    code: int
    reason: str = ""


class Conversation(Protocol):
    """One connection's talk. The listener calls `run`, then `drain` if that was cut short, then `release`."""

    async def run(self, websocket: WebSocket) -> Closing:
        """Talk until one of the two has done."""
        ...

    async def drain(self, websocket: WebSocket) -> None:
        """Take in what has arrived by now: the server stops. Bounded by the listener."""
        ...

    def release(self) -> None:
        """The connection is over, in whatever way: let go of what it held."""
        ...


class Dialect(Protocol):
    """A path's dialect."""

    def subprotocol(self, offered: Sequence[str]) -> str | None:
        """The subprotocol to answer with (RFC 6455 section 1.9), None for none.

        One that is not among those `offered` is one that the client has to speak: it is refused.
        """
        ...

    def conversation(self, query: Mapping[str, str], *, peer: str) -> Conversation:
        """A talk with a peer that has asked with these query parameters. Raises RefusedError."""
        ...
