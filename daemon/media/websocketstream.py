"""From the bytes of call audio's WebSocket connections to placed audio. No socket and no clock of its own."""

from collections import deque
from typing import Any, NamedTuple

from websockets.frames import CloseCode

from daemon.media.codecs import Codec
from daemon.media.dialects.dialect import (
    Begun,
    Dialect,
    DialectError,
    Event,
    Message,
    Over,
    Pressed,
    Reply,
    Sound,
)
from daemon.media.heard import Heard
from daemon.media.keys import MOST_WAITING, Key
from daemon.media.placing import InOrder, Placing
from daemon.media.quality import Received
from daemon.media.timed import ByTime, Timed
from daemon.media.wire import WireError
from wavstream.process.framing import Framing


class Conversation(NamedTuple):
    """A connection whose upgrade was answered, and what of it was read already, in order."""

    framing: Framing
    dialect: Dialect
    messages: tuple[Message, ...] = ()


class WebSocketStream:
    """All that comes to one leg, on one connection after the other, in whatever dialect each speaks.

    `keys` counts keys pressed; `about` is what the switch said of its call.
    """

    kind = "websocket"

    def __init__(self) -> None:
        self.keys = 0
        self._pressed: deque[Key] = deque(maxlen=MOST_WAITING)
        self.hung_up = False
        self.about: Begun | None = None
        self._seen_before = 0
        self._binaries_before = 0  # on earlier connections
        self._unknown_before = 0
        self._sounding_texts = 0
        self._open: Conversation | None = None
        self._dialect: Dialect | None = None
        self._codec: Codec | None = None
        self._sounded = False  # on this connection
        self._in_order = (InOrder(0), InOrder(1))
        self._by_time = (ByTime(0), ByTime(1))
        self._voices: tuple[Placing, ...] = (*self._in_order, *self._by_time)
        self._early: tuple[Message, ...] = ()

    @property
    def codec(self) -> Codec | None:
        """What is heard; before that, what the far end has told of it; None before either."""
        told = None if self._dialect is None else self._dialect.codec
        return self._codec if self._sounded or told is None else told

    @property
    def frames(self) -> int:
        """Messages with audio so far: whatever is binary, and the texts that carry some."""
        binaries = 0 if self._open is None else self._open.framing.binaries
        return self._binaries_before + binaries + self._sounding_texts

    @property
    def seen(self) -> int:
        """Frames so far, of whatever kind, pings as well."""
        return self._seen_before + (0 if self._open is None else self._open.framing.frames)

    @property
    def unknown(self) -> int:
        """Messages that were passed over."""
        return self._unknown_before + (0 if self._dialect is None else self._dialect.unknown)

    @property
    def waiting(self) -> bool:
        """Whether audio has come that has no place yet."""
        return any(voice.waiting for voice in self._voices)

    @property
    def held(self) -> int:
        """Bytes of audio whose rate nobody has told yet."""
        return 0 if self._dialect is None else self._dialect.held

    @property
    def drift_ppm(self) -> float | None:
        """By how many millionths the sender's clock is faster than ours; None until that is known."""
        return next((voice.drift_ppm for voice in self._voices if voice.drift_ppm is not None), None)

    @property
    def received(self) -> Received:
        """What has come, on all its connections: messages with audio. Numbered ones may be lost."""
        return Received(
            packets=self.frames,
            lost=sum(voice.lost for voice in self._by_time),
            reordered=sum(voice.reordered for voice in self._by_time),
            duplicates=sum(voice.duplicates for voice in self._by_time),
            drift_ppm=self.drift_ppm,
        )

    def begin(self, opened: Conversation) -> None:
        """A new connection."""
        self._unknown_before, self._seen_before = self.unknown, self.seen
        self._binaries_before = self.frames - self._sounding_texts
        self._open, self._dialect, self.hung_up = opened, opened.dialect, False
        self._early = opened.messages
        self._sounded = False

    def receive(self, data: bytes, now: float) -> None:
        """Take in what has come by `now`. Raises WireError; what was before it is heard."""
        if self._open is None:
            return
        framing = self._open.framing
        if data:
            framing.feed(data)
        early, self._early = self._early, ()
        for message in (*early, *framing.messages()):
            if self.hung_up:
                return
            self._take(message, now)
        if framing.ended is not None:
            self.hung_up = True
            if not framing.ended.by_peer:
                raise WireError(framing.ended.reason or "it broke the WebSocket protocol")

    def _take(self, message: Message, now: float) -> None:
        try:
            events = [] if self._dialect is None else self._dialect.receive(message)
        except DialectError as wrong:
            self._close(CloseCode.POLICY_VIOLATION, str(wrong))
            raise WireError(str(wrong)) from None
        if isinstance(message, str) and any(isinstance(event, Sound) for event in events):
            self._sounding_texts += 1
        for event in events:
            self._happen(event, now)

    def _happen(self, event: Event, now: float) -> None:
        match event:
            case Sound():
                self._hear(event, now)
            case Pressed(digit):
                self.keys += 1
                self._pressed.append(Key(digit, now))
            case Begun():
                self.about = event
            case Reply(message):
                self._say(message)
            case Over():
                self.hung_up = True
                self._close(CloseCode.NORMAL_CLOSURE, "")

    def _hear(self, sound: Sound, now: float) -> None:
        self._codec, self._sounded = sound.codec, True
        if sound.time is None or sound.number is None:
            self._in_order[sound.voice].take(sound.codec, sound.payload, now)
        else:
            self._by_time[sound.voice].take(Timed(sound.codec, sound.payload, sound.time, sound.number))

    def look(self, now: float, *, whole: bool) -> None:
        """All that came by `now` has been received; `whole` is false where there is more of it."""
        for voice in self._voices:
            voice.look(now, whole=whole)

    def finish(self, now: float) -> None:
        """The connection is over: all that came on it gets its place."""
        for voice in self._voices:
            voice.finish(now)

    def heard(self) -> list[Heard]:
        """What got its place since this was asked last."""
        return [heard for voice in self._voices for heard in voice.heard()]

    def pressed(self) -> list[Key]:
        """The keys pressed since this was asked last, each at the look that found it."""
        pressed = list(self._pressed)
        self._pressed.clear()
        return pressed

    def silence(self, seconds: float) -> bytes:
        """So much silence for the far end; nothing where its dialect takes none, or not now."""
        message = None if self._dialect is None else self._dialect.silence(seconds)
        if message is None:
            return b""
        self._say(message)
        return self.outgoing()

    def outgoing(self) -> bytes:
        """What the far end waits for: answers, pongs and the close, in order. Given once."""
        return b"" if self._open is None else self._open.framing.outgoing()[0]

    def goodbye(self) -> bytes:
        """What ends the connection from our side: the dialect's own word for it, and the close."""
        message = None if self._dialect is None else self._dialect.goodbye()
        if message is not None:
            self._say(message)
        self._close(CloseCode.NORMAL_CLOSURE, "")
        return self.outgoing()

    def _say(self, message: Message) -> None:
        if self._open is None:
            return
        if isinstance(message, str):
            self._open.framing.send_text(message)
        else:
            self._open.framing.send_binary(message)

    def _close(self, code: int, reason: str) -> None:
        if self._open is not None:
            self._open.framing.close(code, reason)

    def view(self) -> dict[str, Any]:
        """What it knows of what has come, for whoever asks for the session."""
        about = self.about
        return {
            "dialect": (self._dialect.name or None) if self._dialect is not None else None,
            "call": None if about is None else {**vars(about), "fields": dict(about.fields)},
            "frames": self.frames,
            "keys": self.keys,
            "unknown": self.unknown,
            "anchors": sum(voice.anchored for voice in self._voices),
            "drift_ppm": self.drift_ppm,
            "corrected": sum(voice.corrected for voice in self._voices),
        }
