"""What every kind of leg is to a recording and to its session."""

from dataclasses import asdict
from typing import Any, Literal, Protocol

from daemon.media.quality import Received
from daemon.media.timeline import CALLEE, CALLER, Side, Timeline

__all__ = ["CALLEE", "CALLER", "SIDE_NAMES", "Leg", "Side", "SideName", "quality"]

SideName = Literal["caller", "callee"]
SIDE_NAMES: tuple[SideName, SideName] = ("caller", "callee")


class Leg(Protocol):
    """One direction of a call's audio, and the way back to who speaks it.

    All times are seconds of `trio.current_time()`. None of these waits.
    """

    @property
    def side(self) -> Side:
        """Whose voice it is."""

    @property
    def rate(self) -> int:
        """Samples a second: of what is heard, or, before anything was, of what is expected."""

    @property
    def last_heard(self) -> float:
        """When it was heard last; before that, since when it listens."""

    @property
    def received(self) -> Received:
        """What has come to it since it listens, up to the last `poll`."""

    def attach(self, timeline: Timeline) -> None:
        """Place all audio there from now on, also that of the last moments; the recording polls each beat."""

    def detach(self, timeline: Timeline) -> None:
        """Place nothing there any more. Does nothing where it is not attached."""

    def poll(self) -> None:
        """Take in all that has arrived up to now."""

    def send_silence(self, now: float) -> None:
        """Let the far end hear that somebody is there: one packet of silence, where the leg can carry it."""

    def view(self) -> dict[str, Any]:
        """How the leg stands, in words and numbers for a person."""


def quality(leg: Leg, now: float) -> dict[str, Any]:
    """What the view of every leg says of its quality at `now`, besides all that only its kind has."""
    return {**asdict(leg.received), "unheard_seconds": round(max(0.0, now - leg.last_heard), 3)}
