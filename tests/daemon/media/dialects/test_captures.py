"""Real FreeSWITCHes and Asterisks, message by message, against the speech that they played."""

import numpy as np
import pytest
import soxr

from daemon.media.codecs import PCMU
from daemon.media.dialects.audiostream import AudioStream
from daemon.media.dialects.choice import begin
from daemon.media.dialects.dialect import Begun, Pressed
from tests.daemon.media import captures
from tests.daemon.media.dialects.conversations import capture, hear, recut, rest, samples

SIZES = ((1,), (319, 2, 7), (320,), (4096, 3), (100_000,))


@pytest.mark.parametrize("cut", [None, 1, 7, 1500])
@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("freeswitch-mixed-8k-stop", 39_840),
        ("freeswitch-late-101", 38_240),
        ("freeswitch-deflate-offered", 38_240),
    ],
)
def test_every_sample_of_a_real_freeswitch_is_the_speech_s(name: str, length: int, cut: int | None) -> None:
    dialect = AudioStream()
    heard = samples(hear(dialect, capture(name, cut=cut).messages))
    assert len(heard) == length
    # The switch lost the last 20 ms of the file.
    assert np.array_equal(heard[2400 : 2400 + 31_840], captures.speech()[:31_840])
    assert np.abs(heard[:2400]).max() <= 1


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", ["freeswitch-mixed-8k-stop", "freeswitch-stereo-16k-hangup"])
def test_however_its_audio_is_cut_it_is_the_same(name: str, sizes: tuple[int, ...]) -> None:
    messages = capture(name).messages
    voices = 2 if "stereo" in name else 1
    whole, anew = (
        hear(AudioStream(8000 * voices, voices), some) for some in (messages, recut(messages, sizes))
    )
    for voice in range(voices):
        assert np.array_equal(samples(whole, voice), samples(anew, voice))
    assert rest(whole) == rest(anew)


def test_the_first_text_is_the_metadata_and_the_later_ones_are_counted() -> None:
    dialect = AudioStream()
    events = hear(dialect, capture("freeswitch-mixed-8k-stop").messages)
    assert rest(events) == [Begun(fields={"text": "call-0001.wav"})]
    assert dialect.unknown == 2


def test_audio_before_a_late_text_is_heard_before_it() -> None:
    events = hear(AudioStream(), capture("freeswitch-late-101").messages)
    assert [isinstance(event, Begun) for event in events].index(True) == 24


def test_both_sides_of_a_real_freeswitch_are_told_apart() -> None:
    events = hear(AudioStream(16_000, 2), capture("freeswitch-stereo-16k-hangup").messages)
    left, right = samples(events, 0), samples(events, 1)
    assert len(left) == len(right) == 35_200
    assert not right.any()
    speech = soxr.resample(captures.speech(), 8000, 16_000)[: 35_200 - 5152]
    assert np.corrcoef(left[5152:], speech)[0, 1] > 0.9995
    assert np.abs(left[5152:].astype(int) - speech).max() <= 1000 + 20  # by sox at most 1000


@pytest.mark.parametrize("cut", [None, 3])
def test_every_sample_of_a_real_asterisk_is_the_speech_s(cut: int | None) -> None:
    said = capture("asterisk-chan-websocket-slin-plain", cut=cut)
    dialect = begin(said.path, said.subprotocols, said.query)
    events = hear(dialect, said.messages)
    assert dialect.name == "chan-websocket"
    heard = samples(events)
    # Asterisk's player leaves out the file's last 22 samples.
    assert len(heard) == 31_978
    assert np.array_equal(heard, captures.speech()[:31_978])
    [begun] = rest(events)
    assert isinstance(begun, Begun)
    assert begun.call_id == "9f1c2b3a-0000-4000-8000-000000000004"
    assert begun.fields["channel"].startswith("WebSocket/")
    assert (dialect.unknown, dialect.goodbye()) == (0, "HANGUP")
    assert dialect.silence(0.1) == bytes(1600)


@pytest.mark.parametrize("sizes", SIZES)
def test_asterisk_s_audio_may_be_cut_anywhere(sizes: tuple[int, ...]) -> None:
    said = capture("asterisk-chan-websocket-slin-plain")
    events = hear(begin(said.path, said.subprotocols, said.query), recut(said.messages, sizes))
    assert np.array_equal(samples(events), captures.speech()[:31_978])


def test_a_real_asterisk_s_json_mu_law_and_keys() -> None:
    said = capture("asterisk-chan-websocket-ulaw-json")
    dialect = begin(said.path, said.subprotocols, said.query)
    events = hear(dialect, said.messages)
    begun, *keys = rest(events)
    assert keys == [Pressed("5"), Pressed("2"), Pressed("#")]
    assert isinstance(begun, Begun)
    assert begun.call_id == "9f1c2b3a-0000-4000-8000-000000000005"
    assert begun.fields["channel_variables"]["MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE"] == "160"
    assert (dialect.unknown, dialect.goodbye()) == (0, '{"command": "HANGUP"}')
    assert dialect.silence(0.02) == b"\xff" * 160
    # While the first key sounds, Asterisk sends nothing: 800 samples are missing.
    heard, speech = samples(events), captures.speech()
    assert len(heard) == 31_178
    expected = np.concatenate([speech[:13_760], speech[14_560:31_978]])
    assert np.array_equal(heard, PCMU.decode(PCMU.encode(expected)))


def test_the_first_message_alone_tells_asterisk_and_freeswitch() -> None:
    for name, dialect in (
        ("asterisk-chan-websocket-slin-plain", "chan-websocket"),
        ("asterisk-chan-websocket-ulaw-json", "chan-websocket"),
        ("freeswitch-mixed-8k-stop", "audio-stream"),
        ("freeswitch-late-101", "audio-stream"),
    ):
        undecided = begin("/", [], {})
        hear(undecided, capture(name).messages)
        assert undecided.name == dialect
