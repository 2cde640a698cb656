"""From a connection's audio, in the order in which it came, to placed audio. No socket, no clock.

There are two ways: by the order alone, and by the sender's own time where its messages have one.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from daemon.media.codecs import Codec
from daemon.media.heard import Heard, Memory, stretched
from daemon.media.orderclock import OrderClock, Place
from daemon.media.senderclock import SenderClock


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
        """Take in what has come by `now` (seconds): whole samples."""
        if codec != self.codec:
            self._switch(codec, now)
        self._pieces.append(payload)
        self._fresh += len(payload) // codec.bytes_per_sample

    def _switch(self, codec: Codec, now: float) -> None:
        self.finish(now)
        self._before = self.anchored, self.corrected
        self.codec, self._clock = codec, OrderClock(codec.clock_rate)
        self._memory = None if codec.decoder is None else Memory(codec)

    def look(self, now: float, *, whole: bool) -> None:
        """All that came by `now` (seconds) has been taken; `whole` is false where there is more of it."""
        fresh, self._fresh = self._fresh, 0
        self._place(self._clock.take(fresh, now, whole=whole))

    def finish(self, now: float) -> None:
        """Nothing more comes of this connection: all of it gets its place."""
        self.look(now, whole=True)
        self._place(self._clock.finish())

    def _place(self, places: list[Place]) -> None:
        if not places or self.codec is None:
            return
        audio, at = b"".join(self._pieces), 0
        for index, count in places:
            size = count * self.codec.bytes_per_sample
            self._hear(index, self.codec, audio[at : at + size])
            at += size
        self._pieces = [audio[at:]] if at < len(audio) else []

    def _hear(self, index: int, codec: Codec, audio: bytes) -> None:
        width = codec.bytes_per_sample
        step, self._end = index - self._end, index + len(audio) // width
        if abs(step) == 1 and self._memory is None:  # what the clock has corrected
            audio, index = stretched(audio, width, step), index - step
        self._heard.append(Heard(index, codec, audio, self._voice))

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""
        heard, self._heard = self._heard, []
        return heard if self._memory is None else self._memory.decoded(heard)


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
    def end(self) -> float:
        """When its last sample was spoken."""
        return self.time + self.samples / self.codec.clock_rate


class ByTime:
    """By the sender's time (see `senderclock`): what is lost, overtaken or paused shows in it."""

    def __init__(self, voice: int = 0) -> None:
        self.codec: Codec | None = None
        self._voice = voice
        self._memory: Memory | None = None
        self._before = (0, 0)
        self._clock = SenderClock(8000)
        self._fresh: list[Timed] = []
        self._last_look = 0.0
        self._heard: list[Heard] = []

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
        for timed in fresh:
            if timed.codec != self.codec:
                self._switch(timed.codec)
            self._place(timed, arrival_of(timed))
        self._last_look = now

    def finish(self, now: float) -> None:
        """Nothing more comes of this connection: all of it gets its place, and the next one is an anchor."""
        self.look(now, whole=True)
        self._clock.restart()

    def _arrivals(self, fresh: list[Timed], now: float) -> Callable[[Timed], float]:
        """When each may have come: the last one now, those before it as much earlier as they were spoken.

        But none before the look at which it had not come: so what was held up shows as late.
        """
        last = max((timed.end for timed in fresh), default=0.0)
        return lambda timed: max(self._last_look, now - (last - timed.end))

    def _switch(self, codec: Codec) -> None:
        if codec.clock_rate != self._clock.rate:
            self._before = self.anchored, self.corrected
            self._clock = SenderClock(codec.clock_rate)
        self.codec = codec
        self._memory = None if codec.decoder is None else Memory(codec)

    def _place(self, timed: Timed, arrival: float) -> None:
        index = self._clock.place(
            sequence=timed.number & 0xFFFF,
            timestamp=round(timed.time * timed.codec.clock_rate) & 0xFFFFFFFF,
            samples=timed.samples,
            arrival=arrival,
        )
        heard = [Heard(index, timed.codec, timed.payload, self._voice)]
        self._heard += heard if self._memory is None else self._memory.decoded(heard)

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
