"""Keys and comfort noise: what comes among the voice and is none."""

import struct

import pytest

from daemon.media import codecs
from daemon.media.heard import Heard
from daemon.media.keys import MOST_WAITING, Key, Keys
from daemon.media.notices import Notice
from daemon.media.rtpstream import RtpStream
from tests.daemon.media.test_rtpstream import CALLER, VOICE, packet, stream_of


def event(code: int, duration: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", code, end << 7 | 10, duration)


def test_a_key_is_one_however_many_of_its_packets_come() -> None:
    keys = Keys()
    for duration in (160, 320, 480):
        assert keys.take(event(5, duration), 8000, 1.0 + duration / 8000, 8000)
    for _ in range(3):  # RFC 4733 section 2.5.1.4: the last packet is sent three times
        assert keys.take(event(5, 640, end=True), 8000, 1.08, 8000)
    assert (keys.taken(), keys.taken(), keys.pressed) == ([Key("5", 1.0)], [], 1)


def test_a_key_of_which_only_the_last_packet_comes_went_down_before_that() -> None:
    keys = Keys()
    keys.take(event(11, 800, end=True), 8000, 3.0, 8000)
    assert keys.taken() == [Key("#", 2.9)]  # 800 steps of 8,000 a second


def test_the_same_key_pressed_again_is_another_and_one_overtaken_by_it_is_none() -> None:
    keys = Keys()
    for timestamp in (8000, 9600, 8000):
        keys.take(event(5, 0, end=True), timestamp, timestamp / 8000, 8000)
    assert keys.taken() == [Key("5", 1.0), Key("5", 1.2)]


def test_a_key_held_for_longer_than_a_duration_can_say_is_one() -> None:
    keys = Keys()
    for timestamp in (0xFFFFFF00, 0xFFFFFF00 + 0xFFFF - (1 << 32), 0xFFFFFF00 + 2 * 0xFFFF - (1 << 32)):
        keys.take(event(5, 0xFFFF), timestamp, 9.0, 8000)
    assert keys.pressed == 1


def test_every_key_has_its_name_and_what_is_none_is_not_noted() -> None:
    keys = Keys()
    for code in range(20):  # 16 is a hook flash
        keys.take(event(code, 0), code * 1000, 1.0, 8000)
    assert "".join(key.digit for key in keys.taken()) == "0123456789*#ABCD"


def test_a_flood_of_keys_is_counted_and_kept_within_bounds() -> None:
    keys = Keys()
    for number in range(10_000):
        keys.take(event(number % 10, 0), number, 1.0, 8000)
    assert (keys.pressed, len(keys.taken())) == (10_000, MOST_WAITING)


def test_what_is_too_short_for_an_event_is_malformed() -> None:
    stream = stream_of(0)
    notice = stream.receive(packet(1, kind=101, payload=b"\5\0\0"), CALLER, 0.04)
    assert notice == Notice("cut off telephone event", {"bytes": 3})
    assert (stream.malformed, stream.keys.pressed, stream.unknown) == (1, 0, 0)


def test_keys_among_the_voice_move_no_sample_and_are_no_jitter() -> None:
    """RFC 4733 section 2.6.2: a key of 100 ms in place of 5 packets, every packet with the same timestamp."""
    stream = stream_of(0, 1)
    for number in range(2, 7):
        payload = event(5, (number - 1) * 160)
        stream.receive(packet(number, kind=101, payload=payload, timestamp=320), CALLER, (number + 1) * 0.02)
    for number in (7, 8):
        stream.receive(packet(number), CALLER, (number + 1) * 0.02)
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE * 2), Heard(1120, codecs.PCMU, VOICE * 2)]
    assert stream.reception.jitter == pytest.approx(0, abs=1e-6)
    assert (stream.reception.packets, stream.reception.lost, stream.clock.anchored) == (9, 0, 1)
    [key] = stream.keys.taken()
    assert (key.digit, round(key.at, 6)) == ("5", 0.04)


def test_a_call_that_named_the_type_of_keys_for_its_voice_has_voice_there() -> None:
    stream = RtpStream({101: codecs.PCMA})
    stream.receive(packet(0, kind=101), CALLER, 0.02)
    stream.receive(packet(1, kind=101), CALLER, 0.04)
    assert stream.heard() == [Heard(0, codecs.PCMA, VOICE * 2)]
    assert stream.keys.pressed == 0


@pytest.mark.parametrize("kind", [13, 19])
def test_speech_after_comfort_noise_has_its_place_and_what_is_between_is_silence(kind: int) -> None:
    stream = stream_of(0)
    noise = packet(1, kind=kind, payload=b"\x40")
    assert stream.receive(noise, CALLER, 0.04) is None
    # The speaker is silent for a second: 8,000 samples, of which one packet tells.
    stream.receive(packet(2, timestamp=8160), CALLER, 1.04)
    assert stream.heard() == [Heard(0, codecs.PCMU, VOICE), Heard(8160, codecs.PCMU, VOICE)]
    assert (stream.comfort_noise, stream.unknown, stream.reception.lost) == (1, 0, 0)
    assert (stream.clock.anchored, stream.clock.corrected) == (1, 0)
