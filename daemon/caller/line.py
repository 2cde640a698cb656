"""What every line into a call is to whoever speaks: packets go in by their turns, silence comes back."""

from typing import Protocol

from daemon.caller.faults import Turn
from daemon.caller.talk import Talk


class LineError(Exception):
    """A line cannot be opened. Its text is one plain line."""


class Line(Protocol):
    """An open line. Neither `send` nor `listen` ever waits, so that many lines share a wake-up."""

    @property
    def sent(self) -> int:
        """Packets of audio that have left."""

    @property
    def unsent(self) -> int:
        """Packets that nobody took: there was no room for them, or no far end any more."""

    @property
    def heard(self) -> int:
        """Packets of audio that came back: the silence which keeps a switch from hanging up."""

    def send(self, talk: Talk, turn: Turn) -> None:
        """Send the talk's packet whose turn it is."""

    def finish(self, talk: Talk, sent: int) -> None:
        """The talk is over, of which the speaker sent so many packets: the next one follows behind it."""

    def listen(self) -> None:
        """Count what has come back since the last time, and answer what has to be answered."""

    async def hang_up(self) -> None:
        """End it as its kind does, and let go of it. Bounded; twice does no harm."""
