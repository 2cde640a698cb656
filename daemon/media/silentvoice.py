"""What we say on an RTP leg: silence."""

import random

from daemon.media import rtp
from daemon.media.codecs import Codec

SILENCE_SECONDS = 0.02
"""Of each packet."""


class SilentVoice:
    """One source, numbered and stamped from random beginnings (RFC 3550 §5.1), and counted.

    Each of its packets comes after a time in which none was sent, and so begins a talkspurt: it is marked,
    and its timestamp counts that time as well (RFC 3551 §4.1). At another clock rate it is another source,
    and the one before says goodbye (RFC 7160 §4.1). Times are seconds of one monotonic clock.
    """

    def __init__(self) -> None:
        self.said = 0
        """Packets of all its sources."""
        self.left: list[int] = []
        """The SSRCs that it had before, until somebody has told the far end."""
        self.clock_rate = 8000
        self._until = float("-inf")
        self._begin()

    def _begin(self) -> None:
        numbers = random.SystemRandom()
        self.ssrc = numbers.getrandbits(32)
        self.packets = self.octets = 0
        self._sequence = numbers.getrandbits(16)
        self._stamp = numbers.getrandbits(32)

    def timestamp(self, now: float) -> int:
        """The RTP timestamp of this instant."""
        return self._stamp + round(now * self.clock_rate) & 0xFFFFFFFF

    def packet(self, codec: Codec, payload_type: int, now: float) -> bytes | None:
        """The next packet; None while the one before still sounds: nobody says two samples at once."""
        if now < self._until:
            return None
        if codec.clock_rate != self.clock_rate:
            self._change(codec.clock_rate)
        payload = codec.silence(round(SILENCE_SECONDS * codec.clock_rate))
        self.said += 1
        self.packets += 1
        self.octets += len(payload)
        self._sequence += 1
        self._until = now + SILENCE_SECONDS
        return rtp.build(
            payload_type=payload_type,
            sequence=self._sequence,
            timestamp=self.timestamp(now),
            ssrc=self.ssrc,
            payload=payload,
            marker=True,
        )

    def _change(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        if self.packets:
            self.left.append(self.ssrc)
            self._begin()
