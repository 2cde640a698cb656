"""What a file says of itself, read by arithmetic and by other programs."""

import json
import struct
import subprocess
from pathlib import Path

import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from tests.installed import needs
from tests.wavstream.judges import seconds
from wavstream import wav
from wavstream.chunks import HEADER_BYTES, SOFTWARE, About, chunks
from wavstream.wav import Header, WavFormat

MONO = WavFormat("pcm16", 8000, 1)
ULAW_STEREO = WavFormat("ulaw", 16_000, 2)
UUID = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
# 2001-09-09 01:46:40 UTC is a billion seconds after the epoch.
ABOUT = About(recording_id=UUID, name="Müller & Söhne", started_at=1e9 + 0.5)

abouts = st.builds(
    About,
    recording_id=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{7,63}", fullmatch=True),
    name=st.none() | st.text(),
    started_at=st.floats(),
)


def found(said: bytes) -> dict[bytes, bytes]:
    """The chunks, by their names; they fill `said` to its last byte."""
    place, chunk = 0, {}
    while place < len(said):
        name, size = struct.unpack_from("<4sI", said, place)
        chunk[name] = said[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
    assert place == len(said)
    return chunk


@given(
    audio=st.builds(WavFormat, st.sampled_from(["pcm16", "ulaw", "alaw"]), st.just(8000), st.just(1)),
    about=abouts,
    data_bytes=st.none() | st.integers(0, 2**40),
)
@example(MONO, About(recording_id="r" * 64, name="\u20ac" * 300, started_at=float("nan")), None)
def test_whatever_is_said_the_header_has_one_length_and_is_read(
    audio: WavFormat, about: About, data_bytes: int | None
) -> None:
    header = Header(audio, chunks(audio, about)).over(data_bytes)
    assert len(header) == HEADER_BYTES
    assert wav.parse(header) == wav.Parsed(audio, HEADER_BYTES, data_bytes)


@given(about=abouts)
def test_no_control_character_leaves_its_field_as_one(about: About) -> None:
    said = found(chunks(MONO, about))
    bext, info = said[b"bext"], found(said[b"LIST"][4:])
    for text in (bext[:256], bext[256:288], bext[288:320]):  # Description, Originator, OriginatorReference
        assert all(0x20 <= byte < 0x7F for byte in text.rstrip(b"\0"))
    for text in info.values():
        assert text.endswith(b"\0")
        assert all(each >= " " for each in text[:-1].decode())


def test_bext_says_who_when_and_how() -> None:
    bext = found(chunks(MONO, ABOUT))[b"bext"]
    texts = struct.unpack_from("<256s32s32s10s8s", bext)
    assert [text.rstrip(b"\0").decode() for text in texts] == [
        f"M?ller & S?hne, recording {UUID}",  # ASCII
        SOFTWARE,
        UUID.replace("-", ""),  # 36 characters do not fit into 32
        "2001-09-09",
        "01:46:40",
    ]
    # Samples since midnight: (1 * 3600 + 46 * 60 + 40 + 0.5) seconds of 8000.
    assert struct.unpack_from("<QH", bext, 338) == (6400.5 * 8000, 1)
    assert bext[348:602] == bytes(254)  # no UMID, and what is reserved
    assert bext[602:].rstrip(b"\0") == f"A=PCM,F=8000,W=16,M=mono,T={SOFTWARE}\r\n".encode()


def test_info_says_name_date_program_and_id() -> None:
    said = found(chunks(ULAW_STEREO, ABOUT))[b"LIST"]
    assert said[:4] == b"INFO"
    assert found(said[4:]) == {
        b"INAM": "Müller & Söhne\0".encode(),
        b"ICRD": b"2001-09-09T01:46:40Z\0",
        b"ISFT": f"{SOFTWARE}\0".encode(),
        b"ICMT": f"recording {UUID}\0".encode(),
    }


@pytest.mark.parametrize("audio", [MONO, ULAW_STEREO])
@pytest.mark.parametrize("data_seconds", [0, 2])
def test_other_programs_read_the_audio_and_the_texts(
    audio: WavFormat, data_seconds: int, tmp_path: Path
) -> None:
    needs("soxi", "ffprobe")
    path = tmp_path / "a.wav"
    audio_bytes = bytes(data_seconds * audio.byte_rate)
    path.write_bytes(Header(audio, chunks(audio, ABOUT)).over(len(audio_bytes)) + audio_bytes)
    if data_seconds:
        assert seconds(path) == (2.0, 2.0, 2.0)
    show = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json", str(path)]
    tags = json.loads(subprocess.run(show, check=True, capture_output=True).stdout)["format"]["tags"]
    assert tags["title"] == "Müller & Söhne"
    assert tags["originator_reference"] == UUID.replace("-", "")
    assert (tags["creation_time"], tags["date"]) == ("01:46:40", "2001-09-09T01:46:40Z")
    assert int(tags["time_reference"]) == 6400.5 * audio.sample_rate
    with soundfile.SoundFile(path) as file:
        assert file.copy_metadata()["title"] == "Müller & Söhne"
