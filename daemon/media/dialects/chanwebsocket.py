"""Asterisk's chan_websocket: events and commands as texts, plain or JSON, and binary audio.

Its first message says which of the two it speaks, and how its audio is written. Audio to it is cut into
frames of `optimal_frame_size` bytes; what is left over at the end of a message is lost.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from daemon.media.codecs import G722, PCMA, PCMU, Codec, slin
from daemon.media.dialects.dialect import Begun, DialectError, Event, Message, Reply
from daemon.media.dialects.interleaved import Interleaved
from daemon.media.dialects.telling import an_id, bounded, checked, json_object, pressed, whole

FORMATS: Mapping[str, Codec] = MappingProxyType(
    {
        "ulaw": PCMU,
        "alaw": PCMA,
        "g722": G722,
        "slin": slin(8000),
        "slin12": slin(12000),
        "slin16": slin(16000),
        "slin24": slin(24000),
        "slin32": slin(32000),
        "slin44": slin(44100),
        "slin48": slin(48000),
    }
)
"""By Asterisk's names. There are slin96 and slin192 as well, which no leg takes."""
MOST_BINARY_BYTES = 65_500
"""Of one message to Asterisk: it ends the call for more."""
FRAME_SECONDS = 0.02

_FIELDS = ("channel", "channel_id", "connection_id", "channel_variables")
_PASSED_OVER = frozenset(
    {"ERROR", "STATUS", "QUEUE_DRAINED", "MEDIA_MARK_PROCESSED", "MEDIA_BUFFERING_COMPLETED"}
)
_ROUNDING = 1e-6  # of a frame: tenths of seconds are not exact


class ChanWebSocket:
    """One connection; see Dialect.

    `call_id` is what the dialplan has called the call, in the URL's `uuid`; without it the channel's own id
    is given. `answer`: the channel waits for our answer (`n` in the dial string); otherwise Asterisk takes it
    as answered by itself.
    """

    name = "chan-websocket"
    held = 0

    def __init__(self, call_id: str | None = None, *, answer: bool = False) -> None:
        self.unknown = 0
        self._call_id = an_id(call_id)
        self._answer = answer
        self._json = False
        self._audio: Interleaved | None = None
        self._frame_bytes = 0
        self._owed = 0.0  # frames of silence that are due, less than one
        self._off = False

    @property
    def codec(self) -> Codec | None:
        """See Dialect."""
        return None if self._audio is None else self._audio.codec

    def receive(self, message: Message) -> list[Event]:
        """See Dialect. Wrong: a text too long, broken JSON, a format unheard of, audio before MEDIA_START."""
        if isinstance(message, bytes):
            if self._audio is None:
                raise DialectError("audio before MEDIA_START")
            return [*self._audio.sounds(message)]
        in_json = message.startswith("{")
        said = json_object(message) if in_json else _plain(checked(message))
        if said is None:
            raise DialectError("a text that begins as JSON and is none")
        return self._take(said, in_json=in_json)

    def _take(self, said: dict[str, Any], *, in_json: bool) -> list[Event]:
        match said.get("event"):
            case "MEDIA_START" if self._audio is None:
                self._json = in_json
                return self._start(said)
            case "DTMF_END" if (key := pressed(said.get("digit"))) is not None:
                return [key]
            case "MEDIA_XOFF" | "MEDIA_XON" as event:
                self._off = event == "MEDIA_XOFF"
            case str() as event if event in _PASSED_OVER:
                pass
            case _:
                self.unknown += 1
        return []

    def _start(self, said: dict[str, Any]) -> list[Event]:
        written = said.get("format")
        codec = FORMATS.get(written) if isinstance(written, str) else None
        if codec is None:
            raise DialectError(f"format {written!r:.40}: takes {', '.join(FORMATS)}")
        self._audio = Interleaved(codec)
        self._frame_bytes = _frame_bytes(said.get("optimal_frame_size"), codec)
        begun = Begun(
            call_id=self._call_id or an_id(said.get("channel_id")),
            fields=bounded({key: said[key] for key in _FIELDS if key in said}),
        )
        return [begun, Reply(self._command("ANSWER"))] if self._answer else [begun]

    def _command(self, word: str) -> str:
        """At most 128 bytes, as Asterisk takes them."""
        return json.dumps({"command": word}) if self._json else word

    def silence(self, seconds: float) -> bytes | None:
        """See Dialect: whole frames, no more than a message may have; what is left of one comes next time."""
        if self._audio is None or self._off:
            return None
        codec = self._audio.codec
        due = self._owed + seconds * codec.clock_rate * codec.bytes_per_sample / self._frame_bytes
        frames = int(due + _ROUNDING)
        self._owed = max(due - frames, 0.0)
        size = min(frames, MOST_BINARY_BYTES // self._frame_bytes) * self._frame_bytes
        return codec.silence(size // codec.bytes_per_sample) or None

    def goodbye(self) -> str | None:
        """See Dialect: Asterisk hangs the channel up; before MEDIA_START we do not know how to say it."""
        return None if self._audio is None else self._command("HANGUP")


def _plain(text: str) -> dict[str, Any]:
    """`EVENT key:value key:value …` as the JSON would say it; a channel's name may have colons in it."""
    event, *words = text.split(" ")
    pairs = (word.partition(":") for word in words)
    return {key: value for key, _, value in pairs} | {"event": event}


def _frame_bytes(told: object, codec: Codec) -> int:
    """The size that Asterisk asks for; where it asks for none that there can be, 20 ms."""
    size = whole(told) or 0
    if 0 < size <= MOST_BINARY_BYTES and size % codec.bytes_per_sample == 0:
        return size
    return round(FRAME_SECONDS * codec.clock_rate) * codec.bytes_per_sample
