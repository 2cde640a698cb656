"""What a bad network and a sender that begins anew make of a call, packet by packet: all is in its place."""

from dataclasses import dataclass, field
from math import inf
from random import Random

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.media.allowance import LEAST_SECONDS, MOST_SECONDS
from daemon.media.codecs import Samples
from daemon.media.timeline import CALLER, Block, Timeline
from tests.daemon.media.desk import Datagram, Desk
from tests.daemon.media.voices import CYCLE, PTIME, in_order, packet

RATE = 8000
START = 50_000.25
LATEST = LEAST_SECONDS - PTIME - 0.001
"""So late every sample of a packet comes inside the shortest allowance, its first one too."""


@dataclass
class Talk:
    """One sender's packets: what the network does to each, and what it counts from."""

    fates: list[tuple[float, str]]
    sequence: int
    timestamp: int
    silent: float
    """Seconds before its first packet is spoken: more than any packet of the one before is late."""


def talks(latest: float) -> st.SearchStrategy[list[Talk]]:
    """Some, one after the other, on a network that delays packets by `latest` seconds at most."""
    return st.lists(
        st.builds(
            Talk,
            fates=st.lists(
                st.tuples(
                    st.one_of(st.just(0.0), st.floats(0, latest)),
                    st.sampled_from(["sent", "sent", "sent", "sent", "lost", "twice"]),
                ),
                min_size=1,
                max_size=70,
            ),
            sequence=st.one_of(st.sampled_from([0, 0xFFF0, 0xFFFF]), st.integers(0, 0xFFFF)),
            timestamp=st.one_of(st.sampled_from([0, 0xFFFFFF60, 0x7FFFFF60]), st.integers(0, 0xFFFFFFFF)),
            silent=st.floats(0.1, 1.5),
        ),
        min_size=1,
        max_size=4,
    )


@dataclass
class Network:
    """What arrives, and where it belongs by what is promised: `places` are frames of first samples."""

    wire: list[Datagram] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    twice: int = 0

    def carry(self, talk: Talk, ssrc: int, number: int, now: float, random: Random) -> None:
        """A talk from packet `number` on, whose first sample is spoken at `now`."""
        arrived = []
        for count, (delay, fate) in enumerate(talk.fates):
            arrival = now + (count + 1) * PTIME + delay
            self.twice += fate == "twice"
            for copy in range({"sent": 1, "lost": 0, "twice": 2}[fate]):
                came, data = packet(
                    number + count,
                    arrival + copy * random.uniform(0, 0.03),
                    sequence=talk.sequence - number,
                    timestamp=talk.timestamp - 160 * number,
                    ssrc=ssrc,
                )
                self.wire.append((came, data))
                arrived.append((came, count))
        if arrived:
            # The last sample of the first to come was spoken as it came; from there on the timestamps rule.
            came, first = min(arrived)
            anchor = round(came * RATE) - round(START * RATE) - 160 * (first + 1)
            self.places |= {number + count: anchor + 160 * count for _, count in arrived}


def expected(places: dict[int, int], total: int) -> Samples:
    """Each packet that came, in its place, and zeros elsewhere."""
    whole = np.zeros(total + 400, np.int16)
    for number, at in places.items():
        said = (np.arange(160) + number * 160) % CYCLE + 1
        cut = max(0, -at)
        if -160 < at < total:
            whole[max(at, 0) : at + 160] = said[cut:]
    return whole[:total]


def network_of(talks: list[Talk], begins: float, random: Random) -> Network:
    """Each talk has its own SSRC, sequence and timestamps; the samples' numbers go on."""
    network, now, number = Network(), begins, 0
    for count, talk in enumerate(talks):
        now += talk.silent
        network.carry(talk, 77 + count, number, now, random)
        now, number = now + len(talk.fates) * PTIME, number + len(talk.fates)
    return network


def recorded(
    desk: Desk, seconds: float, beat: float, pause: tuple[float, float] = (inf, inf)
) -> npt.NDArray[np.int16]:
    """A recording of so many seconds, paused from the first beat behind one time to that behind another."""
    timeline, begins, ends = desk.timeline, *pause
    blocks: list[Block] = []
    beats = 0
    while not timeline.complete:
        beats += 1
        now = START + beats * beat
        if begins <= now - START < seconds:
            timeline.pause(now)
            begins = inf
        if ends <= now - START < seconds:
            timeline.resume(now)
            ends = inf
        if now >= START + seconds:
            timeline.end(START + seconds)
        blocks += desk.beat(now)
    return np.concatenate(blocks)[:, 0]


@settings(max_examples=150, deadline=None)
@given(
    talks=talks(LATEST),
    lead=st.sampled_from([0.0, -1.0]),
    allowance=st.sampled_from([None, LEAST_SECONDS]),
    length=st.floats(0.2, 7.0),
    beat=st.sampled_from([0.1, 0.125, 0.4, 0.5]),
    pause=st.just((inf, inf)) | st.tuples(st.floats(0.1, 3), st.floats(3, 6)),
    random=st.randoms(use_true_random=False),
)
def test_all_that_came_in_time_is_in_its_place_gaps_are_zeros_and_the_counts_add_up(
    talks: list[Talk],
    lead: float,
    allowance: float | None,
    length: float,
    beat: float,
    pause: tuple[float, float],
    random: Random,
) -> None:
    """Some speak `lead` seconds before its start; the allowance adapts, or is as short as it may be."""
    network, timeline = network_of(talks, START + lead, random), Timeline(RATE, 1, START, allowance)
    desk = Desk(timeline, {CALLER: in_order(network.wire)})
    heard = recorded(desk, length, beat, pause)
    total = round(length * RATE)
    whole = expected(network.places, total)
    for first, last in timeline.pauses:
        whole[first:last] = 0
    assert len(heard) == total
    assert np.array_equal(heard, whole)

    stream, counts = desk.streams[CALLER], timeline.counts(CALLER)
    assert (counts.duplicate, counts.late, counts.early, stream.clock.corrected) == (0, 0, 0, 0)
    assert counts.placed == np.count_nonzero(whole)
    assert counts.placed + counts.masked + counts.outside == 160 * stream.reception.packets
    assert counts.placed + counts.masked + counts.filled == total
    if desk.read_all:
        assert stream.reception.duplicates == network.twice
        assert stream.reception.packets == len(network.places)


@settings(max_examples=100, deadline=None)
@given(
    talks=talks(0.9),
    seconds=st.floats(0.2, 7.0),
    beat=st.sampled_from([0.1, 0.5]),
    pause=st.just((inf, inf)) | st.tuples(st.floats(0.1, 3), st.floats(3, 6)),
    random=st.randoms(use_true_random=False),
)
def test_whatever_comes_too_late_is_counted_and_nothing_is_counted_twice(
    talks: list[Talk], seconds: float, beat: float, pause: tuple[float, float], random: Random
) -> None:
    """So late that clocks are laid anew, and that old packets come among a new sender's."""
    timeline = Timeline(RATE, 1, START)
    desk = Desk(timeline, {CALLER: in_order(network_of(talks, START, random).wire)})
    heard = recorded(desk, seconds, beat, pause)
    counts, stream = timeline.counts(CALLER), desk.streams[CALLER]
    assert len(heard) == timeline.closed == round(seconds * RATE)
    assert counts.placed == np.count_nonzero(heard)
    offered = counts.placed + counts.masked + counts.duplicate + counts.late + counts.early + counts.outside
    assert offered == 160 * stream.reception.packets
    assert counts.placed + counts.masked + counts.filled == timeline.closed
    assert LEAST_SECONDS <= timeline.allowance <= MOST_SECONDS
