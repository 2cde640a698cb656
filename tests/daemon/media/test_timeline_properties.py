"""The timeline, and all that stands before it, under any disturbance, against a model plainly right."""

from dataclasses import dataclass
from math import floor
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.media import codecs, rtp
from daemon.media.rtpstream import RtpStream
from daemon.media.timeline import CALLER, STALL_SECONDS, Block, Timeline

RATE = 8000
START = 50_000.25
ALLOWANCE = 0.125
BEAT = 0.125
"""All three exact in binary, so that the model and the timeline agree to the sample on what is closed."""


@dataclass
class Piece:
    """Samples of one value, from frame `at` on, handed over `delay` seconds after they were spoken."""

    at: int
    count: int
    delay: float
    value: int

    @property
    def arrival(self) -> float:
        return START + (self.at + self.count) / RATE + self.delay


PIECES = st.lists(
    st.builds(
        Piece,
        at=st.integers(-400, 9000),
        count=st.integers(1, 480),
        delay=st.floats(-0.3, 0.4),
        value=st.integers(1, 30_000),
    ),
    max_size=60,
)


@given(PIECES, st.floats(0.0, 1.3))
def test_every_sample_stands_in_its_place_gaps_are_zeros_and_the_counts_add_up(
    pieces: list[Piece], seconds: float
) -> None:
    timeline = Timeline(RATE, 1, START, ALLOWANCE)
    track = timeline.join(CALLER, RATE)
    origin = round(START * RATE)
    total = round(seconds * RATE)
    expected, closed, blocks = np.zeros(total, np.int16), 0, []
    in_time = np.zeros(total, np.bool_)
    pieces.sort(key=lambda piece: piece.arrival)
    stop_known, spoken = False, None
    for beat in range(20):  # the last piece ends at 1.2 s; a second later nobody waits for more
        now = START + beat * BEAT
        while pieces and pieces[0].arrival <= now:
            piece = pieces.pop(0)
            track.place(origin + piece.at, np.full(piece.count, piece.value, np.int16))
            for frame in range(max(piece.at, closed, 0), min(piece.at + piece.count, total)):
                expected[frame] = expected[frame] or piece.value
                in_time[frame] = True
            placed_until = min(piece.at + piece.count, total if stop_known else 1 << 40)
            if placed_until > max(piece.at, closed):
                spoken = max(spoken or 0, placed_until)
        track.drained(now)
        if not stop_known and now >= START + seconds:
            timeline.end(START + seconds)
            stop_known = True
        blocks.append(timeline.advance(now))
        waited_for = spoken if spoken is not None and now - STALL_SECONDS < START + spoken / RATE else 1 << 40
        limits = floor((now - START - ALLOWANCE) * RATE), total if stop_known else 1 << 40, waited_for
        closed = max(closed, min(limits))
    assert timeline.complete
    heard = np.concatenate(blocks)[:, 0]
    assert np.array_equal(heard, expected)
    counts = timeline.counts(CALLER)
    assert counts.placed == np.count_nonzero(in_time)
    assert counts.placed + counts.filled == total


@given(PIECES)
def test_every_sample_offered_is_counted_once(pieces: list[Piece]) -> None:
    timeline = Timeline(RATE, 1, START, ALLOWANCE)
    track = timeline.join(CALLER, RATE)
    for number, piece in enumerate(pieces):
        track.place(round(START * RATE) + piece.at, np.full(piece.count, piece.value, np.int16))
        if number == len(pieces) // 2:
            timeline.end(START + 0.9)
        track.drained(START + number * 0.02)
        timeline.advance(START + number * 0.02)
    timeline.finish(START + 0.9)
    counts = timeline.counts(CALLER)
    offered = counts.placed + counts.duplicate + counts.late + counts.early + counts.outside
    assert counts.masked == 0
    assert offered == sum(piece.count for piece in pieces)
    assert counts.placed + counts.filled == timeline.closed


PUNCTUAL = st.lists(
    st.builds(
        Piece,
        at=st.integers(-400, 9000),
        count=st.integers(1, 480),
        delay=st.floats(0, 0.2),
        value=st.integers(1, 30_000),
    ),
    max_size=60,
)
RINGING_FRAMES = 500
"""Around an edge: a resampler's filter reaches no further."""


@given(PUNCTUAL, st.lists(st.integers(1, 2000), max_size=8), st.sampled_from([8000, 16000]))
def test_in_pauses_there_is_exact_silence_and_elsewhere_every_sample_in_its_place(
    pieces: list[Piece], lengths: list[int], output: int
) -> None:
    """The pauses are told at the first beat after they began and ended, as commands are."""
    edges = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    plain, masked = Timeline(output, 1, START, ALLOWANCE), Timeline(output, 1, START, ALLOWANCE)
    blocks: dict[Timeline, list[Block]] = {plain: [], masked: []}
    tracks = {timeline: timeline.join(CALLER, RATE) for timeline in blocks}
    pieces.sort(key=lambda piece: piece.arrival)
    for beat in range(13):
        now = START + beat * BEAT
        for number, edge in enumerate(edges):
            if now - BEAT < START + edge / RATE <= now:
                (masked.resume if number % 2 else masked.pause)(START + edge / RATE)
        while pieces and pieces[0].arrival <= now:
            piece = pieces.pop(0)
            for track in tracks.values():
                track.place(round(START * RATE) + piece.at, np.full(piece.count, piece.value, np.int16))
        for timeline, into in blocks.items():
            tracks[timeline].drained(now)
            into.append(timeline.advance(now))
    for timeline, into in blocks.items():
        into.append(timeline.finish(START + 1.5))
    heard, with_pauses = (np.concatenate(into)[:, 0] for into in blocks.values())
    assert len(with_pauses) == len(heard) == 1.5 * output
    silent, ringing = np.zeros(len(heard), np.bool_), np.zeros(len(heard), np.bool_)
    for number, edge in enumerate(edges):
        frame = edge * output // RATE
        silent[frame:] = number % 2 == 0
        ringing[max(0, frame - RINGING_FRAMES) : frame + RINGING_FRAMES] = output != RATE
    assert not np.any(with_pauses[silent])
    apart = np.abs(with_pauses.astype(np.int32) - heard)[~silent & ~ringing]
    assert not np.any(
        apart > (output != RATE)
    )  # where it rings no more to a whole step, it may still to a half
    counts = masked.counts(CALLER)
    assert counts.placed + counts.masked + counts.filled == 1.5 * RATE
    assert len(masked.pauses) == (len([edge for edge in edges if edge <= 12 * BEAT * RATE]) + 1) // 2


NETWORK = st.lists(
    st.tuples(st.floats(0, 0.05), st.sampled_from(["sent", "sent", "sent", "sent", "lost", "twice"])),
    min_size=1,
    max_size=80,
)


@settings(max_examples=200)
@given(NETWORK, st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.randoms(use_true_random=False))
def test_a_call_over_a_bad_network_is_recorded_to_the_sample(
    network: list[tuple[float, str]], sequence: int, stamp: int, random: Random
) -> None:
    """Packets of 20 ms of PCMA, each of its own code, up to 50 ms late (so overtaken), lost or doubled."""
    spoken = [bytes([1 + number]) * 160 for number in range(len(network))]
    wire = []
    for number, (delay, fate) in enumerate(network):
        packet = rtp.build(
            payload_type=8,
            sequence=sequence + number,
            timestamp=stamp + 160 * number,
            ssrc=5,
            payload=spoken[number],
        )
        arrival = START + (number + 1) * 0.02 + delay
        copies = {"sent": 1, "lost": 0, "twice": 2}[fate]
        wire += [(arrival + copy * random.uniform(0, 0.03), packet) for copy in range(copies)]
    wire.sort()
    stream, timeline = RtpStream(codecs.STATIC), Timeline(RATE, 1, START)
    track = timeline.join(CALLER, RATE)
    blocks = []
    for beat in range(24):
        now = START + beat * BEAT
        while wire and wire[0][0] <= now:
            arrival, packet = wire.pop(0)
            stream.receive(packet, ("192.0.2.1", 4), arrival)
        for heard in stream.heard():
            track.place(heard.place, heard.codec.decode(heard.payload))
        track.drained(now)
        blocks.append(timeline.advance(now))
    voice = np.concatenate([*blocks, timeline.finish(START + 3.0)])[:, 0]
    came = [number for number, (_, fate) in enumerate(network) if fate != "lost"]
    expected = np.zeros(len(network) * 160, np.int16)
    for number in came:
        expected[number * 160 : number * 160 + 160] = codecs.PCMA.decode(spoken[number])
    placed = np.flatnonzero(voice)
    assert len(voice) == 3 * RATE
    assert len(placed) == 160 * len(came)
    if came:
        # The first packet to come is the anchor: all lie later by the same, its own delay of 50 ms at most.
        shift = placed[0] - came[0] * 160
        assert 0 <= shift <= 0.05 * RATE + 1
        whole = np.zeros(3 * RATE, np.int16)
        whole[shift : shift + len(expected)] = expected
        assert np.array_equal(voice, whole)
        first, last = min(came), max(came)
        assert stream.reception.lost == last - first + 1 - len(came)
        assert stream.reception.duplicates == sum(fate == "twice" for _, fate in network)
    counts = timeline.counts(CALLER)
    assert (counts.placed, counts.duplicate, counts.late, counts.outside) == (160 * len(came), 0, 0, 0)
    assert counts.placed + counts.filled == 3 * RATE
