"""From a sender's RTP timestamps to places on our own clock.

A place is an absolute sample index: seconds of our monotonic clock times the sample rate. The first packet is
the anchor: its last sample was spoken as it arrived. From there on the timestamps rule, for they are exact
where arrivals are not, so an undisturbed sender's samples follow each other without a seam. Arrivals only
watch over them: they show how a sender's clock runs off (corrected by single samples) and one that began anew
(a new anchor).
"""

from collections.abc import Sequence
from math import ceil, inf

from daemon.media.drift import Drift
from daemon.media.timeline import STALL_SECONDS

EARLY_SECONDS = 1.0
"""A packet that comes so long before its time was not spoken then: its sender's timestamps jumped ahead."""
EARLY_TALKSPURT_SECONDS = 0.1
"""Nor was one that begins a talkspurt, behind a jump of the timestamps, and comes so long before its time."""
LATE_SECONDS = 0.2
"""A packet so late met a stall of the network, or its sender paused without counting: the next ones tell."""
LATE_RUN_SECONDS = 0.06
"""After a stall packets come in a heap, ever less late; late by the same for so long, the sender paused."""
LATE_FALL_SECONDS = 0.015
LATE_RISE_SECONDS = 0.1
"""More than jitter: another stall behind the first."""
HELD_SECONDS = STALL_SECONDS - 0.1
"""Packets no later than this find their place still open (see Timeline), so there is time for a longer look:
a busy sender may be slow to catch up."""
HELD_RUN_SECONDS = 0.3
BAND_SECONDS = (-0.2, 0.06)
"""How early a window's slowest, how late its quickest packets may be before places are moved.

Some senders send blocks: what they read in a quarter of a second leaves when its first sample is due. Its
last packets are early by nearly all of that, always, and no clock is wrong.
"""
STEADY_BAND_SECONDS = (-0.005, 0.005)
"""The same by the line through many windows: that is sure (see Drift), so places follow it closely."""
BLOCK_SECONDS = 0.06
"""A line that begins so early or earlier is that of a sender of blocks: its places follow from there. One
that begins later shows that the first packet was late itself, which is made good."""
WINDOW_SECONDS = 2.0
"""Clocks run off by less than a millisecond in that time; a busy sender is late for a second without that."""
WINDOW_PACKETS = 16
"""Of fewer the quickest says little: in 2 s there are 33 of the longest, of 60 ms."""
FOLLOWING_PPM = 1000
"""So fast at most the place goes where the line is: a fiftieth of a semitone, which nobody hears."""


class SenderClock:
    """One sender's clock against ours. `rate` is samples, and timestamp steps, a second.

    `anchored` counts the anchors set, `corrected` the samples by which places were moved (positive: later),
    `stepped` is by what the packet placed last was moved (1, 0 or -1) away from the one before it, which it
    follows without a seam otherwise. `drift` is what is known of how fast it runs.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.anchored = 0
        self.corrected = 0
        self.stepped = 0
        self.drift = Drift()
        self._running = False
        self._sequence = self._timestamp = 0  # of the newest packet
        self._index = self._end = 0  # its place by timestamp; where its last sample was placed, plus one
        self._run_arrival = self._run_error = -1.0
        self._window_from = self._least = self._least_at = self._most = 0.0
        self._anchored_at = 0.0
        self._origin: float | None = None  # how late the line begins that places follow
        self._packets = 0  # of the window
        self._owed = 0  # samples to move by yet
        self._every = self._step_from = 0.0  # seconds from one to the next; when that is
        self._due = 0.0  # from then on there is more to do than to place
        self._moved = 0  # samples since the anchor
        self._last_step, self._step_sequence = 0, 0  # and the packet at which it was made

    def restart(self) -> None:
        """The sender has begun anew: the next packet is the anchor."""
        self._running = False
        self.drift.forget()

    def change(self, rate: int) -> None:
        """The sender counts at another rate from now on, anew."""
        self.rate = rate
        self._running = False

    def place(
        self, *, sequence: int, timestamp: int, samples: int, arrival: float, marker: bool = False
    ) -> int:
        """The index of the first of a packet's `samples`, which arrived at `arrival` (seconds).

        A packet that follows the one before, and whose timestamp lies inside it, stands behind it: nobody
        speaks two samples at once. Asterisk's timestamps are so at each packet that is shorter than the one
        before.
        """
        self.stepped = 0
        if not self._running:
            return self._anchor(sequence, timestamp, samples, arrival)
        steps = (timestamp - self._timestamp) & 0xFFFFFFFF
        if steps > 0x7FFFFFFF:
            steps -= 0x100000000
        ahead = (sequence - self._sequence) & 0xFFFF
        index = self._index + steps
        if ahead == 0 or ahead > 0x7FFF:
            return index - self._step_since(sequence)  # overtaken: it tells nothing new about the clock
        if steps < 0:
            return self._anchor(sequence, timestamp, samples, arrival)
        placed = self._end if ahead == 1 and index < self._end else index
        error = arrival - (placed + samples) / self.rate
        if marker and placed > self._end and error < -EARLY_TALKSPURT_SECONDS:
            return self._anchor(sequence, timestamp, samples, arrival, behind=self._end)
        if error < -EARLY_SECONDS or (error > LATE_SECONDS and self._paused(error, arrival, marker)):
            return self._anchor(sequence, timestamp, samples, arrival)
        self._watch(error, arrival)
        step = self._attend(error, arrival) if arrival >= self._due and ahead == 1 else 0
        if step:
            self._step_sequence, self._last_step = sequence, step
            self.stepped = step if placed == self._end else 0
        self._sequence, self._timestamp = sequence, timestamp
        self._index, self._end = index + step, placed + step + samples
        return placed + step

    def is_newest(self, sequence: int, timestamp: int, samples: int) -> bool:
        """Whether the next packet is measured by this one, and has its place behind it."""
        measured_by_it = (self._sequence, self._timestamp) == (sequence, timestamp)
        return measured_by_it and self._index + samples <= self._end

    def follow(self, samples: int, arrivals: Sequence[float]) -> list[tuple[int, int, int]]:
        """Places of packets that go on with the newest one, each with as many `samples`, as `place` has them.

        Those without a seam are together: (index of the first sample, number of packets, `stepped`).
        """
        places, done = [], 0
        while done < len(arrivals):
            index = self._end
            count = self._undisturbed(samples, arrivals[done:])
            if count == 0:
                index, count = self._place_next(samples, arrivals[done]), 1
            places.append((index, count, self.stepped))
            done += count
        return places

    def _undisturbed(self, samples: int, arrivals: Sequence[float]) -> int:
        """Place packets for as long as `place` has nothing to decide. The number of them."""
        end, least, most, rate, due = self._end, self._least, self._most, self.rate, self._due
        for arrival in arrivals:
            error = arrival - (end + samples) / rate
            if not -EARLY_SECONDS <= error <= LATE_SECONDS or arrival >= due:
                break
            if error < least:
                least, self._least_at = error, arrival
            elif error > most:
                most = error
            end += samples
        steps = end - self._end
        count = steps // samples
        if count:
            self._sequence = (self._sequence + count) & 0xFFFF
            self._timestamp = (self._timestamp + steps) & 0xFFFFFFFF
            self._index, self._end, self._run_error = self._index + steps, end, -1.0
            self._least, self._most = least, most
            self._packets += count
            self.stepped = 0
        return count

    def _place_next(self, samples: int, arrival: float) -> int:
        sequence, timestamp = (self._sequence + 1) & 0xFFFF, (self._timestamp + samples) & 0xFFFFFFFF
        return self.place(sequence=sequence, timestamp=timestamp, samples=samples, arrival=arrival)

    def _anchor(
        self, sequence: int, timestamp: int, samples: int, arrival: float, *, behind: int | None = None
    ) -> int:
        """Where it was spoken as it arrived; not before `behind`, which is the end of what was placed."""
        index = round(arrival * self.rate) - samples
        index = index if behind is None else max(index, behind)
        self._running = True
        self.anchored += 1
        self._sequence, self._timestamp, self._index, self._end = sequence, timestamp, index, index + samples
        self._run_error = -1.0
        self._owed = self._moved = self._last_step = 0
        self.drift.begin()
        self._anchored_at, self._origin = arrival, None
        self._begin_window(0.0, arrival)
        return index

    def _paused(self, error: float, arrival: float, marker: bool) -> bool:
        """Whether packets that are so late have a new place in time."""
        if marker:
            return True  # it begins a talkspurt (RFC 3551 §4.1)
        if self._run_error < 0 or not -LATE_FALL_SECONDS <= error - self._run_error <= LATE_RISE_SECONDS:
            self._run_arrival, self._run_error = arrival, error
        return arrival - self._run_arrival >= (HELD_RUN_SECONDS if error < HELD_SECONDS else LATE_RUN_SECONDS)

    def _watch(self, error: float, arrival: float) -> None:
        if error <= LATE_SECONDS:
            self._run_error = -1.0
        if error < self._least:
            self._least, self._least_at = error, arrival
        self._most = max(self._most, error)
        self._packets += 1

    def _attend(self, error: float, arrival: float) -> int:
        """Look back upon a window that is over, and take a step that is due: 1 or -1 sample, or none."""
        if arrival - self._window_from >= WINDOW_SECONDS:
            self._review(arrival)
            self._begin_window(error, arrival)
        step = 0
        if self._owed and arrival >= self._step_from:
            step = 1 if self._owed > 0 else -1
            self._owed -= step
            self._moved += step
            self._least -= step / self.rate  # by the new places, so was what came before
            self._most -= step / self.rate
            self.corrected += step
            self._step_from = arrival + self._every
        end = self._window_from + WINDOW_SECONDS
        self._due = min(end, self._step_from) if self._owed else end
        return step

    def _begin_window(self, error: float, arrival: float) -> None:
        self._window_from = self._least_at = arrival
        self._least = self._most = error
        self._packets, self._due = 0, arrival + WINDOW_SECONDS

    def _review(self, arrival: float) -> None:
        """How far places are to be moved in the next window, by what was seen up to now."""
        if self._packets >= WINDOW_PACKETS:
            self.drift.add(self._least_at, self._least + self._moved / self.rate)
        self._step_from, self._every = arrival, 0.0
        early, late = BAND_SECONDS
        self._owed = self._beyond(self._most, (early, inf)) + self._beyond(self._least, (-inf, late))
        expected = None if self._owed else self.drift.expected(arrival)
        if expected is not None:
            if self._origin is None:
                began = self.drift.expected(self._anchored_at) or 0.0
                self._origin = began if began <= -BLOCK_SECONDS else 0.0
            most = int(FOLLOWING_PPM * 1e-6 * WINDOW_SECONDS * self.rate)
            owed = self._beyond(expected - self._origin - self._moved / self.rate, STEADY_BAND_SECONDS)
            self._owed = max(-most, min(owed, most))
            self._every = WINDOW_SECONDS / (abs(self._owed) + 1)

    def _beyond(self, late: float, band: tuple[float, float]) -> int:
        """So many samples (positive: later) bring what is so `late` back into a band."""
        beyond = max(0.0, late - band[1]) + min(0.0, late - band[0])
        return ceil(abs(beyond) * self.rate) * (1 if beyond > 0 else -1)

    def _step_since(self, sequence: int) -> int:
        """By how much places were moved behind a packet that was overtaken, as far as is remembered."""
        before = 0 < (self._step_sequence - sequence) & 0xFFFF <= 0x7FFF
        return self._last_step if before else 0
