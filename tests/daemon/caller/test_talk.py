"""A talk is what leaves on the wire, and what a recorder has to keep of it."""

import numpy as np
import pytest

from daemon.caller.talk import Talk
from daemon.media.codecs import G722, PCMA, PCMU, Codec, in_file, l16


@pytest.mark.parametrize(
    ("codec", "payload_bytes", "step"),
    [(PCMU, 160, 160), (PCMA, 160, 160), (l16(8000), 320, 160), (l16(16000), 640, 320)],
)
def test_every_packet_holds_twenty_milliseconds(codec: Codec, payload_bytes: int, step: int) -> None:
    # 50 ms of sound: three packets, the last one half filled with silence.
    sound = np.arange(1, codec.rate // 20 + 1, dtype=np.int16)
    talk = Talk.of(sound, codec, 96)
    assert [len(payload) for payload in talk.payloads] == [payload_bytes] * 3
    assert talk.seconds == pytest.approx(0.06)
    assert talk.timestamp_step == step
    assert len(talk.heard) == 3 * step
    assert np.array_equal(talk.heard, codec.decode(b"".join(talk.payloads)))


def test_l16_loses_nothing_and_sends_the_high_byte_first() -> None:
    talk = Talk.of(np.array([0x0102, -2], np.int16), l16(8000), 96)
    assert talk.payloads[0][:4] == b"\x01\x02\xff\xfe"
    assert talk.heard[:3].tolist() == [0x0102, -2, 0]


def test_silence_is_the_codecs_own() -> None:
    talk = Talk.silence(PCMU, 0, packets=2)
    assert talk.payloads == (b"\xff" * 160, b"\xff" * 160)
    assert not talk.heard.any()


@pytest.mark.parametrize(
    ("codec", "milliseconds", "payload_bytes", "step"),
    [(PCMU, 10, 80, 80), (l16(44100), 30, 2646, 1323), (G722, 60, 480, 480), (l16(48000), 40, 3840, 1920)],
)
def test_packets_may_be_longer_or_shorter(
    codec: Codec, milliseconds: int, payload_bytes: int, step: int
) -> None:
    talk = Talk.of(np.ones(codec.rate // 5, np.int16), codec, 96, milliseconds / 1000)
    assert {len(payload) for payload in talk.payloads} == {payload_bytes}
    assert talk.timestamp_step == step
    assert talk.samples == codec.rate * milliseconds // 1000
    assert talk.seconds == pytest.approx(-(-200 // milliseconds) * milliseconds / 1000)


def test_where_packets_are_lost_a_recorder_has_to_keep_silence() -> None:
    talk = Talk.of(np.arange(1, 641, dtype=np.int16) * 40, l16(8000), 96)
    heard = talk.heard_of(np.array([True, False, True, False]))
    assert np.array_equal(heard[:160], talk.heard[:160])
    assert not heard[160:320].any()
    assert np.array_equal(heard[320:480], talk.heard[320:480])
    assert not heard[480:].any()
    assert talk.heard_of(np.ones(4, np.bool_)) is talk.heard
    assert not talk.heard_of(np.zeros(4, np.bool_)).any()


def test_a_decoder_with_memory_goes_on_from_one_packet_that_it_gets_to_the_next() -> None:
    sound = (8000 * np.sin(np.arange(1280) / 5)).astype(np.int16)
    talk = Talk.of(sound, G722, 9)
    heard = talk.heard_of(np.array([True, False, True, True]))
    came = G722.decode(talk.payloads[0] + talk.payloads[2] + talk.payloads[3])
    assert np.array_equal(heard[:320], came[:320])
    assert not heard[320:640].any()
    assert np.array_equal(heard[640:], came[320:])


def test_two_voices_stand_sample_by_sample_beside_each_other() -> None:
    talk = Talk.of(np.array([1, 2, 3], np.int16), in_file("pcm16", 8000), 0)
    both = talk.with_callee(np.full(1000, 9, np.int16))
    assert both.callee is not None
    assert len(both.callee.payloads) == 1
    assert np.frombuffer(both.interleaved[0], "<i2")[:8].tolist() == [1, 9, 2, 9, 3, 9, 0, 9]
    assert len(both.interleaved[0]) == 640
    assert both.breath(2).interleaved == (bytes(640), bytes(640))
    assert talk.interleaved is talk.payloads
    short = talk.with_callee(np.ones(1, np.int16)).callee
    assert short is not None
    assert short.heard.tolist() == [1] + [0] * 159
