"""Pauses are found as a telephone finds them."""

import numpy as np

from daemon.caller import activity
from daemon.caller.talk import Talk
from daemon.media.codecs import PCMU


def test_a_packet_is_silent_when_nobody_speaks_in_it_nor_did_just_before() -> None:
    # Packets of 20 ms; somebody speaks in the fifth: it and the 0.2 s behind it are sent.
    sound = np.zeros(30 * 160, np.int16)
    sound[4 * 160 + 80] = 301
    silent = activity.silent(sound, 160, 8000)
    assert np.flatnonzero(~silent).tolist() == list(range(4, 15))


def test_the_noise_of_a_quiet_room_is_silence_and_full_scale_is_not() -> None:
    noise = np.tile(np.array([300, -300], np.int16), 800)
    assert activity.silent(noise, 160, 8000).all()
    noise[0] = -32768
    assert not activity.silent(noise, 160, 8000)[0]


def test_with_two_voices_nobody_speaks_when_neither_does() -> None:
    own = np.zeros(20 * 160, np.int16)
    other = own.copy()
    other[:10] = 5000
    talk = Talk.of(own, PCMU, 0)
    assert talk.silent.all()
    assert np.flatnonzero(~talk.with_callee(other).silent).tolist() == list(range(11))
