"""One leg's audio on its way into a timeline: what has come, in its place, until it is closed over."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf

import numpy as np

from daemon.media.codecs import Samples
from daemon.media.mask import Mask
from daemon.media.quality import Spans
from daemon.media.resampler import Resampler

AHEAD_SECONDS = 30
"""How far ahead of the closed part a sample may lie: more than a socket's buffer holds after a stall."""
SETTLED_SECONDS = 1
"""After so much silence no filter of a resampler rings any more."""
_FIRST_SECONDS = 1
_NOTHING = np.zeros(0, np.int16)


@dataclass
class Counts:
    """What became of samples, at the rate of the leg that they came from.

    Every sample offered is in one of the first six; every sample closed was placed, masked or filled.
    """

    placed: int = 0
    masked: int = 0
    """Spoken in a pause: silence stands in its place."""
    duplicate: int = 0
    """Another one stood there already: the first to come stays."""
    late: int = 0
    """Came when its place was closed."""
    early: int = 0
    """Claimed a place beyond all that can be kept."""
    outside: int = 0
    """Spoken before the recording's first sample or after its last."""
    filled: int = 0
    """Silence in the place of what never came."""

    def add(self, other: "Counts") -> None:
        """Add another's counts."""
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


class Track:
    """The samples of one leg, from when it joined a timeline until it leaves. Made by `Timeline.join`.

    Indexes are absolute: seconds of the monotonic clock times `rate`. `origin` is the index of the
    recording's first sample, `first` that of the first sample not closed when the track begins. Given another
    `output_rate`, what is closed is resampled, with its state kept across blocks and its delay taken out.
    `needed` is told by how many seconds audio was late, where an allowance alone waits for it.
    """

    def __init__(
        self,
        *,
        rate: int,
        output_rate: int,
        origin: int,
        first: int,
        drained: float,
        needed: Callable[[float], object] = lambda _late: None,
    ) -> None:
        self.rate = rate
        self._needed = needed
        self.counts = Counts()
        self.until = drained
        self._origin = origin
        self._base = first  # the index of the first sample not closed
        self._end: float = inf  # the index after the recording's last sample, once that is known
        self._mask = Mask()
        self._last = first  # the index after the last sample placed
        self._waited_for = first  # the same by `until`: a timeline waits for what goes on from there
        self._spoken = False
        self._high = 0  # from here on (counted from the base) nothing has been placed
        self._samples = np.zeros(_FIRST_SECONDS * rate, np.int16)
        self._present = np.zeros(_FIRST_SECONDS * rate, np.bool_)
        self._resampler = None if rate == output_rate else Resampler(rate, output_rate)
        self._closed: list[Samples] = []
        self.available = 0

    @property
    def exhausted(self) -> bool:
        """Whether it has been left, and nothing but silence would still come of it."""
        return (
            self.until == inf and self._high == 0 and self._base - self._last >= SETTLED_SECONDS * self.rate
        )

    @property
    def spoken(self) -> int | None:
        """The index after the last sample that came; None where none has, or the track was left."""
        return self._last if self._spoken and self.until < inf else None

    def spans(self) -> Spans:
        """How long the audio was that came so far."""
        counts = self.counts
        open_samples = int(np.count_nonzero(self._present[: self._high]))
        dropped = counts.late + counts.early + counts.duplicate
        return Spans(
            heard=(counts.placed + counts.masked - open_samples) / self.rate,
            late=counts.late / self.rate,
            dropped=dropped / self.rate,
        )

    def place(self, index: int, samples: Samples) -> None:
        """Put samples in their place. What is late, early, outside, or a duplicate is counted and dropped."""
        at = index - self._base
        if self._spoken and (at < 0 or index < self._waited_for) and index + len(samples) > self._origin:
            self._needed(self.until - index / self.rate)
        if at < 0:
            samples = self._cut_head(index, samples)
            at = 0
        at_end = at + len(samples)
        if at_end > len(self._samples) or self._base + at_end > self._end:
            samples = self._cut_tail(at, samples)
            at_end = at + len(samples)
        if len(samples) == 0:
            return
        first = self._base + at
        for start, stop, hidden in self._mask.split(first, first + len(samples)):
            piece = samples[start - first : stop - first]
            self._count(self._put(start - self._base, np.zeros_like(piece) if hidden else piece), hidden)
        self._last, self._spoken = max(self._last, self._base + at_end), True

    def expect(self, index: int) -> None:
        """It is about to speak, from `index` on: the timeline waits for it there as where it breaks off."""
        self._last, self._spoken = max(self._last, index), True

    def mask(self, index: int) -> None:
        """From `index` on nobody may hear anything, also not what has been placed already."""
        self._mask.begin(index)
        for start, stop in self._mask.hidden(index, self._base + self._high):
            place = slice(start - self._base, stop - self._base)
            hidden = int(np.count_nonzero(self._present[place]))
            self._samples[place] = 0
            self.counts.placed -= hidden
            self.counts.masked += hidden

    def unmask(self, index: int) -> None:
        """From `index` on all may be heard again."""
        self._mask.end(index)

    def drained(self, until: float) -> None:
        """All that had arrived by `until` (seconds) has been placed."""
        self.until = until
        self._waited_for = self._last

    def leave(self) -> None:
        """Nothing more will be placed: the timeline need not wait for this track."""
        self.until = inf

    def end(self, index: int) -> None:
        """The recording's last sample lies just before `index`."""
        self._end = index
        over = max(0, self._base + self._high - index)
        if over:
            keep = self._high - over
            for start, stop, hidden in self._mask.split(self._base + keep, self._base + self._high):
                dropped = int(np.count_nonzero(self._present[start - self._base : stop - self._base]))
                self._count(-dropped, hidden)
                self.counts.outside += dropped
            self._samples[keep : self._high] = 0
            self._present[keep : self._high] = False
            self._high = keep

    def close(self, index: int, *, last: bool) -> None:
        """Close all before `index`, gaps as silence. `last`: no more will follow, so nothing is held back."""
        closed = self._shift(max(0, index - self._base))
        if self._resampler is not None:
            closed = self._resampler.resample(closed, last=last)
        if len(closed):
            self._closed.append(closed)
            self.available += len(closed)

    def take(self, frames: int) -> Samples:
        """So many samples at the output rate; silence where there are no more."""
        if len(self._closed) == 1 and len(self._closed[0]) == frames:
            self.available = 0
            return self._closed.pop()
        have = np.concatenate(self._closed) if self._closed else _NOTHING
        self._closed = [have[frames:]] if len(have) > frames else []
        self.available = max(0, len(have) - frames)
        return have[:frames] if len(have) >= frames else np.pad(have, (0, frames - len(have)))

    def _shift(self, count: int) -> Samples:
        """The first `count` samples, no longer kept."""
        self._base += count
        self._mask.forget(self._base)
        closed = np.zeros(count, np.int16)
        have, high = min(count, self._high), self._high
        if not high:
            self.counts.filled += count
            return closed
        closed[:have] = self._samples[:have]
        self.counts.filled += count - int(np.count_nonzero(self._present[:have]))
        self._high = rest = high - have
        for kept in (self._samples, self._present):
            kept[:rest] = kept[have:high].copy()
            kept[rest:high] = 0
        return closed

    def _cut_head(self, index: int, samples: Samples) -> Samples:
        missed = min(self._base - index, len(samples))
        outside = max(0, min(self._origin - index, missed))
        self.counts.outside += outside
        self.counts.late += missed - outside
        return samples[missed:]

    def _cut_tail(self, at: int, samples: Samples) -> Samples:
        room = max(0, int(min(self._end - self._base - at, len(samples))))
        self.counts.outside += len(samples) - room
        fits = max(0, min(room, AHEAD_SECONDS * self.rate - at))
        self.counts.early += room - fits
        if at + fits > len(self._samples) and fits:
            self._grow(at + fits)
        return samples[:fits]

    def _grow(self, needed: int) -> None:
        size = 1 << needed.bit_length()
        self._samples = np.concatenate([self._samples, np.zeros(size - len(self._samples), np.int16)])
        self._present = np.concatenate([self._present, np.zeros(size - len(self._present), np.bool_)])

    def _count(self, samples: int, hidden: bool) -> None:
        if hidden:
            self.counts.masked += samples
        else:
            self.counts.placed += samples

    def _put(self, at: int, samples: Samples) -> int:
        """Place samples behind or among the others; how many of them found their place free."""
        place = slice(at, at + len(samples))
        if at >= self._high:
            self._samples[place] = samples
            fresh = len(samples)
        else:
            free = ~self._present[place]
            self._samples[place][free] = samples[free]
            fresh = int(np.count_nonzero(free))
            self.counts.duplicate += len(samples) - fresh
        self._present[place] = True
        self._high = max(self._high, at + len(samples))
        return fresh
