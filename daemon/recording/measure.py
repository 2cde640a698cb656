"""How good a recording is: each side's quality from its start to its stop, whatever the legs did before."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from daemon.legs.leg import SIDE_NAMES, Leg, Side, SideName
from daemon.media.quality import Quality, Received
from daemon.media.timeline import Timeline

_NOTHING = Received()


class Silence(NamedTuple):
    """No sound on a side of a recording, for so many seconds; those of a pause, and before it, do not count.

    The last sound was at `since` (`trio.current_time()`, to a beat); without any, the recording began then.
    """

    seconds: float
    since: float


class Measure:
    """Measures one recording of these legs. Before `begin` nothing counts, after `end` nothing more does."""

    def __init__(self, legs: Sequence[Leg], timeline: Timeline) -> None:
        self._legs = legs
        self._timeline = timeline
        self._before: dict[Leg, Received] = {}
        self._after: dict[Leg, Received] = {}

    def begin(self) -> None:
        """The recording begins: what has arrived by now was sent before it."""
        self._before = self._taken()

    def end(self) -> None:
        """The recording was told to stop: what arrives from now on was sent after it."""
        self._after = self._taken()

    def _taken(self) -> dict[Leg, Received]:
        for leg in self._legs:
            leg.poll()
        return {leg: leg.received for leg in self._legs}

    def quality(self) -> dict[SideName, Quality]:
        """That of each side: of what the timeline has given out so far."""
        return {SIDE_NAMES[side]: self._of(side, leg) for side, leg in self._sides().items()}

    def _sides(self) -> dict[Side, Leg]:
        """Each side and the leg that brings it: a leg may bring the other side as well, where none has it."""
        own = {leg.side: leg for leg in self._legs}
        return {side: own.get(side, self._legs[0]) for side in sorted({*own, *self._timeline.sides})}

    def _of(self, side: Side, leg: Leg) -> Quality:
        timeline = self._timeline
        spans = timeline.spans(side)
        received = self._after.get(leg, leg.received).since(self._before.get(leg, _NOTHING))
        return Quality(
            **asdict(received),
            late_seconds=spans.late,
            dropped_seconds=spans.dropped,
            filled_seconds=max(0.0, timeline.closed / timeline.rate - spans.heard),
            silent_seconds=timeline.silent(side),
            audible=timeline.audible_until(side) > 0,
        )

    def silences(self) -> dict[SideName, Silence]:
        """That of each side up to now; none has 0 seconds."""
        timeline = self._timeline
        return {
            SIDE_NAMES[side]: Silence(timeline.silent(side), timeline.start + timeline.audible_until(side))
            for side in self._sides()
        }
