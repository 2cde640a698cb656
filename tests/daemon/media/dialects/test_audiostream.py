import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media.codecs import RATES
from daemon.media.dialects.audiostream import AudioStream
from daemon.media.dialects.dialect import Begun, DialectError, Sound
from tests.daemon.media.dialects.conversations import hear, rest, samples


def test_audio_is_16_bits_low_byte_first_at_the_rate_of_the_url() -> None:
    dialect = AudioStream(16_000)
    [sound] = dialect.receive(struct.pack("<3h", 1, -2, 300))
    assert isinstance(sound, Sound)
    assert (sound.voice, sound.codec.rate, sound.time, sound.number) == (0, 16_000, None, None)
    assert sound.codec.decode(sound.payload).tolist() == [1, -2, 300]


def test_of_two_channels_the_left_is_voice_0() -> None:
    events = AudioStream(8000, 2).receive(struct.pack("<6h", 1, -1, 2, -2, 3, -3))
    assert samples(events, 0).tolist() == [1, 2, 3]
    assert samples(events, 1).tolist() == [-1, -2, -3]


@given(st.binary(max_size=200), st.lists(st.integers(0, 50), max_size=8), st.sampled_from([1, 2]))
def test_messages_of_any_length_are_one_stream(data: bytes, sizes: list[int], channels: int) -> None:
    pieces, left = [], data
    for size in sizes:
        pieces.append(left[:size])
        left = left[size:]
    events = hear(AudioStream(8000, channels), [*pieces, left])
    whole = len(data) - len(data) % (2 * channels)
    expected = struct.unpack(f"<{whole // 2}h", data[:whole])
    for voice in range(channels):
        assert samples(events, voice).tolist() == list(expected[voice::channels])
    assert all(event.payload for event in events if isinstance(event, Sound))


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("call-0001.wav", Begun(fields={"text": "call-0001.wav"})),
        ("[1, 2]", Begun(fields={"text": "[1, 2]"})),
        ('{"broken', Begun(fields={"text": '{"broken'})),
        (
            '{"uuid": "abc", "from": "+4930123", "to": 4930456, "queue": {"name": "sales"}}',
            Begun(call_id="abc", caller_id="+4930123", did="4930456", fields={"queue": {"name": "sales"}}),
        ),
        # The first key that holds an id counts, and only that one is taken.
        (
            '{"callSid": "", "call_id": "x", "uuid": "y"}',
            Begun(call_id="x", fields={"callSid": "", "uuid": "y"}),
        ),
    ],
)
def test_the_first_text_is_metadata_whatever_it_is(text: str, begun: Begun) -> None:
    assert AudioStream().receive(text) == [begun]


def test_later_texts_are_counted() -> None:
    dialect = AudioStream()
    assert len(rest(hear(dialect, ["a", b"\0\0", "b", '{"uuid": "c"}']))) == 1
    assert dialect.unknown == 2


def test_nothing_goes_back() -> None:
    dialect = AudioStream()
    hear(dialect, ["{}", bytes(320)])
    assert dialect.silence(1.0) is None
    assert dialect.goodbye() is None


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_of_a_leg_is_taken(rate: int) -> None:
    [sound] = AudioStream(rate).receive(b"\1\0")
    assert isinstance(sound, Sound)
    assert sound.codec.rate == rate


@pytest.mark.parametrize(("rate", "channels"), [(0, 1), (11_025, 1), (96_000, 1), (8000, 0), (8000, 3)])
def test_a_url_that_cannot_be_obeyed_is_an_error(rate: int, channels: int) -> None:
    with pytest.raises(DialectError, match="takes"):
        AudioStream(rate, channels)
