"""From audio whose messages say when it was spoken, and in which order it was sent, to placed audio."""

from collections import OrderedDict
from collections.abc import Callable
from math import inf
from typing import NamedTuple

from daemon.media.codecs import Codec
from daemon.media.heard import Heard, Memory, stretched
from daemon.media.placing import memory_of
from daemon.media.senderclock import SenderClock

ROUNDING_SECONDS = 0.005
"""A message that follows another to this stands behind it without a seam: its time may be rounded."""
MOST_OVERTAKEN = 100
"""Messages by which one may come too late, two seconds of them: further back its sender counts anew."""
MOST_MISSING = 0x4000
"""Messages that the clock knows of as missing: half of what it can tell from as many that come late."""
GOING_ON_SECONDS = 1.0
"""Whose numbers begin anew, and whose time goes on to this, is the same sender as before."""


class Timed(NamedTuple):
    """One message's audio: whole samples, the first of them spoken at `time` (seconds) by its sender's clock.

    `number` is its place in the order of sending.
    """

    codec: Codec
    payload: bytes
    time: float
    number: int

    @property
    def samples(self) -> int:
        """How many steps of the codec's clock."""
        return len(self.payload) // self.codec.bytes_per_sample

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.samples / self.codec.clock_rate

    @property
    def end(self) -> float:
        """When its last sample was spoken."""
        return self.time + self.seconds


class ByTime:
    """By the sender's time (see `senderclock`): what is lost, overtaken or paused shows in it."""

    def __init__(self, voice: int = 0) -> None:
        self.codec: Codec | None = None
        self._voice = voice
        self._memory: Memory | None = None
        self._before = (0, 0)  # anchors and corrections of clocks of other rates
        self._clock = SenderClock(8000)
        self._fresh: list[Timed] = []
        self._last_look = -inf  # at which the sender was heard or could have been
        self._known: OrderedDict[int, float] = OrderedDict()  # the time of each of the last numbers
        self._newest = -1  # the highest number,
        self._sequence = 0  # what the clock knows it by,
        self._end = 0.0  # and when it ends
        self._heard: list[Heard] = []
        self.duplicates = 0
        """Messages that came twice,"""
        self.reordered = 0
        """that came behind a later one,"""
        self.lost = 0
        """and that never came: by the time that they would have filled."""

    @property
    def waiting(self) -> bool:
        """Whether audio has come that has no place yet."""
        return bool(self._fresh)

    @property
    def anchored(self) -> int:
        """How often the sender's audio was laid upon our clock, anew after a pause."""
        return self._before[0] + self._clock.anchored

    @property
    def corrected(self) -> int:
        """Samples by which its audio was moved, one by one."""
        return self._before[1] + self._clock.corrected

    @property
    def drift_ppm(self) -> float | None:
        """By how many millionths the sender's clock is faster than ours; None until that is known."""
        return self._clock.drift.ppm

    def take(self, timed: Timed) -> None:
        """Take in what has come."""
        if timed.samples:
            self._fresh.append(timed)

    def look(self, now: float, *, whole: bool) -> None:  # noqa: ARG002 - each message has its time with it
        """All that came by `now` (seconds) has been taken; `whole` is false where there is more of it."""
        fresh, self._fresh = self._fresh, []
        arrival_of = self._arrivals(fresh, now)
        placed: list[Heard] = []
        for timed in fresh:
            if timed.codec != self.codec:
                self._keep(placed)
                placed = []
                self._switch(timed.codec)
            placed += self._placed(timed, arrival_of(timed))
        self._keep(placed)
        if self._known:
            self._last_look = now

    def finish(self, now: float) -> None:
        """Nothing more comes of this connection: all of it gets its place, and the next one is an anchor."""
        self.look(now, whole=True)
        self._begin_anew()
        self._last_look = -inf
        self._memory = memory_of(self.codec)

    def _begin_anew(self) -> None:
        self._clock.restart()
        self._known.clear()
        self._newest = -1

    def _count_anew(self, timed: Timed) -> None:
        """Its numbers have fallen: they have wrapped, or else another has taken its place."""
        if abs(timed.time - self._end) > GOING_ON_SECONDS:
            self._begin_anew()
            return
        self._known = OrderedDict({timed.number - 1: self._end})
        self._newest = timed.number - 1

    def _arrivals(self, fresh: list[Timed], now: float) -> Callable[[Timed], float]:
        """When each may have come: the last one now, those before it as much earlier as they were spoken.

        But none before the look at which it had not come: so what was held up shows as late. What comes
        first of all may have been on its way, or waited for its leg, for long.
        """
        last = max((timed.end for timed in fresh), default=0.0)
        return lambda timed: max(self._last_look, now - (last - timed.end))

    def _switch(self, codec: Codec) -> None:
        if codec.clock_rate != self._clock.rate:
            self._before = self.anchored, self.corrected
            self._clock = SenderClock(codec.clock_rate)
            self._begin_anew()
        self.codec = codec
        self._memory = memory_of(codec)

    def _placed(self, timed: Timed, arrival: float) -> list[Heard]:
        """Nothing where that message has come already."""
        if timed.number < self._newest - MOST_OVERTAKEN:
            self._count_anew(timed)
        if timed.number in self._known:
            self.duplicates += 1
            return []
        ahead = timed.number - self._newest
        self._count(ahead, timed)
        index = self._clock.place(
            sequence=self._sequence + min(ahead, MOST_MISSING) & 0xFFFF,
            timestamp=round(self._know(timed) * timed.codec.clock_rate) & 0xFFFFFFFF,
            samples=timed.samples,
            arrival=arrival,
        )
        if ahead > 0:
            self._newest, self._end = timed.number, self._known[timed.number]
            self._sequence += min(ahead, MOST_MISSING)
        payload, step = timed.payload, self._clock.stepped
        if step and self._memory is None:
            payload, index = stretched(payload, timed.codec.bytes_per_sample, step), index - step
        return [Heard(index, timed.codec, payload, self._voice)]

    def _count(self, ahead: int, timed: Timed) -> None:
        """How many have been missed, or that one of them has come."""
        if ahead < 0:
            self.reordered += 1
            self.lost = max(0, self.lost - 1)
        elif self._newest >= 0 and ahead > 1:
            missing = round((timed.time - self._end) / timed.seconds)
            self.lost += max(0, min(missing, ahead - 1))

    def _know(self, timed: Timed) -> float:
        """When it was spoken: as it says, but without a seam to the message before where that may be."""
        expected = self._known.get(timed.number - 1, inf)
        time = expected if abs(timed.time - expected) <= ROUNDING_SECONDS else timed.time
        self._known[timed.number] = time + timed.seconds
        if len(self._known) > MOST_OVERTAKEN:
            self._known.popitem(last=False)
        return time

    def _keep(self, placed: list[Heard]) -> None:
        self._heard += placed if self._memory is None else self._memory.decoded(placed)

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""
        heard, self._heard = _joined(self._heard), []
        return heard


def _joined(heard: list[Heard]) -> list[Heard]:
    """Neighbours without a seam in one piece."""
    groups: list[list[Heard]] = []
    for each in heard:
        last = groups[-1][-1] if groups else None
        if last is not None and last.end == each.place and last.codec == each.codec:
            groups[-1].append(each)
        else:
            groups.append([each])
    return [group[0]._replace(payload=b"".join(each.payload for each in group)) for group in groups]
