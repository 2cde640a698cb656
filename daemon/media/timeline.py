"""The truth about time in a recording: sample k was spoken k / rate seconds after its start.

Legs put their samples in their place; the timeline closes over them an allowance later (`allowance.py`), with
exact silence where nothing came. So a recording lasts as long as the call was recorded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import floor, inf
from typing import Literal

import numpy as np
import numpy.typing as npt

from daemon.media.allowance import Allowance
from daemon.media.codecs import Samples
from daemon.media.mask import Mask
from daemon.media.quality import Spans, audible_end
from daemon.media.track import Counts, Track

Side = Literal[0, 1]
CALLER: Side = 0
CALLEE: Side = 1

Block = npt.NDArray[np.int16]
"""Frames in order: an array of shape (frames, channels)."""

STALL_SECONDS = 1.0
"""So long the timeline waits where a leg breaks off: what a network held back in a stall comes after it."""
PATIENCE_SECONDS = 3.0
"""So long the timeline waits for a leg that has not said what it has; then the others go on without it."""
HOLD_SECONDS = 5.0
"""So long what was spoken is held back for a command about it: the catalogue's disk may be slow."""
BLOCK_SECONDS = 5
"""No block is longer, also when the whole machine has slept: what comes after has room for it."""
_FULL_SCALE = (-32768, 32767)


class Timeline:
    """A recording's samples in the order of time.

    `rate` is frames a second, `channels` 1 (both sides mixed) or 2 (caller left, callee right), `start` the
    time of the first sample (seconds of the monotonic clock, as all times here). Its allowance adapts to what
    comes, unless `allowance` says how many seconds it is. `encoding` is how the file will be written.
    """

    def __init__(
        self, rate: int, channels: int, start: float, allowance: float | None = None, encoding: str = "pcm16"
    ) -> None:
        self.rate = rate
        self.encoding = encoding
        self.channels = channels
        self.start = start
        self._allowance = Allowance(allowance)
        self.longest = BLOCK_SECONDS * rate
        """Frames of a block at most; a block so long has another behind it, or may have."""
        self.closed = 0
        """Frames given out so far."""
        self._total: int | None = None
        self._tracks: list[tuple[Side, Track]] = []
        self._gone = (Counts(), Counts())
        self._gone_spans = (Spans(), Spans())
        self.sides: set[Side] = set()
        """Those of which audio has been expected: a track has joined."""
        self._audible = [0, 0]  # the frame after the last one in which each side can be heard
        self._mask = Mask()
        self._held: list[float] = []
        self.pauses: list[tuple[int, int | None]] = []
        """Frames from which to which it was paused; None: to its end, so far."""

    @property
    def is_masked(self) -> bool:
        """Whether what is spoken now may not be heard."""
        return self._mask.is_open and self._total is None

    @property
    def complete(self) -> bool:
        """Whether the end is known, and all before it has been given out."""
        return self.closed == self._total

    @property
    def allowance(self) -> float:
        """Seconds that audio may be late by now. What is heard live is delayed by as much."""
        return self._allowance.seconds

    @contextmanager
    def holding(self, at: float) -> Iterator[None]:
        """Meanwhile give out nothing spoken from `at` on: it may be to be hidden. HOLD_SECONDS at most."""
        self._held.append(at)
        try:
            yield
        finally:
            self._held.remove(at)

    def counts(self, side: Side) -> Counts:
        """What became of one side's samples so far."""
        counts = Counts()
        counts.add(self._gone[side])
        for its_side, track in self._tracks:
            if its_side == side:
                counts.add(track.counts)
        return counts

    def spans(self, side: Side) -> Spans:
        """How long one side's audio was that came so far."""
        spans = Spans()
        spans.add(self._gone_spans[side])
        for its_side, track in self._tracks:
            if its_side == side:
                spans.add(track.spans())
        return spans

    def audible_until(self, side: Side) -> float:
        """Seconds from the start to the last sample of a side that can be heard; 0: there is none."""
        return self._audible[side] / self.rate

    def silent(self, side: Side) -> float:
        """For how many seconds no sound of a side has been given out. What is paused is no silence."""
        since = self._audible[side]
        if self.pauses:
            resumed = self.pauses[-1][1]
            since = max(since, self.closed if resumed is None else resumed)
        return max(0, self.closed - since) / self.rate

    def join(self, side: Side, rate: int, *, drained: float = -inf) -> Track:
        """A track for a leg's audio at `rate` samples a second. What came by `drained` is placed at once."""
        track = Track(
            rate=rate,
            output_rate=self.rate,
            origin=self._index(0, rate),
            first=self._index(self.closed, rate),
            drained=max(drained, self.start),
            needed=self._allowance.needed,
        )
        for first, last in self.pauses:
            self._hide(track, first, last)
        if self._total is not None:
            track.end(self._index(self._total, rate))
        self._tracks.append((side, track))
        self.sides.add(side)
        return track

    def pause(self, at: float) -> None:
        """What is spoken from `at` on is exact silence, in every track and in what is given out.

        Does nothing while it is paused. What has been given out already cannot be taken back.
        """
        if self._mask.is_open:
            return
        masked_until = (self.pauses[-1][1] or 0) if self.pauses else 0
        frame = max(round((at - self.start) * self.rate), self.closed, masked_until)
        self._mask.begin(frame)
        self.pauses.append((frame, None))
        for _, track in self._tracks:
            self._hide(track, frame, None)

    def resume(self, at: float) -> None:
        """What is spoken from `at` on may be heard again. Does nothing where it is not paused."""
        if not self._mask.is_open:
            return
        first, _ = self.pauses.pop()
        frame = max(round((at - self.start) * self.rate), first)
        self._mask.end(frame)
        self.pauses.append((first, frame))
        for _, track in self._tracks:
            track.unmask(self._index(frame, track.rate))

    def hides(self, at: float, slack: float) -> bool:
        """Whether what was done at `at`, or up to `slack` seconds before or after it, may not be known."""
        frame, slack_frames = (at - self.start) * self.rate, slack * self.rate
        return any(
            first - slack_frames <= frame and (last is None or frame < last + slack_frames)
            for first, last in self.pauses
        )

    def open_from(self, first: int, last: int, rate: int) -> int:
        """From where on, of the samples `first` up to `last` of a leg at `rate`, no pause hides any more."""
        for begins, ends in self.pauses:
            over = self._total if ends is None else ends
            hidden_to = last if over is None else min(self._index(over, rate), last)
            if self._index(begins, rate) - (rate != self.rate) < last and first < hidden_to:
                first = hidden_to
        return first

    def _hide(self, track: Track, first: int, last: int | None) -> None:
        """A track hides no less than its frames: at another rate, the sample before them as well."""
        track.mask(self._index(first, track.rate) - (track.rate != self.rate))
        if last is not None:
            track.unmask(self._index(last, track.rate))

    def end(self, stop: float) -> None:
        """Nothing spoken from `stop` on belongs to it: it gets round((stop - start) * rate) frames.

        The first one counts. What has been given out already cannot be taken back, so a `stop` before that
        ends there.
        """
        if self._total is not None:
            return
        self._total = max(round((stop - self.start) * self.rate), self.closed)
        for _, track in self._tracks:
            track.end(self._index(self._total, track.rate))

    def advance(self, now: float) -> Block:
        """Close what no audio in time can change any more. An empty block: nothing yet, or `complete`."""
        limits: list[float] = [*self._broken_off(now)]
        self._allowance.passed(now, speaking=bool(limits))
        heard = min([now, *(track.until for _, track in self._tracks)])
        limits.append((max(heard, now - PATIENCE_SECONDS) - self.allowance - self.start) * self.rate)
        if self._held:
            limits.append((max(min(self._held), now - HOLD_SECONDS) - self.start) * self.rate)
        return self._close(min(limits))

    def _broken_off(self, now: float) -> Iterator[int]:
        """The frames up to which each leg has spoken that may only be stalled."""
        for _, track in self._tracks:
            if track.spoken is not None and track.spoken > (now - STALL_SECONDS) * track.rate:
                yield (track.spoken - self._index(0, track.rate)) * self.rate // track.rate

    def finish(self, stop: float) -> Block:
        """End at `stop` and close all of it now, waiting for nothing. Gives the rest."""
        self.end(stop)
        blocks = [np.zeros((0, self.channels), np.int16)]
        while not self.complete:
            blocks.append(self._close(inf))
        return np.concatenate(blocks)

    def _index(self, frame: int, rate: int) -> int:
        """The absolute index, at a leg's rate, of the sample spoken with a frame."""
        return round(self.start * rate) + (frame * rate + self.rate - 1) // self.rate

    def _close(self, limit: float) -> Block:
        bounds = (limit, self.closed + self.longest, inf if self._total is None else self._total)
        target = max(floor(min(bounds)), self.closed)
        last = target == self._total
        for _, track in self._tracks:
            track.close(self._index(target, track.rate), last=last)
        frames = target - self.closed
        if not last:
            frames = min([frames, *(track.available for _, track in self._tracks)])
        block = self._mix(frames)
        for first, stop in self._mask.hidden(self.closed, self.closed + frames):
            block[first - self.closed : stop - self.closed] = 0  # what a resampler rings of the time before
        self.closed += frames
        self._mask.forget(self.closed)
        self._forget()
        return block

    def _mix(self, frames: int) -> Block:
        if self.channels == 1:
            return _sum([self._take(*entry, frames) for entry in self._tracks], frames).reshape(frames, 1)
        block = np.zeros((frames, 2), np.int16)
        for side in (CALLER, CALLEE):
            voices = [self._take(*entry, frames) for entry in self._tracks if entry[0] == side]
            block[:, side] = _sum(voices, frames)
        return block

    def _take(self, side: Side, track: Track, frames: int) -> Samples:
        voice = track.take(frames)
        heard = audible_end(voice)
        if heard:
            self._audible[side] = max(self._audible[side], self.closed + heard)
        return voice

    def _forget(self) -> None:
        """Let go of tracks that have been left, once all they held has been given out."""
        for entry in list(self._tracks):
            side, track = entry
            if track.exhausted:
                self._gone[side].add(track.counts)
                self._gone_spans[side].add(track.spans())
                self._tracks.remove(entry)


def _sum(voices: list[Samples], frames: int) -> Samples:
    """Voices heard together. What is too loud for 16 bits stays at full scale, as it would in the ear."""
    if len(voices) == 1:
        return voices[0]
    if not voices:
        return np.zeros(frames, np.int16)
    total = np.sum(voices, axis=0, dtype=np.int32)
    return np.clip(total, *_FULL_SCALE).astype(np.int16)
