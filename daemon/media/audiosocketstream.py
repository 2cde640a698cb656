"""From the bytes of AudioSocket connections to placed audio. No socket and no clock of its own."""

from dataclasses import replace

from daemon.media import audiosocket, codecs
from daemon.media.audiosocket import AudioSocketError, Frame, Parser
from daemon.media.codecs import Codec
from daemon.media.heard import Heard, stretched
from daemon.media.orderclock import OrderClock, Place


def slin(rate: int) -> Codec:
    """Asterisk's signed linear audio: 16 bits a sample, the low byte first."""
    return replace(codecs.in_file("pcm16", rate), name="slin")


class AudioSocketStream:
    """All that comes to one leg, on one connection after the other.

    `frames` counts those with audio, `dtmf` keys, `unknown` frames of kinds that are passed over, `seen` all;
    `hung_up` says that the far end has said so on this connection.
    """

    def __init__(self) -> None:
        self.codec: Codec | None = None
        self.frames = 0
        self.dtmf = 0
        self.unknown = 0
        self.seen = 0
        self.hung_up = False
        self._before = (0, 0)  # anchors and corrections of clocks of other rates
        self._parser = Parser()
        self._clock = OrderClock(8000)
        self._pieces: list[bytes] = []  # without a place yet
        self._end = 0  # the index after the last sample heard
        self._fresh = 0  # samples of them that the clock does not know of
        self._heard: list[Heard] = []

    @property
    def waiting(self) -> bool:
        """Whether audio has come that has no place yet."""
        return self._clock.waiting > 0

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

    def begin(self, parser: Parser) -> None:
        """A new connection, of which `parser` has taken the first frame."""
        self._parser, self.hung_up = parser, False

    def receive(self, data: bytes, now: float) -> None:
        """Take in what has come by `now` (seconds). Raises AudioSocketError; what was before it is heard.

        What comes behind a hangup is not looked at.
        """
        self._parser.feed(data)
        for frame in self._parser.frames():
            self.seen += 1
            self._take(frame, now)
            if self.hung_up:
                return

    def _take(self, frame: Frame, now: float) -> None:
        rate = audiosocket.RATES.get(frame.kind)
        if rate is not None:
            self._hear(frame.payload, rate, now)
        elif frame.kind == audiosocket.DTMF:
            self.dtmf += 1
        elif frame.kind == audiosocket.HANGUP:
            self.hung_up = True
        elif frame.kind == audiosocket.ERROR:
            raise AudioSocketError(f"the far end reports an error: {frame.payload[:8].hex() or 'no more'}")
        else:
            self.unknown += 1  # its length is known, so nothing is lost with it

    def _hear(self, payload: bytes, rate: int, now: float) -> None:
        if self.codec is None or rate != self.codec.rate:
            self._switch(rate, now)
        self.frames += 1
        self._pieces.append(payload)
        self._fresh += len(payload) // 2

    def _switch(self, rate: int, now: float) -> None:
        self.finish(now)
        self._before = self.anchored, self.corrected
        self.codec, self._clock = slin(rate), OrderClock(rate)

    def look(self, now: float, *, whole: bool) -> None:
        """All that came by `now` has been received; `whole` is false where there is more of it."""
        fresh, self._fresh = self._fresh, 0
        self._place(self._clock.take(fresh, now, whole=whole))

    def finish(self, now: float) -> None:
        """The connection is over, or its audio goes on at another rate: all of it gets its place."""
        self.look(now, whole=True)
        self._place(self._clock.finish())

    def _place(self, places: list[Place]) -> None:
        if not places or self.codec is None:
            return
        audio, at = b"".join(self._pieces), 0
        for index, count in places:
            self._hear_at(index, self.codec, audio[at : at + 2 * count])
            at += 2 * count
        self._pieces = [audio[at:]]

    def _hear_at(self, index: int, codec: Codec, audio: bytes) -> None:
        step, self._end = index - self._end, index + len(audio) // 2
        if abs(step) == 1:  # what the clock has corrected
            audio, index = stretched(audio, 2, step), index - step
        self._heard.append(Heard(index, codec, audio))

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""
        heard, self._heard = self._heard, []
        return heard
