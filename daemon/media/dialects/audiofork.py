"""mod_audio_fork, and the `listen` of jambonz, which is built upon it: a description, then binary audio.

jambonz always begins with a JSON text that says `sampleRate` and `mixType`. With mod_audio_fork the text is
what the dialplan gave, if it gave one; then the URL has to say the rate. Audio that comes before either is
held: to guess its rate would make a recording of the wrong speed, which nobody notices until it is played.
"""

from typing import Any

from daemon.media.codecs import Codec
from daemon.media.dialects.dialect import DialectError, Event, Message, Over
from daemon.media.dialects.interleaved import Interleaved, linear
from daemon.media.dialects.telling import json_object, pressed, told, whole

MOST_HELD_BYTES = 192_000
"""Of audio without a rate: a second of 48 kHz in two voices, as a late upgrade may bring at once."""

_CHANNELS = {"mono": 1, "mixed": 1, "stereo": 2}


class AudioFork:
    """One connection; see Dialect.

    `rate` and `channels` are the URL's word for what no text describes; with `both_ways` the far end plays
    what it gets, at its own rate and in one voice (jambonz: `bidirectionalAudio.streaming`).
    """

    name = "audio-fork"

    def __init__(
        self, rate: int | None = None, channels: int | None = None, *, both_ways: bool = False
    ) -> None:
        self.unknown = 0
        self._channels = 1 if channels is None else channels
        audio = linear(8000 if rate is None else rate, self._channels)  # a wrong URL is refused at once
        self._audio = None if rate is None else audio
        self._both_ways = both_ways
        self._told = False
        self._held = bytearray()

    @property
    def codec(self) -> Codec | None:
        """See Dialect."""
        return None if self._audio is None else self._audio.codec

    @property
    def held(self) -> int:
        """See Dialect: it waits for a description."""
        return len(self._held)

    def receive(self, message: Message) -> list[Event]:
        """See Dialect. Wrong are a text too long, a rate or mix that there is not, and audio without a rate.

        A key may be pressed at any time. The first other text is the description; later ones are counted,
        unless they bring the rate that is still missing.
        """
        if isinstance(message, bytes):
            return self._hear(message) if message else self._end()
        said = json_object(message)
        if said is not None and "event" in said:
            return self._happen(said)
        events = [] if self._told else [told(message)]
        self._told = True
        if said is not None and "sampleRate" in said and (events or self._audio is None):
            return [*events, *self._describe(said)]
        if not events:
            self.unknown += 1
        return [*events]

    def _hear(self, data: bytes) -> list[Event]:
        if self._audio is not None:
            return [*self._audio.sounds(data)]
        self._held += data
        if len(self._held) > MOST_HELD_BYTES:
            raise self._undescribed()
        return []

    def _end(self) -> list[Event]:
        if self._held:
            raise self._undescribed()
        return [Over()]

    def _undescribed(self) -> DialectError:
        held, self._held = len(self._held), bytearray()
        return DialectError(f"{held} bytes of audio, and neither a sampleRate nor a rate in the URL")

    def _happen(self, said: dict[str, Any]) -> list[Event]:
        if said["event"] == "dtmf" and (key := pressed(said.get("dtmf"))) is not None:
            return [key]
        self.unknown += 1
        return []

    def _describe(self, said: dict[str, Any]) -> list[Event]:
        """What was held is audio as described; what came as the URL says keeps that, and its half sample."""
        rate = whole(said["sampleRate"])
        if rate is None:
            raise DialectError("sampleRate takes samples a second")
        described = linear(rate, self._described_channels(said))
        if self._audio is None or not _alike(self._audio, described):
            self._audio = described
        held, self._held = bytes(self._held), bytearray()
        return [*self._audio.sounds(held)]

    def _described_channels(self, said: dict[str, Any]) -> int:
        mix = said.get("mixType")
        if mix is None:
            return self._channels
        if not isinstance(mix, str) or mix not in _CHANNELS:
            raise DialectError("mixType takes mono, mixed or stereo")
        return _CHANNELS[mix]

    def silence(self, seconds: float) -> bytes | None:
        """See Dialect: raw audio at the rate at which it comes."""
        if not self._both_ways or self._audio is None:
            return None
        codec = self._audio.codec
        return codec.silence(round(seconds * codec.rate)) or None

    def goodbye(self) -> Message | None:
        """See Dialect: the close says it all."""
        return None


def _alike(one: Interleaved, other: Interleaved) -> bool:
    return (one.codec.rate, one.voices) == (other.codec.rate, other.voices)
