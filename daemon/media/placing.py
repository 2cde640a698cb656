"""From a connection's audio, in the order in which it came, to placed audio. No socket, no clock.

There are two ways: by the order alone, and by the sender's own time where its messages have one (`timed`).
"""

from typing import Protocol

from daemon.media.codecs import Codec
from daemon.media.heard import Heard, Memory, stretched
from daemon.media.orderclock import OrderClock, Place


class Placing(Protocol):
    """One voice on its way from a sender's messages to our clock."""

    codec: Codec | None
    """In which it is heard; None before anything was."""

    @property
    def waiting(self) -> bool:
        """Whether audio has come that has no place yet."""

    @property
    def anchored(self) -> int:
        """How often the sender's audio was laid upon our clock, anew after a pause."""

    @property
    def corrected(self) -> int:
        """Samples by which its audio was moved, one by one."""

    @property
    def drift_ppm(self) -> float | None:
        """By how many millionths the sender's clock is faster than ours; None until that is known."""

    def look(self, now: float, *, whole: bool) -> None:
        """All that came by `now` (seconds) has been taken; `whole` is false where there is more of it."""

    def finish(self, now: float) -> None:
        """Nothing more comes of this connection: all of it gets its place."""

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""


class InOrder:
    """By the order alone (see `orderclock`)."""

    def __init__(self, voice: int = 0) -> None:
        self.codec: Codec | None = None
        self._voice = voice
        self._memory: Memory | None = None
        self._before = (0, 0)  # anchors and corrections of clocks of other codecs
        self._clock = OrderClock(8000)
        self._pieces: list[bytes] = []  # without a place yet
        self._end = 0  # the index after the last sample heard
        self._fresh = 0  # samples of them that the clock does not know of
        self._heard: list[Heard] = []

    @property
    def waiting(self) -> bool:
        """Whether audio has come that has no place yet."""
        return self._clock.waiting > 0 or self._fresh > 0

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
        """By how many millionths the sender's clock is faster than ours; None until that is known to 20."""
        return self._clock.drift.ppm

    def take(self, codec: Codec, payload: bytes, now: float) -> None:
        """Take in what has come by `now` (seconds): whole samples; none is nothing, also to what waits."""
        if not payload:
            return
        if codec != self.codec:
            self._switch(codec, now)
        self._pieces.append(payload)
        self._fresh += len(payload) // codec.bytes_per_sample

    def _switch(self, codec: Codec, now: float) -> None:
        self.finish(now)
        self._before = self.anchored, self.corrected
        self.codec, self._clock = codec, OrderClock(codec.clock_rate)
        self._memory = memory_of(codec)

    def look(self, now: float, *, whole: bool) -> None:
        """All that came by `now` (seconds) has been taken; `whole` is false where there is more of it."""
        fresh, self._fresh = self._fresh, 0
        self._place(self._clock.take(fresh, now, whole=whole))

    def finish(self, now: float) -> None:
        """Nothing more comes of this connection: all of it gets its place."""
        self.look(now, whole=True)
        self._place(self._clock.finish())
        self._memory = memory_of(self.codec)  # the next connection's encoder knows nothing of this one

    def _place(self, places: list[Place]) -> None:
        if not places or self.codec is None:
            return
        audio, at, heard = b"".join(self._pieces), 0, []
        for index, count in places:
            size = count * self.codec.bytes_per_sample
            heard.append(self._following(index, self.codec, audio[at : at + size]))
            at += size
        self._pieces = [audio[at:]] if at < len(audio) else []
        self._heard += heard if self._memory is None else self._memory.decoded(heard)

    def _following(self, index: int, codec: Codec, audio: bytes) -> Heard:
        """Audio at its place; where the clock has moved it by one sample, without the seam."""
        width = codec.bytes_per_sample
        step, self._end = index - self._end, index + len(audio) // width
        if abs(step) == 1 and self._memory is None:
            audio, index = stretched(audio, width, step), index - step
        return Heard(index, codec, audio, self._voice)

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""
        heard, self._heard = self._heard, []
        return heard


def memory_of(codec: Codec | None) -> Memory | None:
    """What a decoder has to remember from one piece to the next; None where that is nothing."""
    return None if codec is None or codec.decoder is None else Memory(codec)
