"""How samples are written: PCMU, PCMA (ITU-T G.711), G.722, L16 (RFC 3551 §4.5.11); a WAV file's encodings.

Samples are one-dimensional numpy arrays of int16, at full scale; G.711's 13 and 14 bits stand at the top of
the 16.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from daemon.media import g722

Samples = npt.NDArray[np.int16]

RATES = (8000, 12000, 16000, 24000, 32000, 44100, 48000)
"""Samples a second that a leg may have."""


@dataclass(frozen=True)
class Codec:
    """One way to write samples as bytes, at one rate.

    `decode` takes whole samples (`bytes_per_sample` each) and gives as many; `encode` is its inverse as far
    as the codec allows. `clock_rate` counts RTP timestamps a second, which is not the rate of the audio with
    G.722: there `bytes_per_sample` is that of a step of the clock, which is two samples (RFC 3551 §4.5.2).
    """

    name: str
    rate: int
    bytes_per_sample: int
    clock_rate: int
    decode: Callable[[bytes], Samples]
    encode: Callable[[Samples], bytes]
    silent_byte: int
    decoder: Callable[[], Callable[[bytes], Samples]] | None = None
    """Of a codec with memory: makes what decodes a stream, in order; `decode` begins anew each time."""
    exactly: tuple[str, Callable[[bytes], Samples]] | None = None
    """The encoding of a file with the same codes, and what decodes for it without making two codes one."""

    def decode_into(self, encoding: str, payload: bytes) -> Samples:
        """As `decode`; for a file of the same law, so that it will hold this very payload."""
        if self.exactly is not None and self.exactly[0] == encoding:
            return self.exactly[1](payload)
        return self.decode(payload)

    def silence(self, samples: int) -> bytes:
        """The bytes of so many samples of silence; with G.722, of so many pairs of them."""
        return bytes((self.silent_byte,)) * (samples * self.bytes_per_sample)


def _table_of(decode_one: Callable[[int], int]) -> Samples:
    return np.array([decode_one(code) for code in range(256)], dtype=np.int16)


def _expand_ulaw(code: int) -> int:
    code ^= 0xFF  # sent inverted, so that a quiet line is full of ones
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = ((mantissa << 3) + 0x84 << exponent) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _expand_alaw(code: int) -> int:
    code ^= 0x55  # sent with every other bit inverted
    exponent, mantissa = code >> 4 & 7, code & 15
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << exponent - 1
    return magnitude if code & 0x80 else -magnitude


def _compress_ulaw(samples: Samples) -> npt.NDArray[np.uint8]:
    """As ITU-T G.191 `ulaw_compress`: 14 bits of one's complement magnitude, biased by 33, at most 0x1FFF."""
    wide = samples.astype(np.int32)
    magnitude = np.minimum((np.where(wide < 0, ~wide, wide) >> 2) + 33, 0x1FFF)
    segment = np.floor(np.log2(magnitude >> 5)).astype(np.int32)
    code = (segment << 4) | ((magnitude >> segment + 1) & 15)
    inverted: npt.NDArray[np.uint8] = np.where(wide < 0, code ^ 0x7F, code ^ 0xFF).astype(np.uint8)
    return inverted


def _compress_alaw(samples: Samples) -> npt.NDArray[np.uint8]:
    """As ITU-T G.191 `alaw_compress`: 12 bits of one's complement magnitude."""
    wide = samples.astype(np.int32)
    magnitude = np.where(wide < 0, ~wide, wide) >> 4
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    high = np.where(magnitude > 15, segment + 1 << 4, 0)
    code = np.where(magnitude > 15, high | ((magnitude >> segment) & 15), magnitude)
    return np.where(wide < 0, code ^ 0x55, code ^ 0xD5).astype(np.uint8)


_EVERY_SAMPLE = np.arange(1 << 16).astype(np.uint16).view(np.int16)
"""Index n holds the sample whose 16 bits, read without a sign, are n."""


def _by_tables(
    name: str, expand: Callable[[int], int], compress: Callable[[Samples], npt.NDArray[np.uint8]], silent: int
) -> Codec:
    decoded, encoded = _table_of(expand), compress(_EVERY_SAMPLE)

    def decode(payload: bytes) -> Samples:
        return decoded[np.frombuffer(payload, np.uint8)]

    def encode(samples: Samples) -> bytes:
        return encoded[samples.view(np.uint16)].tobytes()

    return Codec(name, 8000, 1, 8000, decode, encode, silent)


def _ulaw_for_ulaw(plain: Codec) -> Codec:
    """mu-law has two zeros. For a file of mu-law the negative one is a sample that is coded as it is."""
    exact = plain.decode(bytes(range(256)))
    exact[0x7F] = -1

    def decode(payload: bytes) -> Samples:
        return exact[np.frombuffer(payload, np.uint8)]

    return replace(plain, exactly=("ulaw", decode))


PCMU = _ulaw_for_ulaw(_by_tables("PCMU", _expand_ulaw, _compress_ulaw, 0xFF))
PCMA = _by_tables("PCMA", _expand_alaw, _compress_alaw, 0xD5)


def _decode_l16(payload: bytes) -> Samples:
    return np.frombuffer(payload, ">i2").astype(np.int16)


def _encode_l16(samples: Samples) -> bytes:
    return samples.astype(">i2").tobytes()


def _decode_pcm16(payload: bytes) -> Samples:
    return np.frombuffer(payload, "<i2").astype(np.int16)


def _encode_pcm16(samples: Samples) -> bytes:
    return samples.astype("<i2").tobytes()


def l16(rate: int) -> Codec:
    """L16, mono: 16 bits a sample, the high byte first."""
    return Codec("L16", rate, 2, rate, _decode_l16, _encode_l16, 0)


def _at(codec: Codec, rate: int) -> Codec:
    return Codec(
        codec.name, rate, codec.bytes_per_sample, rate, codec.decode, codec.encode, codec.silent_byte
    )


def _decode_g722(payload: bytes) -> Samples:
    return g722.decoder()(payload)


G722 = Codec("G722", g722.RATE, 1, 8000, _decode_g722, g722.encode, g722.SILENT_BYTE, g722.decoder)

STATIC: Mapping[int, Codec] = MappingProxyType({0: PCMU, 8: PCMA, 9: G722})
"""The payload types that need no telling (RFC 3551 §6)."""


def by_payload_type(payload_type: int) -> Codec | None:
    """The codec of a static payload type; None for one that has to be told."""
    return STATIC.get(payload_type)


def named(encoding: str, rate: int) -> Codec:
    """The codec that a call's `encoding` and `rate` mean. Raises ValueError with words for whoever asked.

    G.722 may be named by its clock as well: SDP always says 8000.
    """
    if encoding == "L16" and rate in RATES:
        return l16(rate)
    if encoding in {"PCMU", "PCMA"} and rate == 8000:
        return PCMU if encoding == "PCMU" else PCMA
    if encoding == "G722" and rate in {G722.rate, G722.clock_rate}:
        return G722
    raise ValueError(
        f"no codec {encoding}/{rate}: takes PCMU/8000, PCMA/8000, G722/16000, or L16 at one of {RATES}"
    )


def slin(rate: int) -> Codec:
    """Asterisk's signed linear audio, and what most call L16 on a WebSocket: 16 bits, the low byte first."""
    return Codec("slin", rate, 2, rate, _decode_pcm16, _encode_pcm16, 0)


def in_file(encoding: str, rate: int) -> Codec:
    """The codec of a file's `encoding`: "pcm16" (low byte first), "ulaw" or "alaw". Raises ValueError."""
    match encoding:
        case "pcm16":
            return Codec("pcm16", rate, 2, rate, _decode_pcm16, _encode_pcm16, 0)
        case "ulaw":
            return _at(PCMU, rate)
        case "alaw":
            return _at(PCMA, rate)
    raise ValueError(f"no encoding {encoding!r}: takes pcm16, ulaw or alaw")
