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


async def download(recording: dict[str, Any]) -> Recorded:
    """A completed recording, as the API shows it."""
    async with web.client() as http:
        answer = await http.get(recording["recording_url"])
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16", always_2d=True)
    return Recorded(np.asarray(samples, np.int16), rate, recording["started_at"])
