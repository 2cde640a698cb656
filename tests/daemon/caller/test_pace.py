"""Lines speak by the clock, over real sockets."""

import itertools
import socket
from collections.abc import Iterator

import numpy as np
import pytest
import trio
import trio.testing

from daemon.caller.faults import Faults, plan
from daemon.caller.line import LineError
from daemon.caller.lines import rtp as line_module
from daemon.caller.lines.rtp import RtpLine
from daemon.caller.pace import Spoken, say
from daemon.caller.phone import Phone
from daemon.caller.talk import Talk
from daemon.media import rtp
from daemon.media.codecs import PCMU
from wavstream.process.settings import Address


@pytest.fixture
def far_end() -> Iterator[socket.socket]:
    """A UDP socket that a line can be put through to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        datagrams.settimeout(5)
        yield datagrams


def address(datagrams: socket.socket) -> Address:
    return Address(*datagrams.getsockname())


def talk(packets: int) -> Talk:
    """Packet n holds nothing but the mu-law of n."""
    sound = np.repeat(PCMU.decode(bytes(range(packets))), 160)
    return Talk.of(sound, PCMU, 0)


async def test_packets_follow_each_other_as_rtp_asks(far_end: socket.socket) -> None:
    with RtpLine(address(far_end)) as line:
        await say(talk(3), [line])
        await say(talk(2), [line])
        packets = [rtp.parse(far_end.recv(2048)) for _ in range(5)]
    first = packets[0]
    assert {packet.ssrc for packet in packets} == {line.ssrc}
    assert {packet.payload_type for packet in packets} == {0}
    assert [(packet.sequence - first.sequence) % 2**16 for packet in packets] == [0, 1, 2, 3, 4]
    assert [(packet.timestamp - first.timestamp) % 2**32 for packet in packets] == [0, 160, 320, 480, 640]
    assert [packet.marker for packet in packets] == [True, False, False, True, False]
    assert [packet.payload[0] for packet in packets] == [0, 1, 2, 0, 1]
    assert (line.sent, line.unsent) == (5, 0)


@pytest.mark.contract("program-call")
async def test_a_packet_leaves_when_its_last_sample_was_spoken(
    far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    left: list[tuple[int, float]] = []
    with RtpLine(address(far_end)) as line:
        began = trio.current_time()
        spoken = await say(
            talk(3), [line], said=lambda spoken: left.append((spoken.packets, trio.current_time() - began))
        )
    assert [packets for packets, _ in left] == [1, 2, 3]
    assert [at for _, at in left] == pytest.approx([0.02, 0.04, 0.06])
    assert spoken.at(0) == began
    assert spoken.at(160) == pytest.approx(began + 0.02)
    assert spoken.latest == pytest.approx(0)


async def test_what_is_overdue_leaves_at_once_and_its_delay_is_told(
    far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    # It began 0.1 s ago: the first two packets were due 0.08 and 0.06 s ago.
    with RtpLine(address(far_end)) as line:
        began = trio.current_time()
        spoken = await say(talk(2), [line], began=began - 0.1)
        assert trio.current_time() == began
        assert line.sent == 2
    assert spoken.latest == pytest.approx(0.08)


async def test_many_lines_speak_together(far_end: socket.socket) -> None:
    with RtpLine(address(far_end)) as one, RtpLine(address(far_end)) as other:
        await say(talk(2), [one, other])
        packets = [rtp.parse(far_end.recv(2048)) for _ in range(4)]
    assert [packet.ssrc for packet in packets] == [one.ssrc, other.ssrc] * 2


async def test_a_line_counts_what_comes_back(far_end: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MAX_HEARD_AT_ONCE", 3)
    with RtpLine(address(far_end)) as line:
        await say(talk(1), [line])
        _, caller = far_end.recvfrom(2048)
        for _ in range(4):
            far_end.sendto(b"silence", caller)
        line.listen()
        assert line.heard == 3
        line.listen()
        assert line.heard == 4


async def test_a_line_that_nobody_takes_goes_on_and_counts_it() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nobody = address(gone)
    with RtpLine(nobody) as line:
        await say(talk(5), [line])
        line.listen()
        assert line.sent + line.unsent == 5
        assert line.unsent > 0


def test_a_line_to_nowhere_is_refused_in_plain_words() -> None:
    with pytest.raises(LineError, match=r"cannot send to 256\.1\.1\.1:9"):
        RtpLine(Address("256.1.1.1", 9))


async def test_a_telephone_breathes_until_it_speaks_and_leaves_no_gap(
    far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    breath = Talk.silence(PCMU, 0, packets=5)
    with RtpLine(address(far_end)) as line:
        phone = Phone([line], breath)
        async with trio.open_nursery() as nursery:
            began = trio.current_time()
            nursery.start_soon(phone.run)
            await trio.sleep(0.05)
            spoken = await phone.speak(talk(2))
            # The breath of 0.1 s that was being taken comes first; then two packets.
            assert spoken.began == pytest.approx(began + 0.1)
            assert trio.current_time() == pytest.approx(began + 0.14)
            await trio.sleep(0.11)
            nursery.cancel_scope.cancel()
        assert line.sent == 5 + 2 + 5
        packets = [rtp.parse(far_end.recv(2048)) for _ in range(12)]
    steps = {(b.timestamp - a.timestamp) % 2**32 for a, b in itertools.pairwise(packets)}
    assert steps == {160}
    assert phone.latest == pytest.approx(0)


async def test_a_telephone_says_one_thing_at_a_time(far_end: socket.socket) -> None:
    with RtpLine(address(far_end)) as line:
        phone = Phone([line], Talk.silence(PCMU, 0, packets=1))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(phone.run)
            nursery.start_soon(phone.speak, talk(50))
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(RuntimeError, match="still being spoken"):
                await phone.speak(talk(1))
            nursery.cancel_scope.cancel()


def test_the_time_of_a_sample_follows_from_the_rate() -> None:
    assert Spoken(began=100.0, rate=16000).at(8000) == 100.5


async def test_faults_are_seen_on_the_wire_as_a_network_makes_them(
    far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    faults = Faults(loss=20, reorder=20, duplicate=20, jitter=0.02, seed=2)
    said = talk(100)
    plans = [plan(faults, said.silent, said.ptime, line) for line in range(2)]
    left: list[float] = []
    with RtpLine(address(far_end)) as one, RtpLine(address(far_end)) as other:
        began = trio.current_time()
        spoken = await say(
            said, [one, other], plans=plans, said=lambda _: left.append(trio.current_time() - began)
        )
        assert began + 2.0 <= trio.current_time() <= began + 2.0 + faults.jitter
        await say(talk(1), [one])
        packets = [rtp.parse(far_end.recv(2048)) for _ in range(one.sent + other.sent)]
    assert spoken.packets == 100
    assert spoken.latest == pytest.approx(0)
    assert left == pytest.approx(sorted(turn.at for planned in plans for turn in planned.turns))
    for line, planned in zip((one, other), plans, strict=True):
        own = [packet for packet in packets if packet.ssrc == line.ssrc]
        begins = next(packet.sequence - turn.order for packet, turn in zip(own, planned.turns, strict=False))
        assert [(packet.sequence - begins) % 2**16 for packet in own[: len(planned.turns)]] == [
            turn.order for turn in planned.turns
        ]
        assert [packet.payload[0] for packet in own[: len(planned.turns)]] == [
            turn.number for turn in planned.turns
        ]
    # What is said next counts on from all 100 packets, the lost ones included.
    first, last = packets[0], packets[-1]
    order = plans[[one.ssrc, other.ssrc].index(first.ssrc)].turns[0].order
    assert last.ssrc == one.ssrc
    if first.ssrc == one.ssrc:
        assert (last.sequence - first.sequence + order) % 2**16 == 100


async def test_timestamps_go_on_through_a_pause_and_sequence_numbers_do_not(
    far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    said = talk(6)
    planned = plan(Faults(gap=(0.04, 0.04)), said.silent, said.ptime)
    with RtpLine(address(far_end)) as line:
        await say(said, [line], plans=[planned])
        await say(talk(1), [line])
        packets = [rtp.parse(far_end.recv(2048)) for _ in range(5)]
    first = packets[0]
    assert [(packet.sequence - first.sequence) % 2**16 for packet in packets] == [0, 1, 2, 3, 4]
    steps = [(packet.timestamp - first.timestamp) % 2**32 // 160 for packet in packets]
    assert steps == [0, 1, 4, 5, 6]
    assert [packet.marker for packet in packets] == [True, False, True, False, True]


async def test_a_fast_speaker_is_done_early(
    far_end: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    said = talk(100)
    faults = Faults(skew=10_000)
    with RtpLine(address(far_end)) as line:
        began = trio.current_time()
        spoken = await say(said, [line], plans=[plan(faults, said.silent, said.ptime)], speed=faults.speed)
    # 2 s at 1 % more: 1.980 s.
    assert trio.current_time() - began == pytest.approx(2 / 1.01)
    assert spoken.at(16_000) == pytest.approx(began + 2 / 1.01)
