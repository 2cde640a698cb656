"""How good a recording is: each side's quality from its start to its stop, whatever the legs did before."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import NamedTuple

from daemon.legs.leg import SIDE_NAMES, Leg, SideName
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
        return {SIDE_NAMES[leg.side]: self._of(leg) for leg in self._legs}

    def _of(self, leg: Leg) -> Quality:
        timeline = self._timeline
        spans = timeline.spans(leg.side)
        received = self._after.get(leg, leg.received).since(self._before.get(leg, _NOTHING))
        return Quality(
            **asdict(received),
            late_seconds=spans.late,
            dropped_seconds=spans.dropped,
            filled_seconds=max(0.0, timeline.closed / timeline.rate - spans.heard),
            silent_seconds=timeline.silent(leg.side),
            audible=timeline.audible_until(leg.side) > 0,
        )

    def silences(self) -> dict[SideName, Silence]:
        """That of each side up to now; none has 0 seconds."""
        timeline, sides = self._timeline, [leg.side for leg in self._legs]
        return {
            SIDE_NAMES[side]: Silence(timeline.silent(side), timeline.start + timeline.audible_until(side))
            for side in sides
        }
