"""What became of packets on the way: lost, doubled, overtaken, and their jitter (RFC 3550 A.1, A.3, A.8)."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from daemon.media.quality import Received

DROPOUT = 3000
"""So many packets missed in a row are a gap in one stream (RFC 3550 A.1); more are a new beginning."""
MISORDER = 100
"""A packet less than so many places behind was overtaken; one further behind may be a new beginning."""
_SEEN = (1 << MISORDER) - 1
_ROOM = 0x10000
"""Below the first sequence number: the packet before it may have been overtaken."""


class Verdict(Enum):
    """What a packet is to the stream."""

    FRESH = auto()
    DUPLICATE = auto()
    STRAY = auto()
    """Out of all order: maybe the first of a new beginning. To be dropped; the next packet tells."""
    RESTARTED = auto()
    """The sender counts from somewhere else now: this packet is the first, or second, of a new beginning."""


class Standing(NamedTuple):
    """What became of the present stream alone, as RTCP reports it (RFC 3550 §6.4.1, A.3)."""

    stream: int
    """Its number: with another one everything is counted anew."""
    expected: int
    received: int
    """Packets, those that came late or twice among them."""
    highest: int
    """The highest sequence number, counted on in 32 bits."""
    jitter: int
    """In steps of its timestamps."""


class Reception:
    """The statistics of one leg's packets, over all streams that it had one after the other.

    `packets` counts those that came, once each; `reordered` those of them that another one had overtaken.
    """

    def __init__(self, clock_rate: int) -> None:
        self.packets = 0
        self.duplicates = 0
        self.reordered = 0
        self.strays = 0
        self._clock_rate = clock_rate
        self._jitter = 0.0
        self._lost_before = self._duplicates_before = 0
        self._streams = 0
        self._begun = False
        self._lowest = self._highest = 0  # counted on beyond 16 bits
        self._received = 0
        self._seen = 0  # bit n: the packet n places before the highest has come
        self._suspect = -1
        self._last_arrival = 0.0
        self._last_timestamp = 0

    @property
    def lost(self) -> int:
        """Packets that should have come and have not, so far."""
        expected = self._highest - self._lowest + 1 if self._begun else 0
        return self._lost_before + max(0, expected - self._received)

    @property
    def jitter(self) -> float:
        """Interarrival jitter in seconds (RFC 3550 §6.4.1)."""
        return self._jitter / self._clock_rate

    def received(self, *, drift_ppm: float | None) -> Received:
        """All of it, with how fast the sender's clock is known to run."""
        return Received(
            packets=self.packets,
            lost=self.lost,
            reordered=self.reordered,
            duplicates=self.duplicates,
            jitter_ms=round(self.jitter * 1000, 3) if self.packets else None,
            drift_ppm=drift_ppm,
        )

    @property
    def standing(self) -> Standing:
        """The present stream, for a report."""
        return Standing(
            stream=self._streams,
            expected=self._highest - self._lowest + 1 if self._begun else 0,
            received=self._received + self.duplicates - self._duplicates_before,
            highest=self._highest - _ROOM & 0xFFFFFFFF,
            jitter=int(self._jitter),
        )

    @property
    def last_arrival(self) -> float:
        """When a packet came last (keys aside)."""
        return self._last_arrival

    def silent_for(self, now: float) -> float:
        """Seconds since a packet came last (keys aside, which alone are no call)."""
        return now - self._last_arrival

    def begin(self, clock_rate: int) -> None:
        """A new stream (another SSRC, other numbers) follows: what was lost of the old one stays counted."""
        self._lost_before = self.lost
        self._duplicates_before = self.duplicates
        self._streams += 1
        self.change(clock_rate)
        self._begun = False
        self._received = 0

    def change(self, clock_rate: int) -> None:
        """The stream goes on, and its timestamps count at another rate behind the newest packet."""
        self._jitter *= clock_rate / self._clock_rate
        self._clock_rate = clock_rate

    def arrived(self, sequence: int, timestamp: int, arrival: float, *, timed: bool = True) -> Verdict:
        """Count a packet that came at `arrival` (seconds). `timed`: its timestamp says when it was sent.

        Those of a key all have the timestamp of its beginning (RFC 4733 §2.2.1): they say nothing of jitter.
        """
        if not self._begun:
            return self._first(sequence, timestamp, arrival, Verdict.FRESH)
        ahead = (sequence - self._highest) & 0xFFFF
        if 0 < ahead < DROPOUT:
            self._highest += ahead
            self._seen = (self._seen << ahead | 1) & _SEEN if ahead < MISORDER else 1
        elif ahead == 0 or 0x10000 - ahead < MISORDER:
            if self._overtaken((0x10000 - ahead) & 0xFFFF) is Verdict.DUPLICATE:
                return Verdict.DUPLICATE
        elif sequence == self._suspect:
            self.begin(self._clock_rate)
            return self._first(sequence, timestamp, arrival, Verdict.RESTARTED)
        else:
            self._suspect = (sequence + 1) & 0xFFFF
            self.strays += 1
            return Verdict.STRAY
        if not timed:
            self.packets += 1
            self._received += 1
            return Verdict.FRESH
        steps = (timestamp - self._last_timestamp) & 0xFFFFFFFF
        self._count(steps if steps <= 0x7FFFFFFF else steps - 0x100000000, (arrival,))
        self._last_timestamp = timestamp
        return Verdict.FRESH

    def is_newest(self, sequence: int) -> bool:
        """Whether the next packet is counted from this one: none of its stream is further on."""
        return self._begun and self._highest & 0xFFFF == sequence

    def followed(self, steps: int, arrivals: Sequence[float]) -> None:
        """Count packets that went on with the newest one, which was the last to come, each as `arrived` does.

        Their timestamps are `steps` apart.
        """
        count = len(arrivals)
        self._highest += count
        self._seen = (((self._seen + 1) << count) - 1) & _SEEN
        self._last_timestamp = (self._last_timestamp + steps * count) & 0xFFFFFFFF
        self._count(steps, arrivals)

    def _overtaken(self, behind: int) -> Verdict:
        if self._seen >> behind & 1:
            self.duplicates += 1
            return Verdict.DUPLICATE
        self._seen |= 1 << behind
        self._lowest = min(self._lowest, self._highest - behind)
        self.reordered += 1
        return Verdict.FRESH

    def _first(self, sequence: int, timestamp: int, arrival: float, verdict: Verdict) -> Verdict:
        self._begun = True
        self._lowest = self._highest = sequence + _ROOM
        self._seen = 1
        self._suspect = -1
        self._last_arrival, self._last_timestamp = arrival, timestamp
        self.packets += 1
        self._received = 1
        return verdict

    def _count(self, steps: int, arrivals: Sequence[float]) -> None:
        self.packets += len(arrivals)
        self._received += len(arrivals)
        last, jitter, rate = self._last_arrival, self._jitter, self._clock_rate
        for arrival in arrivals:
            transit = (arrival - last) * rate - steps
            if -rate < transit < rate:  # beyond a second: the sender's clock jumped
                jitter += (abs(transit) - jitter) / 16
            last = arrival
        self._last_arrival, self._jitter = last, jitter
