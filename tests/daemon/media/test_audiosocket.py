from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media.audiosocket import (
    AUDIO,
    DTMF,
    ERROR,
    HANGUP,
    IDENTITY,
    IDENTITY_BYTES,
    KINDS,
    MOST_PAYLOAD_BYTES,
    RATES,
    AudioSocketError,
    Frame,
    Parser,
    build,
)
from tests.daemon.media import captures

NAME = UUID("40325ec2-5efd-4bd3-805f-53576e581d13")


def parsed(*pieces: bytes) -> tuple[list[Frame], str | None]:
    """All frames of the pieces, fed one after the other, and the error that ended them."""
    parser, frames = Parser(), []
    try:
        for piece in pieces:
            parser.feed(piece)
            for frame in parser.frames():
                frames.append(frame)  # noqa: PERF402 - those before an error count
    except AudioSocketError as wrong:
        return frames, str(wrong)
    return frames, None


def test_each_frame_that_asterisk_sends_is_read() -> None:
    # The bytes as its documentation writes them: kind, length in network order, payload.
    sent = b"\x01\x00\x10" + NAME.bytes + b"\x10\x00\x04\x01\x00\xff\xff" + b"\x03\x00\x015" + b"\x00\x00\x00"
    frames, error = parsed(sent)
    assert error is None
    assert frames == [(IDENTITY, NAME.bytes), (AUDIO, b"\x01\x00\xff\xff"), (DTMF, b"5"), (HANGUP, b"")]
    assert frames[0].uuid == NAME


def test_a_frame_is_built_as_it_is_read() -> None:
    assert build(IDENTITY, NAME.bytes) == b"\x01\x00\x10" + NAME.bytes
    assert len(build(IDENTITY, NAME.bytes)) == IDENTITY_BYTES
    assert build(HANGUP) == b"\x00\x00\x00"


def test_audio_has_a_kind_for_each_rate_from_8_to_48_khz() -> None:
    assert KINDS == {8000: 0x10, 12000: 0x11, 16000: 0x12, 24000: 0x13, 32000: 0x14, 44100: 0x15, 48000: 0x16}
    assert {KINDS[rate] for rate in RATES.values()} == set(RATES)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (b"\x00\x00\x01", "a hangup frame of 1 bytes, not 0"),
        (b"\x01\x00\x0f", "a UUID frame of 15 bytes, not 16"),
        (b"\x03\x00\x02", "a DTMF frame of 2 bytes, not 1"),
        (b"\x10\x01\x41", "an audio frame of 321 bytes: half a sample"),
        (b"\x16\x00\x01", "an audio frame of 1 bytes: half a sample"),
    ],
)
def test_a_length_that_a_kind_cannot_have_is_an_error_before_its_payload_comes(
    wrong: bytes, words: str
) -> None:
    frames, error = parsed(build(DTMF, b"1") + wrong)
    assert frames == [(DTMF, b"1")]
    assert error == words
    with pytest.raises(AudioSocketError, match=words[:10]):
        build(wrong[0], bytes(int.from_bytes(wrong[1:])))


def test_a_payload_that_no_length_can_say_is_not_built() -> None:
    assert len(build(ERROR, bytes(MOST_PAYLOAD_BYTES))) == MOST_PAYLOAD_BYTES + 3
    with pytest.raises(AudioSocketError, match="65536 bytes do not fit"):
        build(ERROR, bytes(MOST_PAYLOAD_BYTES + 1))


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_any_bytes_cut_anywhere_bring_the_same_frames_and_no_other_error(
    data: bytes, cuts: list[int]
) -> None:
    places = [0, *sorted(cuts), len(data)]
    pieces = [data[first:last] for first, last in pairwise(places)]
    pieces[-1] = data[places[-2] :]
    whole, error = parsed(data)
    assert parsed(*pieces) == (whole, error)
    assert data.startswith(b"".join(build(*frame) for frame in whole))


FRAMES = st.one_of(
    st.builds(lambda data: (AUDIO, data[: len(data) // 2 * 2]), st.binary(max_size=40)),
    st.builds(lambda data: (DTMF, data), st.binary(min_size=1, max_size=1)),
    st.builds(lambda data: (IDENTITY, data), st.binary(min_size=16, max_size=16)),
    st.builds(lambda data: (0x42, data), st.binary(max_size=40)),
    st.just((HANGUP, b"")),
)


@given(st.lists(FRAMES, max_size=8), st.integers(1, 20))
def test_whatever_is_built_is_read_again_in_pieces_of_any_size(
    frames: list[tuple[int, bytes]], size: int
) -> None:
    sent = b"".join(build(*frame) for frame in frames)
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert parsed(*pieces) == (frames, None)


def test_a_parser_keeps_no_more_than_an_unfinished_frame() -> None:
    parser = Parser()
    for _ in range(100):
        parser.feed(build(AUDIO, bytes(320)) + b"\x10\xff")
        list(parser.frames())
        parser.feed(b"\xfe")
        assert list(parser.frames()) == []
        parser.feed(bytes(0xFFFE))
        assert [len(frame.payload) for frame in parser.frames()] == [0xFFFE]
        assert parser._rest == b""


@pytest.mark.parametrize(
    ("name", "kind", "sizes"),
    [
        ("asterisk-audiosocket-8k", 0x10, [320] * 199 + [276]),
        ("asterisk-audiosocket-16k", 0x12, [640] * 199 + [552]),
        ("asterisk-audiosocket-dtmf", 0x10, [320] * 194 + [276]),
    ],
)
def test_a_real_asterisk_s_frames_are_read(name: str, kind: int, sizes: list[int]) -> None:
    frames, error = parsed(*(data for _, data in captures.packets(name)))
    assert error is None
    assert frames[0].kind == IDENTITY
    assert [len(frame.payload) for frame in frames if frame.kind == kind] == sizes
    keys = b"".join(frame.payload for frame in frames if frame.kind == DTMF)
    assert keys == (b"52#" if name.endswith("dtmf") else b"")
