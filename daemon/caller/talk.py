"""What is said in a call, made ready once for any number of lines: one payload a packet. No I/O."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from daemon.caller import activity
from daemon.media.codecs import Codec, Samples

PTIME_SECONDS = 0.02
"""The sound in one packet (RFC 3551 §4.2: the default packetization interval)."""


@dataclass(frozen=True)
class Talk:
    """Everything that is said in a call, in the codec of the line."""

    codec: Codec
    payload_type: int
    payloads: tuple[bytes, ...]
    """`ptime` seconds each."""
    heard: Samples
    """What the payloads decode to: what a recorder has to keep, sample for sample."""
    ptime: float = PTIME_SECONDS
    callee: "Talk | None" = None
    """What the other party says at the same time, on a line that carries both: as many packets, alike."""

    @classmethod
    def of(cls, sound: Samples, codec: Codec, payload_type: int, ptime: float = PTIME_SECONDS) -> Self:
        """Encode a sound of the codec's rate; silence fills its last packet. `ptime`: seconds a packet."""
        per_packet = samples_per_packet(codec, ptime)
        whole = -(-len(sound) // per_packet) * per_packet
        encoded = codec.encode(np.pad(sound, (0, whole - len(sound))))
        size = round(codec.clock_rate * ptime) * codec.bytes_per_sample
        payloads = tuple(encoded[at : at + size] for at in range(0, len(encoded), size))
        return cls(codec, payload_type, payloads, codec.decode(encoded), ptime)

    @classmethod
    def silence(cls, codec: Codec, payload_type: int, *, packets: int, ptime: float = PTIME_SECONDS) -> Self:
        """Nothing is said, but the line stays alive."""
        nothing = np.zeros(packets * samples_per_packet(codec, ptime), np.int16)
        return cls.of(nothing, codec, payload_type, ptime)

    def breath(self, packets: int) -> Self:
        """Silence of so many packets, on the lines that this can be said on."""
        nothing = self.silence(self.codec, self.payload_type, packets=packets, ptime=self.ptime)
        return nothing if self.callee is None else replace(nothing, callee=nothing)

    def with_callee(self, sound: Samples) -> Self:
        """The same, with another party who says `sound`: cut, or followed by silence, to be as long."""
        length = len(self.payloads) * self.samples
        fitted = np.pad(sound[:length], (0, max(0, length - len(sound))))
        return replace(self, callee=Talk.of(fitted, self.codec, self.payload_type, self.ptime))

    @property
    def voices(self) -> "tuple[Talk, ...]":
        """The caller's own, and the callee's if there is one."""
        return (self,) if self.callee is None else (self, self.callee)

    @property
    def seconds(self) -> float:
        """How long it takes to say it."""
        return len(self.payloads) * self.ptime

    @property
    def samples(self) -> int:
        """Samples of each voice in a packet."""
        return samples_per_packet(self.codec, self.ptime)

    @property
    def timestamp_step(self) -> int:
        """By how much the RTP timestamp grows from packet to packet."""
        return round(self.codec.clock_rate * self.ptime)

    @cached_property
    def silent(self) -> npt.NDArray[np.bool_]:
        """In which packets nobody speaks, as whoever sends discontinuously would find it."""
        own = activity.silent(self.heard, self.samples, self.codec.rate)
        return own if self.callee is None else own & self.callee.silent

    @cached_property
    def interleaved(self) -> tuple[bytes, ...]:
        """The payloads with the callee's samples between the caller's: caller left, callee right.

        Only for codecs whose samples stand for themselves, whole bytes each.
        """
        if self.callee is None:
            return self.payloads
        width = self.codec.bytes_per_sample
        mixed = []
        for pair in zip(self.payloads, self.callee.payloads, strict=True):
            voices = [np.frombuffer(payload, np.uint8).reshape(-1, width) for payload in pair]
            mixed.append(np.stack(voices, axis=1).tobytes())
        return tuple(mixed)

    def heard_of(self, delivered: npt.NDArray[np.bool_]) -> Samples:
        """What a recorder has to keep where only these packets reached it: exact silence for the others.

        A decoder with memory (G.722) goes on from one packet that it gets to the next.
        """
        if delivered.all():
            return self.heard
        heard = np.zeros((len(self.payloads), self.samples), np.int16)
        if self.codec.decoder is None:
            heard[delivered] = self.heard.reshape(heard.shape)[delivered]
        elif delivered.any():
            came = b"".join(self.payloads[number] for number in np.flatnonzero(delivered))
            heard[delivered] = self.codec.decode(came).reshape(-1, self.samples)
        return heard.reshape(-1)


def samples_per_packet(codec: Codec, ptime: float = PTIME_SECONDS) -> int:
    """160 at 8 kHz, 320 at 16 kHz, for the usual 20 ms."""
    return round(codec.rate * ptime)
