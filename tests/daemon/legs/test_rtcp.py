"""RTCP of a leg by real sockets: where it goes, whom it hears, and what it shows."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from daemon.legs.ports import PortPair, RtpPorts
from daemon.legs.rtp import RtpLeg
from daemon.media import rtcp, rtp, rtpstream
from daemon.media.rtcp import Block, Bye, Description, ReceiverReport, SenderReport, build
from tests.daemon.legs.caller import VOICE, make_leg
from wavstream.process.cadence import Cadence

SSRC = 7


class Far:
    """A far end with a pair of ports, or whose audio comes from the odd one of them."""

    def __init__(self, leg: RtpLeg, pair: PortPair, *, odd: bool = False) -> None:
        assert pair.rtcp is not None
        self.leg = leg
        self.audio, self.control = (pair.rtcp, pair.rtp) if odd else (pair.rtp, pair.rtcp)
        for each in (self.audio, self.control):
            each.settimeout(5)

    def speak(self, *numbers: int, ssrc: int = SSRC) -> None:
        for number in numbers:
            packet = rtp.build(
                payload_type=0, sequence=number, timestamp=number * 160, ssrc=ssrc, payload=VOICE
            )
            self.audio.sendto(packet, self.leg.address)
        self.leg.poll()

    def say(self, *packets: rtcp.Packet, by: socket.socket | None = None) -> None:
        """By its own control port to the leg's, or by another socket."""
        (by or self.control).sendto(build(*packets), (self.leg.address.host, self.leg.address.port + 1))

    def say_multiplexed(self, *packets: rtcp.Packet, by: socket.socket | None = None) -> None:
        (by or self.audio).sendto(build(*packets), self.leg.address)


def view(leg: RtpLeg) -> dict[str, Any]:
    rtcp_view: dict[str, Any] = leg.view()["rtcp"]
    return rtcp_view


def report(leg: RtpLeg) -> None:
    """The next beat at which a report is due."""
    leg._rtcp.due = trio.current_time()
    leg.poll()


def heard_by(listener: socket.socket) -> list[rtcp.Packet]:
    return rtcp.parse(listener.recv(2048))


def nothing_for(listener: socket.socket) -> bool:
    """On loopback a datagram is there as soon as it was sent."""
    listener.setblocking(False)
    try:
        listener.recv(2048)
    except BlockingIOError:
        return True
    return False


@contextmanager
def far_end(
    *, odd: bool = False, repin: bool = False, bound: PortPair | None = None, host: str = "127.0.0.1"
) -> Iterator[tuple[RtpLeg, Far]]:
    leg = make_leg(Cadence(), bound=bound, repin=repin)
    with RtpPorts(host, 0, 0).bind() as pair:
        try:
            yield leg, Far(leg, pair, odd=odd)
        finally:
            leg.close()


@contextmanager
def elsewhere(host: str = "127.0.0.1") -> Iterator[socket.socket]:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind((host, 0))
        other.settimeout(5)
        yield other


def hello(ssrc: int = SSRC) -> ReceiverReport:
    return ReceiverReport(ssrc)


async def test_a_leg_that_was_not_heard_reports_to_nobody() -> None:
    with far_end() as (leg, far):
        await trio.lowlevel.checkpoint()
        far.say(hello())
        leg.poll()
        assert leg._rtcp.due == float("inf")
        assert view(leg)["reports"] == 0
        leg._rtcp.report()
        leg.close()
        assert nothing_for(far.control)


async def test_reports_go_to_the_odd_port_above_the_audio_s_and_only_when_they_are_due() -> None:
    with far_end() as (leg, far):
        before = trio.current_time()
        far.speak(0, 1, 2, 5)
        assert before + 1.25 <= leg._rtcp.due <= trio.current_time() + 3.75
        leg.poll()
        before = trio.current_time()
        report(leg)
        assert before + 2.5 <= leg._rtcp.due <= trio.current_time() + 7.5
        receiver, description = heard_by(far.control)
        assert isinstance(receiver, ReceiverReport)
        assert isinstance(description, Description)
        (block,) = receiver.blocks
        # Of 0 to 5 two are missing: 85 of 256.
        assert (block.ssrc, block.lost, block.fraction, block.highest) == (SSRC, 2, 85, 5)
        assert nothing_for(far.control)
        assert view(leg)["sent"] == 1
        await trio.lowlevel.checkpoint()


async def test_while_silence_is_sent_the_reports_are_a_sender_s() -> None:
    with far_end() as (leg, far):
        far.speak(0)
        now = trio.current_time()
        leg.send_silence(now)
        leg.send_silence(now + 0.1)
        report(leg)
        sender = heard_by(far.control)[0]
        assert isinstance(sender, SenderReport)
        silence = rtp.parse(far.audio.recv(2048))
        assert (sender.ssrc, sender.packets, sender.octets) == (silence.ssrc, 2, 320)
        # Its timestamp is that of the silence, later by less time than a test may take.
        assert 0 <= (sender.timestamp - silence.timestamp) & 0xFFFFFFFF < 60 * 8000
        await trio.lowlevel.checkpoint()


async def test_the_round_trip_is_measured_by_the_kernel_s_clock_however_late_it_is_read() -> None:
    with far_end() as (leg, far):
        far.speak(0)
        leg.send_silence(trio.current_time())
        before = trio.current_time()
        report(leg)
        sender = heard_by(far.control)[0]
        assert isinstance(sender, SenderReport)
        block = Block(
            ssrc=sender.ssrc,
            fraction=0,
            lost=4,
            highest=1,
            jitter=80,
            last_report=sender.ntp >> 16 & 0xFFFFFFFF,
            delay=0,
        )
        far.say(ReceiverReport(SSRC, (block,)))
        after = trio.current_time()
        with trio.fail_after(20):
            await trio.sleep_until(after + 0.3)  # reads it so much later
        shown = view(leg)
        assert 0 <= shown["round_trip_ms"] <= (after - before) * 1000 + 5
        assert (shown["reports"], shown["far_lost"], shown["far_jitter_ms"]) == (1, 4, 10.0)


async def test_an_answer_goes_to_where_their_rtcp_comes_from() -> None:
    with far_end() as (leg, far), elsewhere() as other:
        far.speak(0)
        far.say(hello(), by=other)
        report(leg)
        assert isinstance(heard_by(other)[0], ReceiverReport)
        assert nothing_for(far.control)
        await trio.lowlevel.checkpoint()


async def test_multiplexed_rtcp_is_heard_and_answered_on_the_port_of_the_audio() -> None:
    """And disturbs none of it."""
    with far_end() as (leg, far):
        far.speak(0, 1)
        far.say_multiplexed(SenderReport(SSRC, 0x1111_2222_3333_4444, 0, 2, 320), Bye((99,)))
        far.speak(2, 3)
        report(leg)
        receiver = heard_by(far.audio)[0]
        assert isinstance(receiver, ReceiverReport)
        assert receiver.blocks[0].last_report == 0x22223333
        assert nothing_for(far.control)
        shown = leg.view()
        assert (shown["packets"], shown["lost"], shown["malformed"], shown["anchors"]) == (4, 0, 0, 1)
        assert shown["rtcp"]["reports"] == 1
        await trio.lowlevel.checkpoint()


async def test_from_an_odd_port_no_port_above_is_guessed_until_rtcp_comes() -> None:
    with far_end(odd=True) as (leg, far):
        far.speak(0)
        report(leg)
        assert view(leg)["sent"] == 0
        far.say(hello())
        report(leg)
        assert isinstance(heard_by(far.control)[0], ReceiverReport)
        await trio.lowlevel.checkpoint()


async def test_rtcp_of_another_host_is_a_stranger_s_on_either_port() -> None:
    with (
        far_end() as (leg, far),
        elsewhere("127.0.0.2") as stranger,
        elsewhere("127.0.0.3") as another,
        capture_logs() as logged,
    ):
        far.say_multiplexed(hello(), by=stranger)  # the leg has no sender yet: nobody is a stranger
        far.speak(0)
        far.say(hello(), Bye((SSRC,)), by=stranger)
        far.say(hello(), by=stranger)
        far.say_multiplexed(Bye((SSRC,)), by=another)
        far.speak(1)
        report(leg)
        shown = leg.view()
        assert (shown["strangers"], shown["rtcp"]["reports"], shown["rtcp"]["bye"]) == (3, 0, False)
        assert isinstance(heard_by(far.control)[0], ReceiverReport)
        assert nothing_for(stranger)
        await trio.lowlevel.checkpoint()
    strangers = [line for line in logged if line["event"] == "packet from a stranger"]
    assert [line["source"][0] for line in strangers] == ["127.0.0.3", "127.0.0.2"]


async def test_a_flood_is_read_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.legs.rtcp.DRAIN_PACKETS", 2)
    with far_end() as (leg, far):
        far.speak(0)
        for _ in range(3):
            far.say(hello())
        assert view(leg)["reports"] == 2
        assert view(leg)["reports"] == 3
        await trio.lowlevel.checkpoint()


async def test_rtcp_of_the_same_host_about_another_call_changes_nothing() -> None:
    with far_end() as (leg, far), elsewhere() as other:
        far.speak(0)
        far.say(hello(ssrc=1234), Bye((1234,)), by=other)
        report(leg)
        assert isinstance(heard_by(far.control)[0], ReceiverReport)
        assert nothing_for(other)
        assert view(leg)["reports"] == 0
        await trio.lowlevel.checkpoint()


async def test_what_is_no_rtcp_is_logged_once_and_counted() -> None:
    with far_end() as (leg, far), capture_logs() as logged:
        far.speak(0)
        for _ in range(2):
            far.control.sendto(b"\x80\xc9\0\x05", (leg.address.host, leg.address.port + 1))
        far.audio.sendto(b"\x80\xc8\0\x05", leg.address)
        leg.poll()
        assert leg.view()["malformed"] == 3
        await trio.lowlevel.checkpoint()
    assert [line["event"] for line in logged].count("malformed RTCP packet") == 1


async def test_a_goodbye_is_shown_until_audio_comes_again_and_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.media.rtcpsession.LATE_AUDIO_SECONDS", 0.0)
    with far_end() as (leg, far), capture_logs() as logged:
        far.speak(0)
        heard = leg.last_heard
        far.say(hello(), Bye((SSRC,), "hung up"))
        assert view(leg)["bye"] is True
        report(leg)
        assert leg.last_heard == heard
        assert leg.view()["state"] == "active"
        with trio.fail_after(20):
            await trio.sleep(0.01)
        far.speak(1)
        assert view(leg)["bye"] is False
        far.say(Bye((SSRC,)))
        far.speak(0, ssrc=8)  # somebody else on the same line
        assert view(leg)["bye"] is False
    said = [line for line in logged if line["event"] == "sender said goodbye"]
    assert [line["reason"] for line in said] == ["hung up"]


async def test_a_far_end_without_rtcp_is_no_error() -> None:
    with elsewhere() as alone:
        leg = make_leg(Cadence())
        try:
            with RtpPorts.parse("127.0.0.1:0").bind() as pair:
                assert pair.rtcp is not None
                pair.rtcp.close()  # what is sent there is answered by ICMP
                far = Far(leg, PortPair(pair.rtp, alone))
                far.speak(0)
                for number in range(1, 4):
                    report(leg)
                    far.speak(number)
                assert leg.view()["packets"] == 4
                assert view(leg)["sent"] == 3
        finally:
            leg.close()
    await trio.lowlevel.checkpoint()


async def test_without_a_port_of_its_own_only_multiplexed_rtcp_is_answered() -> None:
    pair = RtpPorts.parse("127.0.0.1:0").bind()
    assert pair.rtcp is not None
    pair.rtcp.close()
    with far_end(bound=PortPair(pair.rtp, None)) as (leg, far):
        far.speak(0)
        report(leg)
        assert (view(leg)["port"], view(leg)["sent"]) == (None, 0)
        far.say_multiplexed(hello())
        far.speak(1)
        report(leg)
        assert isinstance(heard_by(far.audio)[0], ReceiverReport)
        await trio.lowlevel.checkpoint()


async def test_a_leg_that_closes_says_goodbye_to_who_has_heard_of_it() -> None:
    with far_end() as (leg, far):
        far.speak(0)
        report(leg)
        named = heard_by(far.control)[0]
        assert isinstance(named, ReceiverReport)
        leg.close()
        leg.close()
        assert heard_by(far.control)[2] == Bye((named.ssrc,))
        assert nothing_for(far.control)
        assert view(leg)["sent"] == 1  # it can still be asked
        await trio.lowlevel.checkpoint()


async def test_a_leg_that_never_reported_closes_without_a_word() -> None:
    with far_end() as (leg, far):
        far.speak(0)
        leg.close()
        assert nothing_for(far.control)
        await trio.lowlevel.checkpoint()


async def test_a_sender_that_has_moved_is_reported_to_at_its_new_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rtpstream, "REPIN_SECONDS", 0.0)
    with far_end(repin=True) as (leg, far), RtpPorts.parse("127.0.0.1:0").bind() as pair:
        far.speak(0)
        far.say_multiplexed(hello())
        report(leg)
        assert isinstance(heard_by(far.audio)[0], ReceiverReport)
        moved = Far(leg, pair)
        moved.speak(1)
        report(leg)
        assert isinstance(heard_by(moved.control)[0], ReceiverReport)
        assert nothing_for(far.audio)
        await trio.lowlevel.checkpoint()


async def test_ipv6_has_the_port_above_too() -> None:
    with far_end(bound=RtpPorts("::1", 0, 0).bind(), host="::1") as (leg, far):
        far.speak(0)
        report(leg)
        assert isinstance(heard_by(far.control)[0], ReceiverReport)
        await trio.lowlevel.checkpoint()
