"""Audio without a seam, and how it is decoded where its codec has memory."""

from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from daemon.media import codecs
from daemon.media.codecs import Codec


class Heard(NamedTuple):
    """Audio without a seam: `payload` in `codec`, its first sample at the absolute index `place`.

    `voice` is 0 for the leg's own side; 1 for the other one, which some connections carry as well.
    """

    place: int
    codec: Codec
    payload: bytes
    voice: int = 0

    @property
    def end(self) -> int:
        """The index after its last sample."""
        return self.place + len(self.payload) // self.codec.bytes_per_sample


def stretched(payload: bytes, width: int, step: int) -> bytes:
    """Audio that was moved by one sample, of `width` bytes, away from what is before it: without the seam.

    `step` 1: its first sample stands twice; -1: it is left out. Nobody hears that, while a sample of silence
    in the middle of a word is a click.
    """
    if step == 0 or len(payload) <= width:
        return payload
    return payload[:width] + payload if step > 0 else payload[width:]


class Memory:
    """What one encoder has said so far, as the decoder knows it. Its audio is given on as pcm16.

    Lost packets leave a click at most: both sides forget within some milliseconds.
    """

    def __init__(self, codec: Codec) -> None:
        """`codec` has a `decoder`."""
        if codec.decoder is None:
            raise ValueError(f"{codec.name} has no memory")
        self._decode = codec.decoder()
        self._plain = codecs.in_file("pcm16", codec.rate)
        self._samples_per_step = codec.rate // codec.clock_rate
        self._end = 0  # of what was decoded last, in steps

    def decoded(self, heard: Sequence[Heard]) -> list[Heard]:
        """The next of its audio in the order of time: what was overtaken comes first again."""
        return [self._one(each) for each in sorted(heard, key=attrgetter("place"))]

    def _one(self, heard: Heard) -> Heard:
        audio = self._plain.encode(self._decode(heard.payload))
        place, width = heard.place, self._samples_per_step * self._plain.bytes_per_sample
        step, self._end = place - self._end, heard.end
        if abs(step) == 1:
            audio, place = stretched(audio, width, step), place - step
        return Heard(place * self._samples_per_step, self._plain, audio, heard.voice)
