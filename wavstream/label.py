"""What a recording's files say of it: the header with its chunks, and the side file. No I/O."""

from dataclasses import dataclass

from storage.recordings import Recording
from wavstream import sidefile
from wavstream.chunks import About, chunks
from wavstream.wav import Header, WavFormat


@dataclass(frozen=True, slots=True)
class Label:
    """The `header` of a file, and the content of the side file under its key `beside`; None: it has none."""

    header: Header
    beside: str | None = None
    content: bytes = b""


def label(row: Recording) -> Label:
    """The label of a row. The header is as long as when the file was made, by whatever version."""
    return Label(_header(row), row.side_path, sidefile.content(row))


def wav_format(row: Recording) -> WavFormat:
    """The audio's format of a row."""
    return WavFormat(row.encoding, row.sample_rate, row.channels)  # type: ignore[arg-type]


def _header(row: Recording) -> Header:
    audio = wav_format(row)
    about = About(recording_id=row.recording_id, name=row.name, started_at=row.started_at)
    told = Header(audio, chunks(audio, about))
    return told.ending_at(audio.header_bytes if row.header_bytes is None else row.header_bytes)
