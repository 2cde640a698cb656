"""From a connection's audio to places on our clock, without sockets: by order, and by the sender's time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media.codecs import G722, PCMU, Codec, slin
from daemon.media.heard import Heard
from daemon.media.placing import InOrder
from daemon.media.timed import MOST_OVERTAKEN, ByTime, Timed

START = 1000.0
NARROW = slin(8000)
VOICE = np.random.default_rng(1).integers(1, 30_000, 40 * 160).astype("<i2")
"""40 frames of 20 ms at 8 kHz, none of them silent."""
FRAMES = [VOICE[at : at + 160].tobytes() for at in range(0, len(VOICE), 160)]


def laid(heard: list[Heard], voice: int = 0) -> dict[int, bytes]:
    """Audio by its first place, neighbours joined; the first to come stays."""
    size = heard[0].codec.bytes_per_sample if heard else 1
    samples: dict[int, bytes] = {}
    for each in heard:
        if each.voice == voice:
            for at in range(len(each.payload) // size):
                samples.setdefault(each.place + at, each.payload[at * size : (at + 1) * size])
    runs: dict[int, bytes] = {}
    begin = end = -1
    for place in sorted(samples):
        if place != end:
            begin = place
            runs[begin] = b""
        runs[begin] += samples[place]
        end = place + 1
    return runs


def timed(number: int, *, time: float | None = None, codec: Codec = NARROW, frame: bytes = b"") -> Timed:
    return Timed(codec, frame or FRAMES[number], number * 0.02 if time is None else time, number)


def by_time(*looks: tuple[float, list[Timed]]) -> tuple[dict[int, bytes], ByTime]:
    """What becomes of messages that each of these looks (seconds from the start) has found."""
    placing, heard = ByTime(), list[Heard]()
    for at, messages in looks:
        for message in messages:
            placing.take(message)
        placing.look(START + at, whole=True)
        heard += placing.heard()
    return laid(heard), placing


@given(st.lists(st.integers(0, len(FRAMES) * 160), max_size=20), st.integers(0, 3))
def test_by_order_the_samples_stay_together_however_they_are_cut_and_looked_at(
    cuts: list[int], every: int
) -> None:
    """Messages of any size, a look each tenth of a second in which as much has come as was spoken."""
    placing, heard, sent = InOrder(), list[Heard](), 0
    for beat in range(1, 9):
        until = beat * 800
        places = sorted({sent, until, *(cut for cut in cuts if sent < cut < until)})
        for first, last in pairwise(places):
            placing.take(NARROW, VOICE[first:last].tobytes(), START + beat / 10)
        sent = until
        if beat % (every + 1) == 0 or beat == 8:
            placing.look(START + beat / 10, whole=True)
            heard += placing.heard()
    assert laid(heard) == {8_000_000: VOICE.tobytes()}  # the last sample was spoken at the first look
    assert not placing.waiting


def test_by_order_another_codec_has_a_place_of_its_own_and_nothing_is_lost() -> None:
    placing = InOrder()
    placing.take(NARROW, FRAMES[0], START)
    placing.take(PCMU, bytes(range(160)), START + 0.02)
    placing.look(START + 0.02, whole=True)
    first, second = placing.heard()
    assert (first.codec, first.payload) == (NARROW, FRAMES[0])
    assert (second.codec, second.payload) == (PCMU, bytes(range(160)))
    assert second.end == 8 * 1000 * 1000 + 160
    assert placing.anchored == 2


def g722(seconds: float = 0.2) -> tuple[bytes, bytes]:
    """Speech in G.722, and what an undisturbed decoder makes of it."""
    payload = G722.encode(np.resize(VOICE, round(16_000 * seconds)))
    assert G722.decoder is not None
    return payload, G722.decoder()(payload).astype("<i2").tobytes()


def test_by_order_a_codec_with_memory_is_decoded_as_one_stream_and_anew_on_each_connection() -> None:
    payload, decoded = g722()
    placing, heard = InOrder(), list[Heard]()
    for connection in range(2):
        for number in range(10):
            now = START + connection * 5 + number * 0.02
            placing.take(G722, payload[number * 160 : (number + 1) * 160], now)
            placing.look(now, whole=True)
        placing.finish(START + connection * 5 + 0.2)
        heard += placing.heard()
    assert list(laid(heard).values()) == [decoded, decoded]
    assert {each.codec.rate for each in heard} == {16_000}


def test_by_order_a_change_from_a_codec_with_memory_decodes_what_had_come() -> None:
    payload, decoded = g722()
    placing = InOrder()
    placing.take(G722, payload, START)
    placing.take(NARROW, FRAMES[0], START)
    placing.look(START, whole=True)
    before, after = placing.heard()
    assert (before.payload, before.codec.rate) == (decoded, 16_000)
    assert (after.payload, after.codec) == (FRAMES[0], NARROW)


def test_by_time_messages_follow_each_other_without_a_seam() -> None:
    runs, placing = by_time(*((0.1 * look, [timed(5 * look + at) for at in range(5)]) for look in range(8)))
    # The first look finds 0.1 s, the last sample of which was spoken by then.
    assert runs == {8_000_000 - 800: VOICE.tobytes()}
    assert (placing.anchored, placing.corrected) == (1, 0)


def test_by_time_what_waited_for_its_leg_was_spoken_before() -> None:
    """A look at nothing says nothing of a sender that has not been heard yet."""
    runs, _ = by_time((0, []), (0.5, []), (0.6, [timed(number) for number in range(25)]), (0.8, [timed(35)]))
    assert runs == {
        8_000_000 + round(0.1 * 8000): b"".join(FRAMES[:25]),
        8_000_000 + round(0.8 * 8000): FRAMES[35],
    }


@pytest.mark.parametrize("order", [[0, 1, 3, 2, 4], [0, 4, 3, 2, 1], [0, 1, 1, 2, 3, 3, 4, 0]])
def test_by_time_what_is_overtaken_or_doubled_takes_its_place_once(order: list[int]) -> None:
    runs, placing = by_time((0.1, [timed(number) for number in order]))
    assert runs == {8_000_000: b"".join(FRAMES[:5])}
    assert placing.anchored == 1


def test_by_time_what_is_lost_leaves_its_time() -> None:
    runs, _ = by_time((0.1, [timed(0), timed(1), timed(4)]))
    assert runs == {8_000_000: FRAMES[0] + FRAMES[1], 8_000_640: FRAMES[4]}


def test_by_time_what_is_lost_overtaken_or_doubled_is_counted() -> None:
    _, placing = by_time((START, [timed(number) for number in (1, 2, 3, 5, 4, 4, 6, 9, 10)]))
    assert (placing.lost, placing.reordered, placing.duplicates) == (2, 1, 1)


def test_by_time_numbers_of_two_voices_together_say_of_none_that_it_is_lost() -> None:
    _, placing = by_time(
        (START, [timed(1 + 2 * count, time=0.02 * count, frame=FRAMES[count]) for count in range(20)])
    )
    assert (placing.lost, placing.reordered) == (0, 0)


def test_by_time_rounded_times_make_no_seams() -> None:
    """Frames of 22.5 ms, their times cut to whole milliseconds."""
    size = 180 * 2
    data = VOICE.tobytes()
    pieces = [data[at : at + size] for at in range(0, 30 * size, size)]
    messages = [
        timed(number, time=int(22.5 * number) / 1000, frame=piece) for number, piece in enumerate(pieces)
    ]
    runs, _ = by_time((0.675, messages))
    assert list(runs.values()) == [b"".join(pieces)]


def test_by_time_numbers_that_wrap_go_on_and_a_sender_that_begins_anew_is_an_anchor() -> None:
    wrapped = [timed(number)._replace(number=(65_530 + number) % 65_536) for number in range(20)]
    runs, placing = by_time((0.4, wrapped))
    assert runs == {8_000_000: b"".join(FRAMES[:20])}
    assert placing.anchored == 1
    many = MOST_OVERTAKEN + 10
    runs, placing = by_time(
        (0.1, [timed(number)._replace(number=many + number, time=9 + number * 0.02) for number in range(5)]),
        (2.1, [timed(number) for number in range(5, 10)]),
    )
    assert runs == {8_000_000: b"".join(FRAMES[:5]), 8_016_000: b"".join(FRAMES[5:10])}
    assert placing.anchored == 2


def test_by_time_numbers_that_jump_ahead_and_wild_times_keep_the_sender_s_clock() -> None:
    jumped = [timed(number)._replace(number=number + 100_000 * (number > 4)) for number in range(10)]
    runs, placing = by_time((0.2, jumped))
    assert runs == {8_000_000: b"".join(FRAMES[:10])}
    assert placing.anchored == 1
    # Ahead of all that can have been spoken: a new anchor, as it came.
    runs, placing = by_time((0.1, [timed(number) for number in range(5)]), (0.2, [timed(5, time=5000.0)]))
    assert runs == {8_000_000: b"".join(FRAMES[:5]), 8_001_440: FRAMES[5]}
    assert placing.anchored == 2


def test_by_time_a_codec_with_memory_is_decoded_in_the_order_of_time_and_each_message_once() -> None:
    payload, decoded = g722()
    messages = [
        Timed(G722, payload[number * 160 : (number + 1) * 160], number * 0.02, number)
        for number in (0, 2, 1, 1, 4, 3, 5, 5, 7, 6, 8, 9)
    ]
    runs, _ = by_time((0.2, messages))
    assert list(runs.values()) == [decoded]


def test_by_time_another_connection_is_an_anchor_with_a_memory_of_its_own() -> None:
    payload, decoded = g722(0.02)
    placing, heard = ByTime(1), list[Heard]()
    for connection in range(2):
        placing.take(Timed(G722, payload, 0.0, 1))
        placing.finish(START + connection)
        heard += placing.heard()
    assert list(laid(heard, voice=1).values()) == [decoded, decoded]
    assert placing.anchored == 2
