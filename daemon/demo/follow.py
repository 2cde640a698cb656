"""Hearing a recording while it is made: a WAV stream, piece by piece, and when each sample came. No I/O."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from daemon.media.codecs import Samples

MAX_HEADER_BYTES = 4096
"""A header is some hundred bytes; what has no `data` chunk by then is not a recording."""
PCM = 1


class StreamError(Exception):
    """The stream is no WAV that can be followed. Its text is one plain line."""


@dataclass(frozen=True)
class Arrival:
    """One piece of the stream."""

    at: float
    """Seconds on the caller's clock."""
    first: int
    """The sample with which it begins."""
    samples: int


class Heard:
    """A WAV stream of 16 bit PCM that is still growing (RIFF, with sizes that mean nothing yet)."""

    def __init__(self) -> None:
        self.rate = 0
        self.channels = 0
        self.arrivals: list[Arrival] = []
        self._header = b""
        self._audio = bytearray()

    @property
    def samples(self) -> Samples:
        """What has been heard so far, of the first channel."""
        whole = len(self._audio) - len(self._audio) % max(1, 2 * self.channels)
        return np.frombuffer(bytes(self._audio[:whole]), "<i2")[:: max(1, self.channels)].astype(np.int16)

    @property
    def length(self) -> int:
        """How many samples have come, of each channel."""
        return len(self._audio) // (2 * self.channels) if self.channels else 0

    def feed(self, piece: bytes, at: float) -> None:
        """Take the next bytes of the stream, which came at this time. Raises StreamError."""
        if not self.channels:
            piece = self._read_header(piece)
        first = self.length
        self._audio += piece
        if self.length > first:
            self.arrivals.append(Arrival(at, first, self.length - first))

    def worst_delay(self, spoken_at: Callable[[int], float]) -> float:
        """The longest time between a sample being spoken and its coming here, in seconds.

        `spoken_at` says when a sample of this recording was spoken. The oldest sample of a piece waited
        longest.
        """
        return max((each.at - spoken_at(each.first) for each in self.arrivals), default=float("inf"))

    def _read_header(self, piece: bytes) -> bytes:
        """Read up to the beginning of the audio, if it has come. Returns the audio behind it."""
        self._header += piece
        header, at = self._header, 12
        if not b"RIFF".startswith(header[:4]) or not b"WAVE".startswith(header[8:12]):
            raise StreamError("the live recording does not begin as a WAV file does")
        form = b""
        while len(header) >= at + 8:
            name, size = struct.unpack_from("<4sI", header, at)
            if name == b"data":
                self._read_format(form)
                return header[at + 8 :]
            if name == b"fmt ":
                form = header[at + 8 : at + 8 + size]
            at += 8 + size + size % 2
        if len(header) > MAX_HEADER_BYTES:
            raise StreamError("the live recording's header has no end")
        return b""

    def _read_format(self, form: bytes) -> None:
        if len(form) < 16:
            raise StreamError("the live recording's header lacks its format")
        tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", form)
        if tag != PCM or bits != 16 or not channels:
            raise StreamError(f"the live recording is not 16 bit PCM (format {tag}, {bits} bits)")
        self.rate, self.channels = rate, channels
