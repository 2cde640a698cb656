"""The comparison that allows for moved packets finds them whole, and finds out what is not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.caller.piecewise import Piecewise, Slack, compare_pieces
from daemon.media.codecs import Samples

PACKET = 160
PACKETS = 50
SENT = np.random.default_rng(9).integers(301, 9000, PACKET * PACKETS).astype(np.int16)
ALL = np.ones(PACKETS, np.bool_)
SLIP = Slack(slip=1, pause=100)


def placed(shifts: list[int], lead: int = 1000) -> Samples:
    """A recording in which each packet stands so much beside its place; what stands there first stays."""
    recording = np.zeros(lead + len(SENT) + 2000, np.int16)
    taken = np.zeros(len(recording), np.bool_)
    for number, shift in enumerate(shifts):
        place = slice(lead + number * PACKET + shift, lead + (number + 1) * PACKET + shift)
        free = ~taken[place]
        recording[place][free] = SENT[number * PACKET : (number + 1) * PACKET][free]
        taken[place] = True
    return recording


def compared(recording: Samples, delivered: np.typing.NDArray[np.bool_] = ALL) -> Piecewise:
    sent = SENT * np.repeat(delivered, PACKET)
    return compare_pieces(recording, sent, delivered, near=1000, slack=SLIP)


def test_what_was_not_moved_is_exact_without_a_slip() -> None:
    found = compared(placed([0] * PACKETS))
    assert found.exact
    assert (found.slips, found.comparison.kept, found.comparison.stray) == (0, 8000, 0)
    # The first packet begins at 1000, the last one at 1000 + 49 packets.
    assert found.moves == ((0, 1000), (7840, 8840))


def test_single_samples_put_in_or_left_out_are_slips() -> None:
    later = compared(placed([0] * 10 + [1] * 10 + [2] * 30))
    assert later.exact
    assert (later.slips, later.comparison.kept) == (2, 8000)
    earlier = compared(placed([0] * 25 + [-1] * 25))
    assert earlier.exact
    assert (earlier.slips, earlier.comparison.kept) == (1, 7999)
    assert earlier.moves == ((0, 1000), (4000, 4999), (7840, 8839))


def test_a_packet_that_is_hardly_heard_misleads_nobody() -> None:
    # Packet 20 has one sample, at its edge; the clock was followed by ten samples in the silence before it.
    quiet = SENT.copy()
    quiet[10 * PACKET : 21 * PACKET] = 0
    quiet[21 * PACKET - 1] = 8
    recording = np.zeros(1000 + len(SENT) + 2000, np.int16)
    recording[1000 : 1000 + 10 * PACKET] = quiet[: 10 * PACKET]
    recording[1010 + 10 * PACKET : 1010 + len(SENT)] = quiet[10 * PACKET :]
    found = compare_pieces(recording, quiet, ALL, near=1000, slack=SLIP)
    assert found.exact
    assert (found.slips, found.moves[1]) == (10, (20 * PACKET, 1010 + 20 * PACKET))


def test_a_slip_within_a_packet_is_followed_as_well() -> None:
    recording = placed([0] * 20 + [1] * 30)
    place = 1000 + 19 * PACKET
    recording[place + 61 : place + PACKET + 1] = recording[place + 60 : place + PACKET].copy()
    recording[place + 60] = 0
    found = compared(recording)
    assert found.exact
    assert (found.slips, found.comparison.kept, found.comparison.stray) == (1, 8000, 0)
    # Two samples at one place are no single ones.
    recording = placed([0] * 20 + [2] * 30)
    place = 1000 + 19 * PACKET
    recording[place + 62 : place + PACKET + 2] = recording[place + 60 : place + PACKET].copy()
    recording[place + 60 : place + 62] = 0
    assert not compared(recording).exact


def test_packets_that_overtook_each_other_may_move_into_each_other() -> None:
    # Packet 10 came behind 11 and 12, when the clock was three samples further: it lies under packet 11.
    shifts = [0] * 10 + [3] + [1, 2] + [3] * 37
    recording = np.zeros(1000 + len(SENT) + 2000, np.int16)
    for number in [*range(10), 11, 12, 10, *range(13, PACKETS)]:
        at = 1000 + number * PACKET + shifts[number]
        free = recording[at : at + PACKET] == 0
        recording[at : at + PACKET][free] = SENT[number * PACKET : (number + 1) * PACKET][free]
    assert not compared(recording).exact
    found = compare_pieces(recording, SENT, ALL, near=1000, slack=Slack(4, 100))
    assert found.exact
    # 3 there, 2 back, and 1 and 1 on; of packet 10 two samples are under the next.
    assert (found.slips, found.comparison.kept) == (7, 7998)


def test_through_silence_that_was_sent_a_clock_is_followed_as_well() -> None:
    # Packets 20 to 29 are silence; each moves one sample on, and so does what follows them.
    quiet = SENT.copy()
    quiet[20 * PACKET : 30 * PACKET] = 0
    recording = placed([0] * 20 + [*range(1, 11)] + [10] * 20)
    recording[1000 + 20 * PACKET : 1000 + 30 * PACKET + 10] = 0
    found = compare_pieces(recording, quiet, ALL, near=1000, slack=SLIP)
    assert found.exact
    assert (found.slips, found.comparison.spoken) == (10, 40 * PACKET)


def test_a_jump_in_mid_speech_is_not_a_slip() -> None:
    assert not compared(placed([0] * 25 + [2] * 25)).exact
    assert not compared(placed([0] * 25 + [160] * 25)).exact


def test_behind_a_pause_a_packet_may_have_moved_further_but_not_too_far() -> None:
    delivered = ALL.copy()
    delivered[20:30] = False
    moved = placed([0] * 20 + [0] * 10 + [80] * 20)
    moved[1000 + 20 * PACKET : 1000 + 30 * PACKET + 80] = 0
    found = compared(moved, delivered)
    assert found.exact
    assert (found.slips, found.moves[1]) == (0, (4800, 5880))
    # Of packets that were sent, and lost on the way, the clock goes on: ten of them are ten samples at most.
    lost = compare_pieces(
        moved, SENT * np.repeat(delivered, PACKET), delivered, near=1000, slack=SLIP, spoken=ALL
    )
    assert not lost.exact
    too_far = placed([0] * 30 + [120] * 20)
    too_far[1000 + 20 * PACKET : 1000 + 30 * PACKET + 120] = 0
    assert not compared(too_far, delivered).exact


def test_a_changed_sample_costs_its_packet() -> None:
    recording = placed([0] * PACKETS)
    recording[1000 + 5000] ^= 1
    found = compared(recording)
    assert not found.exact
    assert found.comparison.kept == 8000 - PACKET
    assert found.comparison.first_difference == 1000 + 4960  # packet 31 is not to be seen anywhere


def test_a_lost_packet_that_is_there_all_the_same_is_stray() -> None:
    delivered = ALL.copy()
    delivered[7] = False
    found = compared(placed([0] * PACKETS), delivered)
    assert not found.exact
    assert found.comparison.stray == PACKET


def test_silence_where_something_was_sent_is_found_out() -> None:
    recording = placed([0] * PACKETS)
    recording[3000:3160] = 0
    found = compared(recording)
    assert not found.exact
    assert found.comparison.first_difference is not None


def test_nothing_and_silence_are_not_what_was_said() -> None:
    assert not compared(np.zeros(4000, np.int16)).exact
    assert not compared(np.zeros(0, np.int16)).exact
    nobody = compare_pieces(placed([0] * 50), np.zeros(8000, np.int16), ALL, near=0, slack=SLIP)
    assert not nobody.exact


def test_of_what_is_said_twice_each_time_is_found_in_its_place() -> None:
    # Later by a sample every fourth packet, so that few stretches have the same offset.
    twice = np.concatenate([SENT, SENT])
    recording = np.zeros(1000 + len(twice) + 1000, np.int16)
    for number in range(2 * PACKETS):
        at = 1000 + number * PACKET + number // 4
        recording[at : at + PACKET] = twice[number * PACKET : (number + 1) * PACKET]
    for near in (900, 1100):
        delivered = np.ones(2 * PACKETS, np.bool_)
        found = compare_pieces(recording, twice, delivered, near=near, slack=SLIP)
        assert found.exact
        assert (found.slips, found.moves[0]) == (24, (0, 1000))


@given(
    steps=st.lists(st.sampled_from([0, 0, 0, 0, 1, -1]), min_size=PACKETS, max_size=PACKETS),
    cut=st.integers(0, 900),
)
def test_any_walk_of_single_samples_is_followed(steps: list[int], cut: int) -> None:
    shifts = np.cumsum([0, *steps[1:]]).tolist()
    found = compared(placed(shifts)[cut:])
    assert found.exact
    assert found.slips == sum(map(abs, steps[1:]))
