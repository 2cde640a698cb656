"""What Twilio's Media Streams and Telnyx' media streaming share: JSON texts, with audio as base64 in them."""

import base64
import binascii
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from daemon.media.codecs import Codec
from daemon.media.dialects.dialect import Begun, DialectError, Event, Message, Over, Sound, Voice
from daemon.media.dialects.telling import json_object, pressed, whole

MOST_EARLY_CHARACTERS = 65_536
"""Of audio before `start`, with all that stands around it: some four seconds of G.711."""
MOST_SILENCE_SECONDS = 30.0
"""Of one message, as Telnyx takes them; nobody sends so much at once."""

_PASSED_OVER = frozenset({"connected", "mark", "clear", "error"})
_VOICES: Mapping[object, Voice] = MappingProxyType(
    {None: 0, "inbound": 0, "inbound_track": 0, "outbound": 1, "outbound_track": 1}
)


class MediaStream(ABC):
    """One connection; see Dialect. Which words there are for call and codec is for the subclass to say."""

    name: str
    held = 0

    def __init__(self) -> None:
        self.unknown = 0
        self._codec: Codec | None = None
        self._early: list[Mapping[str, Any]] = []
        self._early_characters = 0

    @property
    def codec(self) -> Codec | None:
        """See Dialect."""
        return self._codec

    @abstractmethod
    def _begin(self, said: Mapping[str, Any], start: Mapping[str, Any]) -> tuple[Codec, Begun]:
        """A `start` message: how the audio is written, and the call. Raises DialectError."""

    @abstractmethod
    def silence(self, seconds: float) -> str | None:
        """See Dialect."""

    def receive(self, message: Message) -> list[Event]:
        """See Dialect. Wrong are a text that is no JSON object, and audio that cannot be read.

        Audio that comes before `start` is held for it, within bounds: until then nobody knows its codec.
        """
        if isinstance(message, bytes):
            self.unknown += 1
            return []
        said = json_object(message)
        if said is None:
            raise DialectError("a text that is no JSON object")
        return self._take(said)

    def _take(self, said: Mapping[str, Any]) -> list[Event]:
        match said.get("event"):
            case "media":
                return self._hear(_within(said, "media"))
            case "start" if self._codec is None:
                return self._start(said)
            case "dtmf" if (key := pressed(_within(said, "dtmf").get("digit"))) is not None:
                return [key]
            case "stop":
                return [Over()]
            case str() as event if event in _PASSED_OVER:
                pass
            case _:
                self.unknown += 1
        return []

    def _start(self, said: Mapping[str, Any]) -> list[Event]:
        self._codec, begun = self._begin(said, _within(said, "start"))
        early, self._early = self._early, []
        return [begun, *(sound for media in early for sound in self._hear(media))]

    def _hear(self, media: Mapping[str, Any]) -> list[Event]:
        if self._codec is None:
            self._hold(media)
            return []
        payload = _payload(media, self._codec)
        if not payload:
            return []
        milliseconds, chunk = (_number(media, key) for key in ("timestamp", "chunk"))
        time = None if milliseconds is None else milliseconds / 1000
        return [Sound(_voice(media), self._codec, payload, time, chunk)]

    def _hold(self, media: Mapping[str, Any]) -> None:
        self._early.append(media)
        self._early_characters += len(str(media))
        if self._early_characters > MOST_EARLY_CHARACTERS:
            raise DialectError("audio, and no start")

    def goodbye(self) -> Message | None:
        """See Dialect: the close says it all."""
        return None


def _within(said: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    inner = said.get(key)
    if not isinstance(inner, dict):
        raise DialectError(f"a {key} message without {key}")
    return inner


def _voice(media: Mapping[str, Any]) -> Voice:
    track = media.get("track")
    if not isinstance(track, str | None) or track not in _VOICES:
        raise DialectError("track takes inbound or outbound")
    return _VOICES[track]


def _payload(media: Mapping[str, Any], codec: Codec) -> bytes:
    written = media.get("payload")
    if not isinstance(written, str):
        raise DialectError("media without a payload")
    try:
        payload = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):  # ValueError: not even ASCII
        raise DialectError("a payload that is no base64") from None
    if len(payload) % codec.bytes_per_sample:
        raise DialectError("a payload with half a sample")
    return payload


def _number(media: Mapping[str, Any], key: str) -> int | None:
    """A number, or the text of one, as both companies send them; None where there is none."""
    value = media.get(key)
    number = whole(value)
    if number is None and value is not None:
        raise DialectError(f"{key} takes a whole number")
    return number


def silent_payload(codec: Codec, seconds: float) -> str | None:
    """So much silence as base64; None where that is none."""
    samples = round(min(seconds, MOST_SILENCE_SECONDS) * codec.clock_rate)
    return base64.b64encode(codec.silence(samples)).decode() or None
