"""Places on our own clock for samples that carry no time of their own, only their order (AudioSocket).

A place is an absolute sample index, as in `senderclock`. What a look at the connection finds was spoken up
to that look, but for a frame that is on its way; so the first look is the anchor, and from there on samples
follow each other without a seam. Later looks watch over them. Audio that is late by the same for a while is
behind a pause: the sender said nothing, and counted nothing. Audio that is late and catches up was held by
the network or by a busy sender, and no time is missing. A sender whose clock runs off is corrected by single
samples.

So a place is right to SLACK_SECONDS, and mostly to a frame of 20 ms. Around a pause it is right to a look:
of what one look finds nobody knows what was before the pause, and all of it is taken for what is behind it.
"""

from math import inf

from daemon.media.drift import Drift

SLACK_SECONDS = 0.06
"""Audio no later than this follows what came before: two frames on their way and one that is being made."""
RUN_SECONDS = 0.5
"""Late by the same for so long, the sender paused: a busy one has caught up by then."""
FALL_SECONDS = 0.025
"""By more than a frame less late, it is catching up."""
HELD_SECONDS = 0.9
"""No audio waits longer for its place: as long as a timeline waits for a leg that stalls (STALL_SECONDS)."""
EARLY_SECONDS = 1.0
"""Audio so long before its time was not spoken then: its sender sends faster than anybody speaks."""
BAND_SECONDS = 0.03
"""The least late (or early) look of a window beyond this: the sender's clock runs off. Half the slack."""
WINDOW_SECONDS = 2.0
FRAME_SECONDS = 0.02
"""What comes at once, mostly: how late audio is cannot be known better."""
DRIFT_PPM = 20.0
STEP_SECONDS = 0.02
"""From one corrected sample to the next: nobody hears it, and 1,000 ppm at 48 kHz are made good."""

Place = tuple[int, int]
"""Samples without a seam: (index of the first, number)."""


class OrderClock:
    """One sender's order against our clock. `rate` is samples a second.

    `anchored` counts the anchors, pauses included, `corrected` the samples by which places were moved
    (positive: later), `waiting` the samples that have no place yet. `drift` is what is known of how fast the
    sender's clock runs: a look finds whole frames, so it is known to 20 ms in the time since the last pause,
    and is told from 1,000 s on (20 ppm; after an hour it is 6).
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.anchored = 0
        self.corrected = 0
        self.waiting = 0
        self.drift = Drift(quantum=FRAME_SECONDS, precision=DRIFT_PPM)
        self._moved = 0  # samples by which places were corrected since the last pause
        self._running = False
        self._end = 0  # the index after the last sample placed
        self._held_from = self._run_from = 0.0
        self._holding = False
        self._looks = 0  # that found audio while it was held
        self._settled = self._last_look = 0.0  # the last look behind which nothing waited; the last of all
        self._least = inf  # how late the least late look was while it was held
        self._window_from, self._window_least, self._least_at = 0.0, inf, 0.0
        self._owed = 0

    def take(self, samples: int, now: float, *, whole: bool = True) -> list[Place]:
        """Places for what has come up to `now` (seconds), `samples` of it since the look before.

        What gets none yet is `waiting`, and gets it at a later look. `whole` is false where more has come
        than was taken: then nothing is known of how late it is.
        """
        self.waiting += samples
        places = self._judge(samples, now, whole=whole) if self.waiting else []
        self._last_look = now
        if not self.waiting:
            self._settled = now
        return places

    def finish(self) -> list[Place]:
        """The sender is gone: places for all that waited. The next sample is an anchor."""
        places = self._settle_tail()
        self._running = False
        return places

    def _judge(self, fresh: int, now: float, *, whole: bool = True) -> list[Place]:
        late = now - (self._end + self.waiting) / self.rate
        if not self._running or late < -EARLY_SECONDS:
            return self._anchor(now)
        if whole and late > SLACK_SECONDS:
            return self._late(fresh, late, now)
        if whole:
            self._watch(late, now)
        return self._settle()

    def _anchor(self, now: float) -> list[Place]:
        self._running = True
        self._move(round(now * self.rate) - self.waiting - self._end, now)
        return self._settle()

    def _late(self, fresh: int, late: float, now: float) -> list[Place]:
        """Late audio waits until it is known why: the sender paused, or is held up and catches up."""
        if not self._holding:
            self._holding, self._held_from, self._run_from, self._least = True, now, now, late
            self._looks = 1
            return []
        self._looks += fresh > 0
        if late > self._least + SLACK_SECONDS:
            return self._later_still(fresh, now)
        if fresh and late < self._least - FALL_SECONDS:
            self._run_from = now
        self._least = min(self._least, late)
        if fresh and now - self._run_from >= RUN_SECONDS:
            self._move(round(self._least * self.rate), now)
            return self._settle()
        return self._settle_tail() if now - self._held_from >= HELD_SECONDS else []

    def _later_still(self, fresh: int, now: float) -> list[Place]:
        """What waited was the end of something; what has come now is looked at by itself."""
        self.waiting -= fresh
        places = self._settle_tail()
        self._settled = self._last_look
        self.waiting = fresh
        return places + (self._judge(fresh, now) if fresh else [])

    def _settle_tail(self) -> list[Place]:
        """What waited has not caught up: it is behind a pause.

        How late it is says the least late look, if there was one in mid-speech. Of what one look has found,
        nobody knows when in the time before that it ended: it follows what was before it, or else came behind
        the look at which nothing more waited.
        """
        if self._holding and self._looks > 1:
            self._move(round(self._least * self.rate), self._held_from)
        elif self._holding:
            earliest = round((self._settled - STEP_SECONDS) * self.rate)
            if earliest - self._end > SLACK_SECONDS * self.rate:
                self._move(earliest - self._end, self._settled)
        return self._settle()

    def _move(self, samples: int, now: float) -> None:
        self.anchored += 1
        self._end += samples
        self._moved = 0
        self.drift.begin()
        self._begin_window(now)

    def _begin_window(self, now: float) -> None:
        self._window_from, self._window_least, self._owed = now, inf, 0

    def _watch(self, late: float, now: float) -> None:
        if late < self._window_least:
            self._window_least, self._least_at = late, now
        least = self._window_least
        if now - self._window_from >= WINDOW_SECONDS:
            self.drift.add(self._least_at, least + self._moved / self.rate)
            beyond = max(0.0, least - BAND_SECONDS) + min(0.0, least + BAND_SECONDS)
            self._begin_window(now)
            self._owed = round(beyond * self.rate)

    def _settle(self) -> list[Place]:
        self._holding = False
        places = []
        while self.waiting:
            step = max(1, round(STEP_SECONDS * self.rate)) if self._owed else self.waiting
            count = min(self.waiting, step)
            places.append((self._end, count))
            self._end += count
            self.waiting -= count
            if self._owed and count == step:
                self._correct(1 if self._owed > 0 else -1)
        return places

    def _correct(self, step: int) -> None:
        self._owed -= step
        self._end += step
        self._moved += step
        self.corrected += step
