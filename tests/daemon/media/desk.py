"""A recording without sockets: what senders sent, with its arrival times, through streams into a timeline."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf

import numpy as np

from daemon.legs.tracks import Tracks
from daemon.media import codecs
from daemon.media.rtpstream import Endpoint, RtpStream
from daemon.media.timeline import Block, Side, Timeline

L16 = 97
CODECS = {**codecs.STATIC, L16: codecs.l16(8000)}
SENDER: Endpoint = ("192.0.2.1", 4000)

Datagram = tuple[float, bytes]
"""When it arrived (seconds), and what it was."""


class Desk:
    """A timeline with one RTP leg a side, polled as a recording polls its legs: at each whole beat."""

    def __init__(self, timeline: Timeline, wires: Mapping[Side, Iterable[Datagram]]) -> None:
        """Each wire is in the order of arrival."""
        self.timeline = timeline
        self.streams = {side: RtpStream(CODECS) for side in wires}
        self._wires = {side: iter(wire) for side, wire in wires.items()}
        self._next = {side: next(wire, (inf, b"")) for side, wire in self._wires.items()}
        self._tracks = {side: Tracks(side) for side in wires}
        for tracks in self._tracks.values():
            tracks.attach(timeline, rate=8000, drained=timeline.start)

    @property
    def read_all(self) -> bool:
        """Whether nothing is left on any wire."""
        return all(arrival == inf for arrival, _ in self._next.values())

    def beat(self, now: float) -> Iterator[Block]:
        """All that arrived up to `now` is taken in; what can be closed comes out."""
        for side, stream in self.streams.items():
            arrival, datagram = self._next[side]
            while arrival <= now:
                stream.receive(datagram, SENDER, arrival)
                arrival, datagram = next(self._wires[side], (inf, b""))
            self._next[side] = arrival, datagram
            self._tracks[side].take(stream.heard(), now=now, drained=now)
        block = self.timeline.advance(now)
        yield block
        while len(block) == self.timeline.longest:
            block = self.timeline.advance(now)
            yield block

    def blocks(self, seconds: float, beat: float) -> Iterator[Block]:
        """The whole recording, which is stopped after so many seconds, and waits for what is late."""
        begun, number = self.timeline.start, 0
        while not self.timeline.complete:
            number += 1
            now = begun + number * beat
            if now >= begun + seconds:
                self.timeline.end(begun + seconds)
            yield from self.beat(now)

    def recorded(self, seconds: float, beat: float = 0.125) -> Block:
        """The same in one piece."""
        return np.concatenate([*self.blocks(seconds, beat)])
