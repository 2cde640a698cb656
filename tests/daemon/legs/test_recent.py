"""What a leg keeps of the last moments for a recording that begins."""

from daemon.legs.tracks import Tracks
from daemon.media.codecs import slin
from daemon.media.heard import Heard
from daemon.media.timeline import CALLER, Timeline

CODEC = slin(8000)
NOW = 1000.0
VOICE = b"\1\0" * 160


def heard(at: float) -> Heard:
    return Heard(round(at * 8000), CODEC, VOICE)


def test_audio_of_a_time_that_will_not_come_is_kept_for_nobody_and_keeps_nothing_else() -> None:
    tracks = Tracks(CALLER)
    for second in range(100):
        now = NOW + second
        tracks.take([heard(now + 100_000), heard(now - 0.02)], now=now, drained=now)
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
    tracks.take([heard(NOW + 1)], now=NOW + 1.95, drained=NOW + 1.95)
    assert timeline.counts(CALLER).placed == 160
    tracks.take([], now=NOW + 9, drained=NOW + 9)
    assert len(timeline.advance(NOW + 9)) > 0  # and no longer, where nothing more comes
