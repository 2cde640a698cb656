"""From the bytes of AudioSocket connections to placed audio. No socket and no clock of its own."""

from collections import deque
from typing import Any

from daemon.media import audiosocket
from daemon.media.audiosocket import AudioSocketError, Frame, Parser
from daemon.media.codecs import Codec, slin
from daemon.media.heard import Heard
from daemon.media.keys import DIGITS, MOST_WAITING, Key
from daemon.media.placing import InOrder
from daemon.media.quality import Received

_SLIN = {kind: slin(rate) for kind, rate in audiosocket.RATES.items()}


class AudioSocketStream:
    """All that comes to one leg, on one connection after the other.

    `frames` counts those with audio, `keys` the keys pressed, `unknown` frames of kinds that are passed over,
    `seen` all; `hung_up` says that the far end has said so on this connection.
    """

    kind = "audiosocket"
    held = 0

    def __init__(self) -> None:
        self.frames = 0
        self.keys = 0
        self._pressed: deque[Key] = deque(maxlen=MOST_WAITING)
        self.unknown = 0
        self.seen = 0
        self.hung_up = False
        self._parser = Parser()
        self._voice = InOrder()

    @property
    def codec(self) -> Codec | None:
        """What is heard; None before anything was."""
        return self._voice.codec

    @property
    def waiting(self) -> bool:
        """Whether audio has come that has no place yet."""
        return self._voice.waiting

    @property
    def anchored(self) -> int:
        """How often the sender's audio was laid upon our clock, anew after a pause."""
        return self._voice.anchored

    @property
    def corrected(self) -> int:
        """Samples by which its audio was moved, one by one."""
        return self._voice.corrected

    @property
    def drift_ppm(self) -> float | None:
        """By how many millionths the sender's clock is faster than ours; None until that is known to 20."""
        return self._voice.drift_ppm

    @property
    def received(self) -> Received:
        """What has come, on all its connections: frames of audio. Over TCP none is lost."""
        return Received(packets=self.frames, drift_ppm=self.drift_ppm)

    def begin(self, opened: Parser) -> None:
        """A new connection, of which `opened` has taken the first frame."""
        self._parser, self.hung_up = opened, False

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
        codec = _SLIN.get(frame.kind)
        if codec is not None:
            self.frames += 1
            self._voice.take(codec, frame.payload, now)
        elif frame.kind == audiosocket.DTMF and frame.payload.decode("latin-1") in DIGITS:
            self.keys += 1
            self._pressed.append(Key(frame.payload.decode(), now))
        elif frame.kind == audiosocket.HANGUP:
            self.hung_up = True
        elif frame.kind == audiosocket.ERROR:
            raise AudioSocketError(f"the far end reports an error: {frame.payload[:8].hex() or 'no more'}")
        else:
            self.unknown += 1  # its length is known, so nothing is lost with it

    def look(self, now: float, *, whole: bool) -> None:
        """All that came by `now` has been received; `whole` is false where there is more of it."""
        self._voice.look(now, whole=whole)

    def finish(self, now: float) -> None:
        """The connection is over: all that came on it gets its place."""
        self._voice.finish(now)

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""
        return self._voice.heard()

    def pressed(self) -> list[Key]:
        """The keys pressed since this was asked last, each at the look that found it."""
        pressed = list(self._pressed)
        self._pressed.clear()
        return pressed

    def silence(self, seconds: float) -> bytes:
        """A frame of so much silence at the far end's own rate."""
        codec = self.codec or _SLIN[audiosocket.AUDIO]
        return audiosocket.build(audiosocket.KINDS[codec.rate], codec.silence(round(seconds * codec.rate)))

    def outgoing(self) -> bytes:
        """Nothing: AudioSocket has no questions."""
        return b""

    def goodbye(self) -> bytes:
        """The clean end that Asterisk knows."""
        return audiosocket.build(audiosocket.HANGUP)

    def view(self) -> dict[str, Any]:
        """What it knows of what has come, for whoever asks for the session."""
        return {
            "frames": self.frames,
            "keys": self.keys,
            "unknown": self.unknown,
            "anchors": self.anchored,
            "corrected": self.corrected,
            "drift_ppm": self.drift_ppm,
        }
