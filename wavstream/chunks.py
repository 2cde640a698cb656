"""What a file says of itself beyond its format: `bext` (EBU Tech 3285, version 1) and `LIST`/`INFO`. No I/O.

Both stand before the audio in a room of a fixed size, for the name may come when there is audio behind them
already. Dates and times are UTC, so that those of several machines can be compared; `ICRD` says so by its Z.

What they say is given by switches and clients, and shown by players. So nothing is longer than its field, no
control character (Unicode's category C) is let through, and each becomes a space. `bext` is ASCII, as the
standard has it, with ? for the rest; `INFO`, for which RIFF knows no character set, is UTF-8.
"""

import struct
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from wavstream import wav
from wavstream.wav import WavFormat

HEADER_BYTES = 2048
"""The length of every header with these chunks. The longest texts leave some of it over, and it is a multiple
of a disk's sector, so that the audio is aligned."""

SOFTWARE = f"wavstream {version('wavstream')}"

_MOST_NAME_BYTES = 200
_MOST_COMMENT_BYTES = 500
_HISTORY_BYTES = 128
_CODINGS = {"pcm16": ("PCM", 16), "ulaw": ("ULAW", 8), "alaw": ("ALAW", 8)}
_MODES = {1: "mono", 2: "stereo"}


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What there is to say: the recording's id, its name, and when it began (seconds since the epoch)."""

    recording_id: str
    name: str | None
    started_at: float


def chunks(audio: WavFormat, about: About) -> bytes:
    """The chunks, as long as the room for them in a header of HEADER_BYTES."""
    said = _bext(audio, about) + _info(about)
    return said + wav.junk(HEADER_BYTES - audio.header_bytes - len(said))


def _bext(audio: WavFormat, about: About) -> bytes:
    """EBU Tech 3285, section 2.3; without a UMID, which zeros say."""
    began = _moment(about.started_at)
    midnight = began.replace(hour=0, minute=0, second=0, microsecond=0)
    samples = round((began - midnight).total_seconds() * audio.sample_rate)
    named = f"{about.name}, recording {about.recording_id}" if about.name else about.recording_id
    body = struct.pack(
        "<256s32s32s10s8sQH64x190x",
        _ascii(named, 256),
        _ascii(SOFTWARE, 32),
        _ascii(_reference(about.recording_id), 32),
        began.date().isoformat().encode(),
        began.time().isoformat("seconds").encode(),
        samples,
        1,  # the version
    )
    return _chunk(b"bext", body + _history(audio).ljust(_HISTORY_BYTES, b"\0"))


def _reference(recording_id: str) -> str:
    """An id of 32 characters: a UUID is one without its dashes. A longer one is whole in the description."""
    return recording_id.replace("-", "") if len(recording_id) > 32 else recording_id


def _history(audio: WavFormat) -> bytes:
    """A line of EBU R 98, which has no code for G.711: there the words are ours."""
    coding, bits = _CODINGS[audio.encoding]
    line = f"A={coding},F={audio.sample_rate},W={bits},M={_MODES[audio.channels]},T={SOFTWARE}"
    return _ascii(line, _HISTORY_BYTES - 2) + b"\r\n"


def _info(about: About) -> bytes:
    """The list of RIFF's "Multimedia Programming Interface and Data Specifications 1.0", chapter 3."""
    created = _moment(about.started_at).replace(tzinfo=None).isoformat(timespec="seconds")
    texts = {
        b"INAM": _utf8(about.name or about.recording_id, _MOST_NAME_BYTES),
        b"ICRD": created.encode() + b"Z",
        b"ISFT": _utf8(SOFTWARE, _MOST_NAME_BYTES),
        b"ICMT": _utf8(f"recording {about.recording_id}", _MOST_COMMENT_BYTES),
    }
    return _chunk(b"LIST", b"INFO" + b"".join(_chunk(name, text + b"\0") for name, text in texts.items()))


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack("<4sI", name, len(body)) + body + bytes(len(body) % 2)


def _moment(seconds: float) -> datetime:
    """A time as a client gave it, which may be none that a calendar has: then its beginning."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _ascii(text: str, most: int) -> bytes:
    return _printable(text).encode("ascii", "replace")[:most]


def _utf8(text: str, most: int) -> bytes:
    """No more than `most` bytes of it, and no part of a character."""
    return _printable(text).encode("utf-8", "replace")[:most].decode("utf-8", "ignore").encode()


def _printable(text: str) -> str:
    return "".join(" " if unicodedata.category(each)[0] == "C" else each for each in text)
