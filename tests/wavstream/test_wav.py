"""The WAV header, judged by arithmetic and by other programs."""

import io
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from tests.installed import needs
from wavstream import wav
from wavstream.wav import Header, WavError, WavFormat

MONO = WavFormat("pcm16", 8000, 1)
STEREO = WavFormat("pcm16", 16000, 2)
ULAW = WavFormat("ulaw", 8000, 1)
ALAW_STEREO = WavFormat("alaw", 8000, 2)
FORMATS = [MONO, STEREO, ULAW, ALAW_STEREO]

formats = st.builds(
    WavFormat, st.sampled_from(["pcm16", "ulaw", "alaw"]), st.integers(8000, 48000), st.sampled_from([1, 2])
)


def test_a_frame_is_one_sample_of_every_channel() -> None:
    # 16 bits are two bytes, G.711 is one; times the channels.
    assert [audio.frame_bytes for audio in FORMATS] == [2, 4, 1, 2]
    assert [audio.byte_rate for audio in FORMATS] == [16_000, 64_000, 8_000, 16_000]
    assert STEREO.duration(64_000 + 3) == 1.0  # three bytes are no frame


@pytest.mark.parametrize("audio", FORMATS)
@pytest.mark.parametrize("data_bytes", [None, 0, 4, 2**32 - 1024, 2**32, 2**40])
def test_the_audio_begins_at_the_same_byte_whatever_its_length(
    audio: WavFormat, data_bytes: int | None
) -> None:
    # 12 RIFF + 36 JUNK + 24 fmt + 8 data = 80; G.711 adds 2 to fmt, and 12 of fact.
    assert audio.header_bytes == (80 if audio.encoding == "pcm16" else 94)
    assert len(wav.header(audio, data_bytes)) == audio.header_bytes


def test_riff_counts_what_follows_its_own_eight_bytes() -> None:
    header = wav.header(MONO, 1000)
    assert header[:4] == b"RIFF"
    assert struct.unpack_from("<I", header, 4) == (80 - 8 + 1000,)
    assert header[-8:] == b"data" + struct.pack("<I", 1000)


def test_an_odd_number_of_bytes_is_padded_and_the_pad_byte_counted_by_riff_alone() -> None:
    header = wav.header(ULAW, 1001)
    assert Header(ULAW).file_bytes(1001) == 94 + 1001 + 1
    assert struct.unpack_from("<I", header, 4) == (94 - 8 + 1001 + 1,)
    assert header[-8:] == b"data" + struct.pack("<I", 1001)


def test_g711_says_how_many_samples_it_has_in_a_fact_chunk() -> None:
    header = wav.header(ALAW_STEREO, 1000)
    place = header.index(b"fact")
    assert struct.unpack_from("<II", header, place + 4) == (4, 500)  # two channels of a byte each


@pytest.mark.contract("file-follow")
def test_a_live_stream_says_that_its_length_is_unknown() -> None:
    header = wav.header(MONO, None)
    assert header[4:8] == header[-4:] == b"\xff\xff\xff\xff"
    assert wav.parse(header) == wav.Parsed(MONO, 80, None)


def test_riff_holds_one_byte_less_than_rf64_begins_with() -> None:
    # RIFF's size is the file's less 8, and 0xffffffff means something else: 0xfffffffe is the greatest.
    most = 0xFFFF_FFFE + 8 - 80
    assert wav.header(MONO, most)[:4] == b"RIFF"
    assert wav.header(MONO, most + 2)[:4] == b"RF64"


def test_rf64_says_its_sizes_in_64_bits_where_junk_was() -> None:
    data_bytes = 5 * 2**30
    header = wav.header(STEREO, data_bytes)
    riff, data, frames, table = struct.unpack_from("<QQQI", header, header.index(b"ds64") + 8)
    assert (riff, data, frames, table) == (80 - 8 + data_bytes, data_bytes, data_bytes // 4, 0)
    assert header[4:8] == header[-4:] == b"\xff\xff\xff\xff"


@given(audio=formats, frames=st.integers(0, 2**40))
@example(audio=ULAW, frames=2**32 - 1)
def test_what_a_header_says_is_what_is_read_from_it(audio: WavFormat, frames: int) -> None:
    data_bytes = frames * audio.frame_bytes
    parsed = wav.parse(wav.header(audio, data_bytes))
    assert parsed == wav.Parsed(audio, audio.header_bytes, data_bytes)


@given(st.binary(max_size=200))
@example(b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0")
@example(b"RF64\0\0\0\0WAVEds64\x01\0\0\0x\0data\xff\xff\xff\xff")
def test_bytes_that_are_no_header_are_refused_in_words(start: bytes) -> None:
    with pytest.raises(WavError, match=r"."):
        wav.parse(start)


@given(audio=formats, place=st.integers(0, 93), value=st.integers(0, 255))
def test_a_damaged_header_is_read_or_refused_and_nothing_else(
    audio: WavFormat, place: int, value: int
) -> None:
    header = bytearray(wav.header(audio, 1234 * audio.frame_bytes))
    header[place % len(header)] = value
    with suppress(WavError):
        assert wav.parse(bytes(header)).data_offset <= len(header)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda header: header.replace(b"fmt ", b"fmt?"), "no fmt chunk"),
        (lambda header: header[:20], "no data chunk"),
        (lambda header: header.replace(b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0\3\0"), "format 3"),
        (lambda header: header.replace(struct.pack("<I", 16000), struct.pack("<I", 16001)), "contradicts"),
        (lambda header: header.replace(b"fmt \x10", b"fmt \x04"), "cut short"),
        (lambda header: b"RF64" + header[4:-4] + b"\xff\xff\xff\xff", "without a ds64"),
        (lambda header: header.replace(b"JUNK\x1c", b"ds64\x04"), "ds64 chunk cut short"),
    ],
)
def test_a_header_is_refused_with_the_part_that_is_wrong(damage: object, words: str) -> None:
    with pytest.raises(WavError, match=words):
        wav.parse(damage(wav.header(MONO, 1000)))  # type: ignore[operator]


@pytest.mark.parametrize("audio", FORMATS)
def test_soxi_ffprobe_and_soundfile_read_the_same(audio: WavFormat, tmp_path: Path) -> None:
    needs("soxi", "ffprobe")
    frames = audio.sample_rate  # one second
    path = tmp_path / "a.wav"
    path.write_bytes(wav.header(audio, frames * audio.frame_bytes) + bytes(frames * audio.frame_bytes))
    info = soundfile.info(str(path))
    assert (info.frames, info.samplerate, info.channels) == (frames, audio.sample_rate, audio.channels)
    assert info.subtype == {"pcm16": "PCM_16", "ulaw": "ULAW", "alaw": "ALAW"}[audio.encoding]
    soxi = subprocess.run(["soxi", "-s", path], check=True, capture_output=True, text=True)
    assert (int(soxi.stdout), soxi.stderr) == (frames, "")
    show = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,duration", "-of", "csv=p=0"]
    probe = subprocess.run([*show, path], check=True, capture_output=True, text=True)
    codec = {"pcm16": "pcm_s16le", "ulaw": "pcm_mulaw", "alaw": "pcm_alaw"}[audio.encoding]
    assert (probe.stdout.strip(), probe.stderr) == (f"{codec},1.000000", "")


def test_soundfile_reads_an_rf64_of_five_gib(tmp_path: Path) -> None:
    data_bytes = 5 * 2**30
    path = tmp_path / "a.wav"
    with path.open("wb") as file:  # sparse: it takes no room
        file.write(wav.header(STEREO, data_bytes))
        file.truncate(Header(STEREO).file_bytes(data_bytes))
    assert soundfile.info(str(path)).frames == data_bytes // 4


@given(
    audio=formats,
    chunks=st.sampled_from([b"", wav.junk(100)]),
    size=st.integers(0, 2**34),
    start=st.binary(max_size=94),
)
def test_a_repair_goes_by_the_physical_length(
    audio: WavFormat, chunks: bytes, size: int, start: bytes
) -> None:
    repair = wav.repair(Header(audio, chunks), size, start)
    assert repair.header == Header(audio, chunks)
    assert repair.data_bytes == max(0, size - audio.header_bytes - len(chunks))
    said = wav.running(audio, repair.data_bytes)
    assert wav.parse(repair.header.over(said)).data_bytes == said
    # Whole frames, an even number of bytes, and no more than one frame behind.
    assert said % audio.frame_bytes == said % 2 == 0
    assert 0 <= repair.data_bytes - said < max(2, audio.frame_bytes)


def test_a_file_that_was_as_good_as_finished_keeps_its_length_and_not_its_pad_byte() -> None:
    header = wav.header(ULAW, 1001)
    assert wav.repair(Header(ULAW), Header(ULAW).file_bytes(1001), header).data_bytes == 1001
    # While it runs, a header never says an odd length: there the byte behind what it says is audio.
    assert wav.repair(Header(ULAW), 94 + 1001, wav.header(ULAW, wav.running(ULAW, 1000))).data_bytes == 1001


def test_a_repaired_file_opens(tmp_path: Path) -> None:
    audio = bytes(range(256)) * 10 + b"\1"  # 1280 frames and half of one
    lost = wav.header(MONO, 0) + audio
    repair = wav.repair(Header(MONO), len(lost), lost)
    samples, rate = soundfile.read(io.BytesIO(repair.header.over(2560) + audio), dtype="int16")
    assert (len(samples), rate) == (1280, 8000)
    assert samples.tobytes() == audio[:-1]


@pytest.mark.parametrize("audio", FORMATS)
@pytest.mark.parametrize("chunks", [b"", wav.junk(1954)])
def test_the_audio_begins_where_the_file_says_and_not_where_it_is_expected(
    audio: WavFormat, chunks: bytes
) -> None:
    # A file of an earlier version, without chunks, among those of this one; and the other way round.
    frames = bytes(1000 * audio.frame_bytes)
    content = Header(audio, chunks).over(0) + frames
    repair = wav.repair(Header(audio, wav.junk(100)), len(content), content[: wav.MOST_HEADER_BYTES])
    assert (repair.header, repair.data_bytes) == (Header(audio, chunks), len(frames))


def test_a_header_of_another_format_or_of_no_length_of_ours_is_not_believed() -> None:
    expected = Header(MONO, wav.junk(100))
    other = Header(STEREO).over(0) + bytes(1000)
    assert wav.repair(expected, len(other), other).header == expected
    # 44 bytes, as other programs write it: no room for RF64, so we have not written it.
    plain = wav.header(MONO, 0)[:12] + wav.header(MONO, 0)[48:]
    assert wav.parse(plain).data_offset == 44
    assert wav.repair(expected, 1000, plain).header == expected


def test_an_rf64_is_repaired_as_rf64_by_its_length() -> None:
    # The header was a minute behind when the program was killed: 5 GiB say less than there is.
    said, there = 5 * 2**30, 5 * 2**30 + 64_000 * 60
    repair = wav.repair(Header(STEREO), 80 + there, wav.header(STEREO, said))
    assert repair.data_bytes == there
    assert wav.parse(repair.header.over(there)) == wav.Parsed(STEREO, 80, there)


@pytest.mark.parametrize("size", [1, 6, 7, 9, -8])
def test_a_chunk_has_eight_bytes_at_least_and_an_even_number(size: int) -> None:
    with pytest.raises(WavError, match="no chunk"):
        wav.junk(size)
