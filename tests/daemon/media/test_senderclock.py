from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.media.senderclock import SenderClock

RATE = 8000
PTIME = 160  # samples of a packet of 20 ms


class Sender:
    """Sends packets of 20 ms: packet n is stamped n * 160, its last sample spoken at (n + 1) * 20 ms."""

    def __init__(self, first_sequence: int = 0, first_timestamp: int = 0) -> None:
        self.clock = SenderClock(RATE)
        self.first_sequence, self.first_timestamp = first_sequence, first_timestamp

    def send(self, number: int, *, delay: float = 0.0, skipped: float = 0.0, marker: bool = False) -> int:
        """Where packet `number` is placed, `delay` seconds late, its timestamp `skipped` seconds ahead."""
        return self.clock.place(
            sequence=(self.first_sequence + number) & 0xFFFF,
            timestamp=(self.first_timestamp + number * PTIME + round(skipped * RATE)) & 0xFFFFFFFF,
            samples=PTIME,
            arrival=(number + 1) * 0.02 + delay,
            marker=marker,
        )


def test_the_first_packet_s_last_sample_was_spoken_as_it_arrived() -> None:
    clock = SenderClock(RATE)
    # It arrived at 100.5 s = sample 804,000, and holds 160.
    assert clock.place(sequence=9, timestamp=123456, samples=160, arrival=100.5) == 804_000 - 160


@given(
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.lists(st.floats(0, 0.05), min_size=1, max_size=300),
)
def test_an_undisturbed_sender_is_placed_without_a_seam_whatever_the_jitter(
    sequence: int, timestamp: int, delays: list[float]
) -> None:
    sender = Sender(sequence, timestamp)
    places = [sender.send(number, delay=delay) for number, delay in enumerate(delays)]
    assert places == [places[0] + PTIME * number for number in range(len(delays))]
    assert (sender.clock.anchored, sender.clock.corrected) == (1, 0)


def test_sequence_and_timestamp_wrap_without_a_seam() -> None:
    sender = Sender(0xFFFE, 0xFFFFFFFF - 200)
    assert [sender.send(number) for number in range(5)] == [0, 160, 320, 480, 640]


def test_an_overtaken_packet_stands_where_it_belongs() -> None:
    sender = Sender()
    assert [sender.send(number) for number in (0, 2, 1, 3)] == [0, 320, 160, 480]


def test_after_loss_and_after_silence_the_timestamps_rule() -> None:
    sender = Sender()
    assert [sender.send(number) for number in (0, 1, 5, 500)] == [0, 160, 800, 80_000]


def test_a_short_packet_stamped_inside_the_one_before_stands_behind_it() -> None:
    """Asterisk's timestamps count the packet's own samples in, so a shorter one seems to overlap."""
    clock = SenderClock(RATE)
    sizes = [160, 160, 138, 160]
    ends = [160, 320, 458, 618]
    places = [
        clock.place(sequence=number, timestamp=end, samples=size, arrival=end / RATE)
        for number, (size, end) in enumerate(zip(sizes, ends, strict=True))
    ]
    assert places == [0, 160, 320, 458]


def test_an_overlap_after_a_lost_packet_is_left_to_the_timestamps() -> None:
    clock = SenderClock(RATE)
    clock.place(sequence=1, timestamp=0, samples=160, arrival=0.02)
    assert clock.place(sequence=3, timestamp=100, samples=160, arrival=0.03) == 100


def test_a_stall_of_the_network_moves_nothing() -> None:
    sender = Sender()
    for number in range(50):
        sender.send(number)
    # The next 25 packets arrive in one heap, 0.5 s to 0.02 s late, and the following in time.
    places = [sender.send(number, delay=(75 - number) * 0.02) for number in range(50, 75)]
    places += [sender.send(number) for number in range(75, 100)]
    assert places == [number * PTIME for number in range(50, 100)]


@pytest.mark.parametrize(("pause", "packets"), [(1.5, 4), (0.6, 16)])
def test_a_sender_that_pauses_without_counting_on_is_anchored_again_within_a_few_packets(
    pause: float, packets: int
) -> None:
    """After 60 ms of being late by the same, or after 0.3 s where the place of what is late is still open."""
    sender = Sender()
    for number in range(50):
        sender.send(number)
    # It stood still: packet 50 has the next timestamp, and comes that much later than it says.
    places = [sender.send(number, delay=pause) for number in range(50, 80)]
    assert places[: packets - 1] == [number * PTIME for number in range(50, 49 + packets)]
    paused = round(pause * RATE)
    assert places[packets:] == [number * PTIME + paused for number in range(50 + packets, 80)]
    assert sender.clock.anchored == 2


def test_a_sender_that_is_slow_to_catch_up_after_a_stall_keeps_its_clock() -> None:
    sender = Sender()
    for number in range(50):
        sender.send(number)
    # Held up for 0.6 s, then 0.2 s hardly faster than it speaks, then all at once.
    delays = [0.6 - 0.001 * number for number in range(10)] + [
        0.59 - 0.02 * number for number in range(1, 30)
    ]
    places = [sender.send(50 + number, delay=max(delay, 0.0)) for number, delay in enumerate(delays)]
    assert places == [number * PTIME for number in range(50, 50 + len(delays))]


def test_a_sender_that_is_late_for_a_second_keeps_its_clock() -> None:
    sender = Sender()
    late = [0.0] * 100 + [0.1] * 60 + [0.0] * 100  # 1.2 s in which nothing comes on time
    places = [sender.send(number, delay=delay) for number, delay in enumerate(late)]
    assert places == [number * PTIME for number in range(len(late))]
    assert sender.clock.corrected == 0


def test_one_stall_behind_another_is_no_pause() -> None:
    sender = Sender()
    delays = [0.0] * 50 + [0.5, 0.9, 0.88, 0.86] + [0.84 - 0.02 * number for number in range(43)]
    places = [sender.send(number, delay=max(delay, 0.0)) for number, delay in enumerate(delays)]
    assert places == [number * PTIME for number in range(len(delays))]


def test_a_marker_after_a_pause_anchors_at_once() -> None:
    sender = Sender()
    sender.send(0)
    assert sender.send(1, delay=0.6, marker=True) == PTIME + 4800
    assert sender.send(2, delay=0.6) == 2 * PTIME + 4800


def test_timestamps_that_jump_ahead_or_back_are_anchored_again() -> None:
    sender = Sender()
    sender.send(0)
    sender.send(1)
    assert [sender.send(number, skipped=50) for number in (2, 3)] == [320, 480]
    assert [sender.send(number, skipped=-50) for number in (4, 5)] == [640, 800]
    assert sender.clock.anchored == 3


def test_a_new_beginning_is_anchored_where_it_arrives() -> None:
    sender = Sender()
    sender.send(0)
    sender.clock.restart()
    assert sender.send(1, skipped=0.5) == PTIME
    sender.clock.change(16000)
    assert sender.clock.place(sequence=0, timestamp=0, samples=320, arrival=1.0) == 16000 - 320


@pytest.mark.parametrize("slower", [200, -200])
def test_a_clock_that_runs_off_is_followed_by_single_samples(slower: int) -> None:
    """An hour at 200 ppm is 0.72 s: far beyond the band of 0.06 s late and 0.2 s early."""
    sender, errors, places = Sender(), [], []
    for number in range(180_000):
        off = number * 0.02 * slower * 1e-6
        places.append(sender.send(number, delay=off))
        errors.append((number + 1) * 0.02 + off - (places[-1] + PTIME) / RATE)
    seams = {after - before - PTIME for before, after in pairwise(places)}
    assert seams == {0, 1 if slower > 0 else -1}
    assert sender.clock.anchored == 1
    # 0.72 s less the band of 5 ms: 0.715 s = 5,720 samples; the line may be off by a few.
    assert sender.clock.corrected == pytest.approx(5720 if slower > 0 else -5720, abs=8)
    # In the 24 s until there is a line it runs off by 4.8 ms.
    assert max(map(abs, errors)) < 0.006
    assert sender.clock.drift.ppm == pytest.approx(-slower, abs=0.2)


def test_single_samples_are_spread_and_not_bunched() -> None:
    """At 200 ppm a sample is due every 0.625 s; none comes in half of that, once the place has caught up."""
    sender = Sender()
    places = [sender.send(number, delay=number * 0.02 * 200e-6) for number in range(30_000)]
    moved = [number for number, (a, b) in enumerate(pairwise(places)) if b - a != PTIME and number > 5000]
    apart = [after - before for before, after in pairwise(moved)]
    assert len(moved) == pytest.approx(25_000 * 0.02 / 0.625, abs=8)
    assert min(apart) > 0.3 / 0.02


def test_an_anchor_that_was_late_itself_is_made_good_once_that_is_sure() -> None:
    """The first packet was held up for 40 ms; nothing moves for 20 s, and then a thousandth at most."""
    sender = Sender()
    places = [sender.send(number, delay=0.04 if number == 0 else 0.0) for number in range(6000)]
    assert places[1000] == 1000 * PTIME + 320
    seams = [number for number, (a, b) in enumerate(pairwise(places)) if b - a != PTIME]
    assert min(after - before for before, after in pairwise(seams)) * PTIME >= 900
    assert places[-1] == pytest.approx(5999 * PTIME + 40, abs=1)  # 5 ms: the band


@pytest.mark.parametrize("way", [0.03, -0.03])
def test_a_way_that_changes_is_followed_late_and_slowly(way: float) -> None:
    """It is 30 ms longer, or shorter, from 100 s on: that may be the sender's own doing, and is no drift."""
    sender = Sender()
    places = [sender.send(number, delay=0.05 + (way if number > 5000 else 0.0)) for number in range(25_000)]
    start = places[0]
    seams = [number for number, (a, b) in enumerate(pairwise(places)) if b - a != PTIME]
    assert {b - a - PTIME for a, b in pairwise(places)} == {0, 1 if way > 0 else -1}
    assert min(after - before for before, after in pairwise(seams)) * PTIME >= 900
    assert seams[0] > 8000
    assert places[-1] - start - 24_999 * PTIME == pytest.approx(200 if way > 0 else -200, abs=1)  # 25 ms
    assert sender.clock.drift.ppm == pytest.approx(0, abs=0.1)


def test_what_was_overtaken_by_a_single_sample_s_correction_stands_where_it_would_have_stood() -> None:
    sender = Sender()
    number = 0
    while not sender.clock.stepped:
        sender.send(number, delay=number * 0.02 * 200e-6)
        number += 1
    moved = sender.clock._index
    # Packet number - 1 was moved by a sample; those before it stand in one line with what was before.
    assert sender.send(number - 2, delay=0.05) == moved - 1 - PTIME
    assert sender.send(number, delay=number * 0.02 * 200e-6) == moved + PTIME


def test_the_drift_is_unknown_at_first_and_after_a_new_beginning_and_kept_over_a_pause() -> None:
    sender = Sender()
    for number in range(5000):
        assert number > 1000 or sender.clock.drift.ppm is None
        sender.send(number, delay=-number * 0.02 * 50e-6)
    assert sender.clock.drift.ppm == pytest.approx(50, abs=1)
    sender.send(5000, delay=10.0, marker=True)
    assert sender.clock.anchored == 2
    assert sender.clock.drift.ppm == pytest.approx(50, abs=1)
    sender.clock.restart()
    assert sender.clock.drift.ppm is None
