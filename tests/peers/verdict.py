"""What has to be true of a recording of another program's words."""

import numpy as np

from tests.peers import judge
from tests.peers.takes import Take

TIME_SECONDS = 0.02
"""To which what is told and what is heard agree: an instant's two clocks are read one after the other."""
FEWEST_WINDOWS = 12
"""Of 3.2 s of speech so many tenths of a second have sound, at the least."""


def assert_exact(take: Take) -> None:
    """Every sample that was said is there, once, at its time; else there is silence."""
    offset = assert_in_place(take)
    assert judge.differences(take.peer.said, take.samples, offset) == 0, words(take)
    assert take.recording["audio"]["caller"]["placed"] == len(take.peer.said), words(take)


def assert_near(take: Take) -> None:
    """As `assert_exact`, of an encoder of G.711 that rounds another way than ours: by one step, no more."""
    offset = assert_in_place(take)
    said = take.peer.said.astype(np.int32)
    recorded = take.samples[offset : offset + len(said)]
    assert len(recorded) == take.recording["audio"]["caller"]["placed"] == len(said), words(take)
    assert np.all(np.abs(recorded - said) <= np.abs(said) / 16 + 16), words(take)
    others = np.delete(take.samples, slice(offset, offset + len(said)))
    assert not np.any(others), words(take)


def assert_in_place(take: Take) -> int:
    """As long as it was recorded, begun when it was spoken, and no part of it moved; its offset (samples)."""
    recording, rate = take.recording, take.rate
    told = words(take)
    assert rate == take.peer.rate, told
    seconds = len(take.samples) / rate
    assert recording["duration"] == seconds, told
    assert abs(recording["stopped_at"] - recording["started_at"] - seconds) < TIME_SECONDS, told

    offset = judge.offset_of(take.peer.said, take.samples)
    earliest, latest = (at - recording["started_at"] - take.first_seconds for at in take.began)
    assert earliest - TIME_SECONDS < offset / rate < latest + TIME_SECONDS, f"{offset}; {told}"
    if take.peer.ptime is not None:
        assert take.first_seconds == take.peer.ptime, told
    lags = judge.lags(take.peer.said, take.samples, offset, rate)
    assert len(lags) >= FEWEST_WINDOWS, told
    assert set(lags) <= {-1, 0, 1}, f"{lags}; {told}"

    leg = take.leg
    assert (leg["lost"], leg["duplicates"]) == (0, 0), told
    if take.peer.witnessed:
        assert leg["packets"] == len(take.before) == len(take.after), told
    assert (leg["malformed"], leg["unknown"], leg["strangers"]) == (0, 0, 0), told
    assert (leg["anchors"], leg["corrected"]) == (1, 0), told
    return offset


def words(take: Take) -> str:
    """For the message of a failed test."""
    return f"{take.peer.name}: {take.leg} {take.recording}"
