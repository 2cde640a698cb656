"""A recording as its URL gives it, and where in time something stands in it."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile

from daemon.media.codecs import Samples
from tests import web


@dataclass(frozen=True)
class Recorded:
    """Two channels; `began` is when their first sample was spoken (seconds since the epoch)."""

    samples: Samples
    rate: int
    began: float

    def time_of(self, side: int, voice: Samples) -> float:
        """When a voice was spoken, which has to be there whole, once, and nothing else beside it."""
        channel = self.samples[:, side]
        loud, said = np.flatnonzero(channel), np.flatnonzero(voice)
        assert len(loud)
        assert np.array_equal(channel[loud[0] : loud[-1] + 1], voice[said[0] : said[-1] + 1])
        return self.began + float(loud[0] - said[0]) / self.rate

    def time_of_corrected(self, side: int, voice: Samples, corrected: int) -> float:
        """The same of a voice that was moved by so many single samples, 20 ms from each other at least.

        That is what becomes of audio without times where the machine was busy as the first of it came. All
        that may be missing is those samples, and all that may be too much as many.
        """
        channel, step = self.samples[:, side], self.rate // 100
        first = int(np.flatnonzero(channel)[0] - np.flatnonzero(voice)[0])
        moved = 0
        for begin in range(0, int(np.flatnonzero(voice)[-1]) + 1, step):
            said = voice[begin : begin + step]
            moved += _moved(channel[first + moved + begin :], said)
        assert abs(moved) <= abs(corrected)
        assert moved * corrected >= 0
        return self.began + first / self.rate

    def place_of(self, side: int, part: Samples) -> int:
        """The index of a part that has to be there once, each sample of it."""
        channel = self.samples[:, side]
        window = np.lib.stride_tricks.sliding_window_view(channel, 64)
        loudest = int(np.abs(part[:-64].astype(int)).argmax())
        found = [
            int(place) - loudest
            for place in np.flatnonzero((window == part[loudest : loudest + 64]).all(axis=1))
        ]
        places = [at for at in found if at >= 0 and np.array_equal(channel[at : at + len(part)], part)]
        assert len(places) == 1, places
        return places[0]

    def time_at(self, place: int) -> float:
        """When the sample of that index was spoken (seconds since the epoch)."""
        return self.began + place / self.rate


def _moved(channel: Samples, said: Samples) -> int:
    """By how much what comes behind these samples is moved against them: 0, or one sample."""
    here = channel[: len(said)]
    differing = np.flatnonzero(here != said)
    if not len(differing):
        return 0
    at = int(differing[0])
    if np.array_equal(channel[at : len(said) - 1], said[at + 1 :]):
        return -1
    assert channel[at] == 0
    assert np.array_equal(channel[at + 1 : len(said) + 1], said[at:])
    return 1


async def download(recording: dict[str, Any]) -> Recorded:
    """A completed recording, as the API shows it."""
    async with web.client() as http:
        answer = await http.get(recording["recording_url"])
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16", always_2d=True)
    return Recorded(np.asarray(samples, np.int16), rate, recording["started_at"])
