"""The WAV file: its header for any length, and what a file found on the disk says about itself. No I/O.

The layout is fixed for a format, so that the audio always begins at the same byte while the header is
written again and again over a growing file::

    RIFF|RF64  JUNK|ds64 (28 bytes)  fmt  [fact, for G.711]  [chunks]  data  audio...  [pad byte]

The chunks are what the file says of itself (`chunks.py`); files of the first versions have none. RIFF and
its chunks: "Multimedia Programming Interface and Data Specifications 1.0" (1991), chapter 3.
Past 4 GiB the same bytes become RF64: EBU Tech 3306. G.711 needs an 18-byte `fmt ` and a `fact` chunk.
"""

import struct
from dataclasses import dataclass
from typing import Literal

from wavstream.protocol import Encoding

MOST_RIFF = 0xFFFF_FFFE
"""The greatest size that a RIFF header can say: one more marks a size that is not known."""

MOST_HEADER_BYTES = 4096
"""No header is longer; so much of a file's beginning is read to find its audio."""

UNKNOWN = 0xFFFF_FFFF
_TAGS: dict[Encoding, int] = {"pcm16": 1, "alaw": 6, "ulaw": 7}  # WAVE_FORMAT_PCM, _ALAW, _MULAW
_ENCODINGS = {tag: encoding for encoding, tag in _TAGS.items()}
_SAMPLE_BYTES: dict[Encoding, Literal[1, 2]] = {"pcm16": 2, "alaw": 1, "ulaw": 1}

_JUNK_BYTES = 28  # a ds64 without a table: three u64 and one u32 (EBU Tech 3306, section 3)


class WavError(Exception):
    """The bytes are no WAV header that this program writes. Its text says which part."""


@dataclass(frozen=True, slots=True)
class WavFormat:
    """How audio is kept: `sample_rate` in hertz, `channels` interleaved, one `encoding`."""

    encoding: Encoding
    sample_rate: int
    channels: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return _SAMPLE_BYTES[self.encoding] * self.channels

    @property
    def byte_rate(self) -> int:
        """Bytes of one second of audio."""
        return self.frame_bytes * self.sample_rate

    @property
    def header_bytes(self) -> int:
        """The length of a header without further chunks."""
        return 80 if self.encoding == "pcm16" else 94

    def whole(self, data_bytes: int) -> int:
        """As many of `data_bytes` as make whole frames."""
        return data_bytes - data_bytes % self.frame_bytes

    def duration(self, data_bytes: int) -> float:
        """Seconds of `data_bytes` of audio."""
        return data_bytes // self.frame_bytes / self.sample_rate


@dataclass(frozen=True, slots=True)
class Header:
    """One file's header, for any length of its audio. `chunks` are whole ones, so an even number of bytes."""

    format: WavFormat
    chunks: bytes = b""

    @property
    def size(self) -> int:
        """Its length in bytes: the audio begins at this byte of the file."""
        return self.format.header_bytes + len(self.chunks)

    def over(self, data_bytes: int | None) -> bytes:
        """The header of a file with `data_bytes` of audio, or (None) of a stream whose length nobody knows.

        Past 4 GiB it is that of an RF64 file, of the same length.
        """
        return _header(self, data_bytes)

    def file_bytes(self, data_bytes: int) -> int:
        """The size of a finished file: header, audio, and the pad byte after an odd number of bytes."""
        return self.size + data_bytes + data_bytes % 2

    def ending_at(self, size: int) -> "Header":
        """A header of that length: this one, or else the same format with nothing said beside it.

        Raises WavError for a length that a header of this format cannot have.
        """
        return self if size == self.size else Header(self.format, junk(size - self.format.header_bytes))


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a header says: the audio's format, the byte where it begins, its length (None: not known yet)."""

    format: WavFormat
    data_offset: int
    data_bytes: int | None


@dataclass(frozen=True, slots=True)
class Repair:
    """What makes a file whole: `data_bytes` of audio are there, behind this `header`."""

    header: Header
    data_bytes: int


def header(audio: WavFormat, data_bytes: int | None) -> bytes:
    """The header without further chunks: see Header."""
    return Header(audio).over(data_bytes)


def junk(size: int) -> bytes:
    """A chunk that says nothing, `size` bytes in all; none for 0. Raises WavError for what is no chunk."""
    if size == 0:
        return b""
    if size < 8 or size % 2:
        raise WavError(f"no chunk is {size} bytes long")
    return struct.pack("<4sI", b"JUNK", size - 8) + bytes(size - 8)


def _header(of: Header, data_bytes: int | None) -> bytes:
    audio = of.format
    frames = UNKNOWN if data_bytes is None else data_bytes // audio.frame_bytes
    riff = UNKNOWN if data_bytes is None else of.file_bytes(data_bytes) - 8
    if data_bytes is None or riff <= MOST_RIFF:
        data = UNKNOWN if data_bytes is None else data_bytes
        start = struct.pack("<4sI4s4sI28x", b"RIFF", riff, b"WAVE", b"JUNK", _JUNK_BYTES)
        return start + _fmt(audio) + _fact(audio, frames) + of.chunks + struct.pack("<4sI", b"data", data)
    start = struct.pack("<4sI4s4sI", b"RF64", UNKNOWN, b"WAVE", b"ds64", _JUNK_BYTES)
    sizes = struct.pack("<QQQI", riff, data_bytes, frames, 0)
    format_chunks = _fmt(audio) + _fact(audio, UNKNOWN)
    return start + sizes + format_chunks + of.chunks + struct.pack("<4sI", b"data", UNKNOWN)


def _fmt(audio: WavFormat) -> bytes:
    extension = b"" if audio.encoding == "pcm16" else struct.pack("<H", 0)
    fields = struct.pack(
        "<HHIIHH",
        _TAGS[audio.encoding],
        audio.channels,
        audio.sample_rate,
        audio.byte_rate,
        audio.frame_bytes,
        8 * _SAMPLE_BYTES[audio.encoding],
    )
    return struct.pack("<4sI", b"fmt ", len(fields + extension)) + fields + extension


def _fact(audio: WavFormat, frames: int) -> bytes:
    return b"" if audio.encoding == "pcm16" else struct.pack("<4sII", b"fact", 4, min(frames, UNKNOWN))


def parse(start: bytes) -> Parsed:
    """What the header at the beginning of a file says; `start` holds at least everything before the audio.

    Chunks that it does not need are passed over. Raises WavError.
    """
    if len(start) < 12:
        raise WavError("shorter than a RIFF header")
    kind, _, wave = struct.unpack_from("<4sI4s", start)
    if kind not in {b"RIFF", b"RF64"} or wave != b"WAVE":
        raise WavError("neither RIFF nor RF64 with WAVE in it")
    audio, wide, position = None, None, 12
    while position + 8 <= len(start):
        name, size = struct.unpack_from("<4sI", start, position)
        body = start[position + 8 : position + 8 + size]
        if name == b"data":
            return Parsed(_known(audio), position + 8, _data_bytes(size, wide, kind == b"RF64"))
        if name == b"ds64":
            wide = _wide(body)
        elif name == b"fmt ":
            audio = _format(body)
        position += 8 + size + size % 2
    raise WavError("no data chunk")


def _known(audio: WavFormat | None) -> WavFormat:
    if audio is None:
        raise WavError("no fmt chunk before the data")
    return audio


def _data_bytes(size: int, wide: int | None, rf64: bool) -> int | None:
    if size != UNKNOWN:
        return size
    if rf64 and wide is None:
        raise WavError("RF64 without a ds64 chunk")
    return wide


def _wide(body: bytes) -> int:
    if len(body) < _JUNK_BYTES:
        raise WavError("ds64 chunk cut short")
    return int(struct.unpack_from("<Q", body, 8)[0])


def _format(body: bytes) -> WavFormat:
    if len(body) < 16:
        raise WavError("fmt chunk cut short")
    tag, channels, rate, byte_rate, frame_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if tag not in _ENCODINGS or not channels or not rate:
        raise WavError(f"format {tag} with {channels} channels at {rate} Hz")
    audio = WavFormat(_ENCODINGS[tag], rate, channels)
    right = (audio.byte_rate, audio.frame_bytes, 8 * _SAMPLE_BYTES[audio.encoding])
    if (byte_rate, frame_bytes, bits) != right:
        raise WavError("fmt chunk contradicts itself")
    return audio


def repair(expected: Header, size: int, start: bytes) -> Repair:
    """What is in a file of `size` bytes that nobody finished; `start` is its first MOST_HEADER_BYTES.

    The audio begins where the file's own header says; where that cannot be read (it was never written, or cut
    short), or speaks of another format, behind the header that is `expected`. How much there is, the physical
    length rules. Only the pad byte of a file that was as good as finished is told from audio by the header,
    which says an odd number of bytes at no other time.
    """
    header, said = _found(expected, start)
    data_bytes = max(0, size - header.size)
    if said is not None and said % 2 and data_bytes == said + 1:
        data_bytes = said
    return Repair(header, data_bytes)


def _found(expected: Header, start: bytes) -> tuple[Header, int | None]:
    """The header that a file has, and the length that it says."""
    try:
        said = parse(start)
        if said.format == expected.format:
            return expected.ending_at(said.data_offset), said.data_bytes
    except WavError:
        pass
    return expected, None


def running(audio: WavFormat, data_bytes: int) -> int:
    """The length that the header of an unfinished file says: whole frames, and an even number of bytes.

    An odd one needs a pad byte, which has no place while audio is still to come.
    """
    return data_bytes - data_bytes % max(2, audio.frame_bytes)
