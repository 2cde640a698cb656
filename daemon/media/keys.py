"""Keys pressed in a call: telephone events (RFC 4733)."""

import struct
from collections import deque
from typing import NamedTuple

PAYLOAD_TYPE = 101
"""What nearly every telephone uses."""
DIGITS = "0123456789*#ABCD"
"""The key of each event from 0 on (RFC 4733 §3.2); what comes after them is no key."""
MOST_WAITING = 64
"""So many are kept until they are asked for, which is once a beat: nobody presses more in that time."""
_EVENT = struct.Struct("!BBH")
_LONGEST = 0xFFFF
"""A key held for longer goes on in another segment, with a timestamp so much later (RFC 4733 §2.5.1.3)."""
_RECENT = 8
"""So many events are remembered by their timestamps: the last packets of one may be overtaken by the next."""


class Key(NamedTuple):
    """A key, and when it went down: seconds, by the clock of the arrivals."""

    digit: str
    at: float


class Keys:
    """The keys of one leg. An event comes in many packets, each with the timestamp of its beginning."""

    def __init__(self) -> None:
        self.pressed = 0
        self._waiting: deque[Key] = deque(maxlen=MOST_WAITING)
        self._known: deque[tuple[int, int]] = deque(maxlen=_RECENT)  # event and timestamp

    def begin(self) -> None:
        """Another sender counts from here on: its timestamps are no longer those known."""
        self._known.clear()

    def take(self, payload: bytes, timestamp: int, arrival: float, clock_rate: int) -> bool:
        """Note the key of a packet, if it is a new one. False: that was no telephone event."""
        if len(payload) < _EVENT.size:
            return False
        event, _end_and_volume, duration = _EVENT.unpack_from(payload)
        before = (event, (timestamp - _LONGEST) & 0xFFFFFFFF)
        known = (event, timestamp) in self._known
        if not known:
            self._known.append((event, timestamp))
        if not known and before not in self._known and event < len(DIGITS):
            self.pressed += 1
            self._waiting.append(Key(DIGITS[event], arrival - duration / clock_rate))
        return True

    def taken(self) -> list[Key]:
        """The keys pressed since this was asked last."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
