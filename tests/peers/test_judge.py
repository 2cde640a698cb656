"""The judge sees what can go wrong in a recording."""

import numpy as np

from daemon import speech
from daemon.caller.sound import load
from daemon.media.codecs import Samples
from tests.peers import judge

RATE = 8000


def original() -> Samples:
    return load(speech.CALLER, RATE)[: 3 * RATE]


def recorded(sound: Samples) -> Samples:
    return np.pad(sound, (1234, 2000))


def test_a_true_recording_is_found_at_its_place() -> None:
    said = original()
    recording = recorded(said)
    assert judge.offset_of(said, recording) == 1234
    found = judge.lags(said, recording, 1234, RATE)
    assert len(found) > 15
    assert set(found) == {0}
    assert judge.differences(said, recording, 1234) == 0


def test_one_sample_left_out_is_seen() -> None:
    said = original()
    recording = recorded(np.delete(said, 2 * RATE))
    assert judge.offset_of(said, recording) == 1234
    found = judge.lags(said, recording, 1234, RATE)
    assert found[0] == 0
    assert found[-1] == -1
    assert judge.differences(said, recording, 1234) > 0


def test_a_packet_said_twice_is_seen() -> None:
    said = original()
    recording = recorded(np.insert(said, RATE, said[RATE - 160 : RATE]))
    offset = judge.offset_of(said, recording)
    found = judge.lags(said, recording, offset, RATE)
    assert max(found) - min(found) == 160


def test_a_hole_is_seen_though_nothing_moved() -> None:
    said = original()
    recording = recorded(said)
    loud = 1234 + int(np.argmax(np.abs(said)))
    recording[loud - 80 : loud + 80] = 0
    assert judge.differences(said, recording, 1234) > 100


def test_a_recording_that_lacks_the_beginning_is_seen() -> None:
    said = original()
    recording = recorded(said)[1234 + RATE :]
    assert judge.offset_of(said, recording) == -RATE
    assert set(judge.lags(said[RATE:], recording, 0, RATE)) == {0}
    assert judge.differences(said, recording, -RATE) >= RATE
