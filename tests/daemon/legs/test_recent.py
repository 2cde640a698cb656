"""What a leg keeps of the last moments for a recording that begins, and what of a pause."""

from typing import Any

import numpy as np

from daemon.legs.tracks import Tracks
from daemon.media import codecs
from daemon.media.codecs import slin
from daemon.media.heard import Heard
from daemon.media.timeline import CALLER, Timeline
from daemon.media.track import Track

START = 1000.0
L16 = codecs.l16(8000)
CODEC = slin(8000)
NOW = 1000.0
VOICE = b"\1\0" * 160


def spoken(begins: float, seconds: float, value: int) -> Heard:
    """Samples of one value, from so many seconds behind START on."""
    samples = np.full(round(seconds * 8000), value, np.int16)
    return Heard(round((START + begins) * 8000), L16, L16.encode(samples))


def kept(tracks: Tracks) -> list[tuple[float, float, int]]:
    """(from, to, value) of what it remembers, in seconds behind START."""
    return [
        (each.place / 8000 - START, each.end / 8000 - START, int(L16.decode(each.payload)[0]))
        for each in tracks._recent
    ]


def test_of_what_is_said_in_a_pause_nothing_is_kept_though_it_is_heard_of_after_its_end() -> None:
    """Legs are looked at twice a second with many sessions: a look finds what is of before, in, behind."""
    tracks, timeline = Tracks(CALLER), Timeline(8000, 1, START)
    tracks.attach(timeline, rate=8000, drained=START)
    tracks.take([spoken(0.0, 0.5, 1)], now=START + 0.5, drained=START + 0.5)
    timeline.pause(START + 0.5)
    tracks.take([spoken(0.5, 0.25, 2)], now=START + 0.75, drained=START + 0.75)
    timeline.resume(START + 1.0)
    tracks.take([spoken(0.75, 0.5, 3)], now=START + 1.25, drained=START + 1.25)
    assert kept(tracks) == [(0.0, 0.5, 1), (1.0, 1.25, 3)]
    voice = timeline.finish(START + 1.25)[:, 0]
    assert voice.tolist() == [1] * 4000 + [0] * 4000 + [3] * 2000


def test_behind_a_recording_that_ended_in_a_pause_all_is_kept_for_the_next() -> None:
    tracks, timeline = Tracks(CALLER), Timeline(8000, 1, START)
    tracks.attach(timeline, rate=8000, drained=START)
    timeline.pause(START + 0.25)
    timeline.end(START + 0.5)
    tracks.take([spoken(0.25, 0.5, 2)], now=START + 0.75, drained=START + 0.75)
    assert kept(tracks) == [(0.5, 0.75, 2)]
    following = Timeline(8000, 1, START + 0.5)
    tracks.attach(following, rate=8000, drained=START + 0.75)
    assert following.finish(START + 0.75)[:, 0].tolist() == [2] * 2000


def frame(at: float) -> Heard:
    return Heard(round(at * 8000), CODEC, VOICE)


def test_audio_of_a_time_that_will_not_come_is_kept_for_nobody_and_keeps_nothing_else() -> None:
    tracks = Tracks(CALLER)
    for second in range(100):
        now = NOW + second
        tracks.take([frame(now + 100_000), frame(now - 0.02)], now=now, drained=now)
    assert len(tracks._recent) <= 4  # those of the last 2 s, and of this moment
    timeline = Timeline(8000, 1, NOW + 98.0)
    tracks.attach(timeline, rate=8000, drained=NOW + 99)
    counts = timeline.counts(CALLER)
    assert (counts.placed, counts.early) == (160, 0)  # what is kept from before its start is not offered


def test_a_timeline_waits_a_moment_for_a_leg_that_has_just_connected() -> None:
    tracks = Tracks(CALLER)
    timeline = Timeline(8000, 1, NOW)
    tracks.attach(timeline, rate=8000, drained=NOW)
    tracks.expect(NOW + 1)
    tracks.take([], now=NOW + 1.9, drained=NOW + 1.9)
    assert len(timeline.advance(NOW + 1.9)) == 8000  # up to when it connected
    tracks.take([frame(NOW + 1)], now=NOW + 1.95, drained=NOW + 1.95)
    assert timeline.counts(CALLER).placed == 160
    tracks.take([], now=NOW + 9, drained=NOW + 9)
    assert len(timeline.advance(NOW + 9)) > 0  # and no longer, where nothing more comes


def test_a_sender_who_changes_its_rate_all_the_time_has_one_track_a_rate() -> None:
    tracks, timeline = Tracks(CALLER), Timeline(8000, 1, START)
    tracks.attach(timeline, rate=8000, drained=START)
    joined, join = [], timeline.join

    def counting(*args: Any, **kwargs: Any) -> Track:
        joined.append(kwargs)
        return join(*args, **kwargs)

    timeline.join = counting  # type: ignore[method-assign]
    for number in range(200):
        rate, at = (8000, 16000)[number % 2], START + number / 100
        codec = codecs.l16(rate)
        word = codec.encode(np.full(rate // 100, 1000 + number, np.int16))
        tracks.take([Heard(round(at * rate), codec, word)], now=at + 0.01, drained=at + 0.01)
    assert len(joined) == 1
    voice = timeline.finish(START + 2)[:, 0]
    # In the middle of each word: around its edges the neighbours' filter rings.
    assert np.abs(voice[40::80] - np.arange(1000, 1200)).max() < 50


def test_a_rate_that_comes_back_long_after_has_a_track_anew() -> None:
    tracks, timeline = Tracks(CALLER), Timeline(8000, 1, START)
    tracks.attach(timeline, rate=8000, drained=START)
    wide = codecs.l16(16000)
    closed = []
    for second in range(6):
        codec, rate = (L16, 8000) if second in {0, 5} else (wide, 16000)
        word = codec.encode(np.full(rate // 2, 1000, np.int16))
        now = START + second + 1.0
        heard = Heard(round((START + second) * rate), codec, word)
        tracks.take([heard], now=now, drained=now)
        closed.append(timeline.advance(now))
    voice = np.concatenate([*closed, timeline.finish(START + 6)])[:, 0]
    middles = [(int(voice[8000 * each + 2000]), int(voice[8000 * each + 6000])) for each in range(6)]
    assert middles == [(1000, 0)] * 6
    assert timeline.counts(CALLER).late == 0


def test_what_was_heard_between_a_pause_and_its_taking_effect_is_forgotten() -> None:
    """A pause counts from when it was asked for; the catalogue may have taken a second to store it."""
    tracks, timeline = Tracks(CALLER), Timeline(8000, 1, START)
    tracks.attach(timeline, rate=8000, drained=START)
    tracks.take([spoken(0.0, 1.0, 2)], now=START + 1.0, drained=START + 1.0)
    timeline.pause(START + 0.25)
    tracks.take([], now=START + 1.1, drained=START + 1.1)
    assert kept(tracks) == []
