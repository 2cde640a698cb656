"""Audio as it comes in binary messages: a stream cut anywhere, of one voice or of two in turn."""

import numpy as np

from daemon.media.codecs import RATES, Codec, slin
from daemon.media.dialects.dialect import DialectError, Sound


class Interleaved:
    """One connection's audio. What is left of a sample, or of a pair of them, waits for the next message."""

    def __init__(self, codec: Codec, voices: int = 1) -> None:
        self.codec = codec
        self.voices = voices
        self._rest = b""

    def sounds(self, data: bytes) -> list[Sound]:
        """All whole samples that have come: a sound for each voice, none where there is not one sample."""
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % (self.codec.bytes_per_sample * self.voices)
        self._rest, data = data[whole:], data[:whole]
        if not data:
            return []
        if self.voices == 1:
            return [Sound(0, self.codec, data)]
        pairs = np.frombuffer(data, np.uint8).reshape(-1, 2, self.codec.bytes_per_sample)
        left, right = (pairs[:, voice].tobytes() for voice in (0, 1))
        return [Sound(0, self.codec, left), Sound(1, self.codec, right)]


def linear(rate: int, channels: int) -> Interleaved:
    """16 bits a sample, the low byte first; with two channels voice 0 is left. Raises DialectError."""
    if rate not in RATES:
        raise DialectError(f"{rate} samples a second: takes {', '.join(map(str, RATES))}")
    if channels not in {1, 2}:
        raise DialectError(f"{channels} channels: takes 1 or 2")
    return Interleaved(slin(rate), channels)
