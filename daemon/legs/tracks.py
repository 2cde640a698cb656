"""Where a leg's audio goes: into the timelines of its recordings, and for a moment into its memory."""

from collections import deque
from collections.abc import Iterable

import trio

from daemon.media.heard import Heard
from daemon.media.timeline import CALLEE, CALLER, Side, Timeline
from daemon.media.track import Track

RECENT_SECONDS = 2.0
"""Audio kept for a recording that begins: its first sample is spoken before the legs can be told of it."""
AHEAD_SECONDS = 2.0
"""Audio whose sender claims a place beyond this is not kept for it: it would be kept for good."""


class Tracks:
    """One leg's tracks: none while nobody records, two while a recording ends and the next has begun.

    And once more as many where its connection carries the other side as well.
    """

    def __init__(self, side: Side) -> None:
        self._sides = (side, CALLEE if side == CALLER else CALLER)  # by voice
        self._tracks: dict[Timeline, list[Track]] = {}  # by voice
        self._earlier: dict[Timeline, dict[tuple[int, int], Track]] = {}  # of other rates, by voice and rate
        self._recent: deque[Heard] = deque()
        self._released = trio.Event()

    def __bool__(self) -> bool:
        """Whether somebody records: then they poll the leg."""
        return bool(self._tracks)

    async def released(self) -> None:
        """Wait until nobody records any more."""
        if self._tracks:
            await self._released.wait()

    def hide(self, at: float, slack: float) -> bool:
        """Whether a pause of a recording hides what was done at `at`, give or take `slack` seconds."""
        return any(timeline.hides(at, slack) for timeline in self._tracks)

    def expect(self, since: float) -> None:
        """Somebody speaks from `since` on, in seconds, though nothing has come of it: it is not late yet."""
        for tracks in self._tracks.values():
            tracks[0].expect(round(since * tracks[0].rate))

    def attach(self, timeline: Timeline, *, rate: int, drained: float) -> None:
        """Place all audio there from now on, also that of the last moments."""
        if not self._tracks:
            self._released = trio.Event()
        self._tracks[timeline] = [timeline.join(self._sides[0], rate, drained=drained)]
        self._earlier[timeline] = {}
        for heard in self._recent:
            if heard.end > timeline.start * heard.codec.rate:
                self._place(timeline, heard, drained)
        if timeline.is_masked:  # what may not be heard is kept nowhere
            self._recent.clear()

    def detach(self, timeline: Timeline) -> None:
        """Place nothing there any more. Does nothing where it is not attached."""
        for track in self._tracks.pop(timeline, []):
            track.leave()
        self._earlier.pop(timeline, None)
        if not self._tracks:
            self._released.set()

    def detach_all(self) -> None:
        """Leave all recordings."""
        for timeline in list(self._tracks):
            self.detach(timeline)

    def take(self, heard: Iterable[Heard], *, now: float, drained: float) -> None:
        """Place what was heard up to `now`; all that had arrived by `drained` is then placed (seconds)."""
        if self._recent and any(timeline.is_masked for timeline in self._tracks):
            recent, self._recent = self._recent, deque()  # with what was spoken since the pause was asked for
            for each in recent:
                self._remember(each)
        for each in heard:
            if each.end < (now + AHEAD_SECONDS) * each.codec.rate:
                self._remember(each)
            for timeline in self._tracks:
                self._place(timeline, each, drained)
        self._forget(now - RECENT_SECONDS)
        for tracks in self._tracks.values():
            for track in tracks:
                track.drained(drained)

    def _remember(self, heard: Heard) -> None:
        """Keep it for a moment, but for what a pause hides: that is kept nowhere."""
        first = max([heard.place, *(self._open_from(timeline, heard) for timeline in self._tracks)])
        if first < heard.end:
            cut = (first - heard.place) * heard.codec.bytes_per_sample
            self._recent.append(heard._replace(place=first, payload=heard.payload[cut:]) if cut else heard)

    def _open_from(self, timeline: Timeline, heard: Heard) -> int:
        return timeline.open_from(heard.place, heard.end, heard.codec.rate)

    def _forget(self, before: float) -> None:
        while self._recent and self._recent[0].end < before * self._recent[0].codec.rate:
            self._recent.popleft()

    def _place(self, timeline: Timeline, heard: Heard, drained: float) -> None:
        tracks, codec, voice = self._tracks[timeline], heard.codec, heard.voice
        if voice == len(tracks):
            tracks.append(timeline.join(self._sides[voice], codec.rate, drained=drained))
        elif tracks[voice].rate != codec.rate:
            tracks[voice] = self._switch(timeline, voice, codec.rate, drained)
        tracks[voice].place(heard.place, codec.decode_into(timeline.encoding, heard.payload))

    def _switch(self, timeline: Timeline, voice: int, rate: int, drained: float) -> Track:
        """The voice's track at another rate: where it had one a moment ago, that one.

        A sender who changes with every packet would otherwise have thousands, each for a second and more.
        """
        before, earlier = self._tracks[timeline][voice], self._earlier[timeline]
        before.leave()
        earlier[voice, before.rate] = before
        again = earlier.pop((voice, rate), None)
        if again is None or again.exhausted:  # which its timeline has let go of, or is about to
            return timeline.join(self._sides[voice], rate, drained=drained)
        again.drained(drained)
        return again
