"""What is said in a call, made ready once for any number of lines: one payload a packet. No I/O."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from daemon.media.codecs import Codec, Samples

PTIME_SECONDS = 0.02
"""The sound in one packet (RFC 3551 §4.2: the default packetization interval)."""


@dataclass(frozen=True)
class Talk:
    """Everything that is said in a call, in the codec of the line."""

    codec: Codec
    payload_type: int
    payloads: tuple[bytes, ...]
    """PTIME_SECONDS each."""
    heard: Samples
    """What the payloads decode to: what a recorder has to keep, sample for sample."""

    @classmethod
    def of(cls, sound: Samples, codec: Codec, payload_type: int) -> Self:
        """Encode a sound of the codec's rate; silence fills its last packet."""
        per_packet = samples_per_packet(codec)
        whole = -(-len(sound) // per_packet) * per_packet
        encoded = codec.encode(np.pad(sound, (0, whole - len(sound))))
        size = round(codec.clock_rate * PTIME_SECONDS) * codec.bytes_per_sample
        payloads = tuple(encoded[at : at + size] for at in range(0, len(encoded), size))
        return cls(codec, payload_type, payloads, codec.decode(encoded))

    @classmethod
    def silence(cls, codec: Codec, payload_type: int, *, packets: int) -> Self:
        """Nothing is said, but the line stays alive."""
        return cls.of(np.zeros(packets * samples_per_packet(codec), np.int16), codec, payload_type)

    @property
    def seconds(self) -> float:
        """How long it takes to say it."""
        return len(self.payloads) * PTIME_SECONDS

    @property
    def timestamp_step(self) -> int:
        """By how much the RTP timestamp grows from packet to packet."""
        return round(self.codec.clock_rate * PTIME_SECONDS)


def samples_per_packet(codec: Codec) -> int:
    """160 at 8 kHz, 320 at 16 kHz."""
    return round(codec.rate * PTIME_SECONDS)
