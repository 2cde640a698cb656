import errno
import socket
import time

import numpy as np
import pytest
import trio
from structlog.testing import capture_logs

from daemon.legs import rtp as rtp_leg
from daemon.legs import tracks
from daemon.legs.leg import CALLEE, CALLER
from daemon.media import codecs, rtpstream
from daemon.media.timeline import Timeline
from daemon.media.track import Counts
from tests.daemon.legs.caller import VOICE, Caller, calling, make_leg
from wavstream.process.cadence import Cadence

HEARD = codecs.PCMU.decode(VOICE)


def frames_of(timeline: Timeline) -> list[int]:
    """All that was heard, without the silence before and after."""
    samples = timeline.finish(trio.current_time() + 1)[:, 0]
    loud = np.flatnonzero(samples)
    return samples[loud[0] : loud[-1] + 1].tolist() if len(loud) else []


async def test_the_first_packet_is_heard_at_once_and_pins_its_source() -> None:
    leg = make_leg(Cadence())  # no beat ever comes
    async with calling(leg) as [caller], trio.open_nursery() as nursery:
        assert await nursery.start(leg.run) == leg.address
        assert leg.view()["state"] == "waiting"
        caller.send(0)
        with trio.fail_after(20):
            await leg.heard.wait()
        nursery.cancel_scope.cancel()
    view = leg.view()
    assert view.pop("quality").pop("unheard_seconds") >= 0
    assert view == {
        "leg": "caller",
        "kind": "rtp",
        "state": "active",
        "codec": "PCMU",
        "rate": 8000,
        "packets": 1,
        "lost": 0,
        "jitter_ms": 0.0,
        "duplicates": 0,
        "reordered": 0,
        "strangers": 0,
        "malformed": 0,
        "unknown": 0,
        "comfort_noise": 0,
        "keys": 0,
        "dtmf": [],
        "anchors": 1,
        "corrected": 0,
        "drift_ppm": None,
        "silence_packets": 0,
        "rtcp": {
            "port": leg.address.port + 1,
            "sent": 0,
            "reports": 0,
            "round_trip_ms": None,
            "far_lost": None,
            "far_jitter_ms": None,
            "bye": False,
        },
    }


async def test_a_leg_drains_itself_at_each_beat_when_nobody_records() -> None:
    cadence = Cadence()
    leg = make_leg(cadence)
    async with calling(leg) as [caller], trio.open_nursery() as nursery:
        await nursery.start(cadence.run)
        await nursery.start(leg.run)
        caller.send(0)
        await leg.heard.wait()
        caller.send(1, 2)
        with trio.fail_after(20):
            while leg.view()["packets"] < 3:
                await cadence.beat()
        nursery.cancel_scope.cancel()


async def test_what_was_spoken_since_the_start_is_found_by_a_recording_that_comes_later() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        caller.send(0, 1, 2)
        leg.poll()
        leg.attach(timeline)
        caller.send(3)
        leg.poll()
        assert frames_of(timeline) == np.tile(HEARD, 4).tolist()


async def test_what_was_spoken_before_the_start_is_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        caller.send(0, 1, 2)
        leg.poll()
        timeline = Timeline(8000, 1, trio.current_time() + 0.5)
        leg.attach(timeline)
        assert frames_of(timeline) == []
        assert timeline.counts(CALLER).outside == 0  # it was not even offered


async def test_old_audio_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "RECENT_SECONDS", -1.0)
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        caller.send(0)
        leg.poll()
        leg.attach(timeline)
        assert frames_of(timeline) == []


async def test_after_it_was_detached_nothing_is_placed() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        caller.send(0)
        leg.poll()
        leg.detach(timeline)
        leg.detach(timeline)
        caller.send(1)
        leg.poll()
        assert frames_of(timeline) == HEARD.tolist()


async def test_a_recording_that_ends_takes_nothing_from_the_next_one() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        first, second = (Timeline(8000, 1, trio.current_time() - 1) for _ in range(2))
        leg.attach(first)
        leg.attach(second)
        caller.send(0)
        leg.poll()
        leg.detach(first)
        caller.send(1)
        leg.poll()
        assert frames_of(first) == HEARD.tolist()
        assert frames_of(second) == np.tile(HEARD, 2).tolist()


async def test_while_it_is_recorded_only_the_recording_polls_and_after_that_the_leg_itself() -> None:
    cadence = Cadence()
    leg = make_leg(cadence)
    async with calling(leg) as [caller], trio.open_nursery() as nursery:
        await nursery.start(cadence.run)
        timeline = Timeline(8000, 1, trio.current_time())
        leg.attach(timeline)
        await nursery.start(leg.run)
        caller.send(0)
        await cadence.beat()
        await cadence.beat()
        assert not leg.heard.is_set()
        leg.detach(timeline)
        with trio.fail_after(20):
            await leg.heard.wait()
        nursery.cancel_scope.cancel()


async def test_a_leg_not_heard_for_long_sleeps_on_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rtp_leg, "IDLE_SECONDS", -1.0)
    cadence = Cadence()
    leg = make_leg(cadence)
    async with calling(leg) as [caller], trio.open_nursery() as nursery:
        await nursery.start(cadence.run)
        await nursery.start(leg.run)
        with trio.fail_after(20):
            for number in range(3):
                caller.send(number)
                while leg.view()["packets"] == number:
                    await cadence.beat()
        nursery.cancel_scope.cancel()


async def test_a_cancelled_leg_takes_in_what_has_arrived_and_holds_no_recording() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        async with trio.open_nursery() as nursery:
            await nursery.start(leg.run)
            leg.attach(timeline)
            caller.send(0)
            nursery.cancel_scope.cancel()
        now = trio.current_time()
        assert len(timeline.advance(now + 1)) > 8000  # it waits for nobody
        assert timeline.counts(CALLER).placed == 160
        leg.poll()  # as its recording still does


async def test_a_leg_that_changes_its_rate_changes_its_track() -> None:
    wide = codecs.l16(16000)
    leg = make_leg(Cadence(), told={96: wide})
    async with calling(leg, kinds=(0, 96)) as [caller, _]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        caller.send(0)
        leg.poll()
        caller.kind = 96
        caller.send(1, payload=bytes(640))
        leg.poll()
        assert leg.rate == 16000
        assert leg.view()["codec"] == "L16"
        timeline.finish(trio.current_time() + 1)
        assert timeline.counts(CALLER).placed == 160 + 320


@pytest.mark.parametrize(("told", "rate"), [({}, 8000), ({96: codecs.l16(16000)}, 16000)])
async def test_before_anything_is_heard_the_rate_is_the_highest_it_was_told_of(
    told: dict[int, codecs.Codec], rate: int
) -> None:
    leg = make_leg(Cadence(), side=CALLEE, told=told)
    async with calling(leg):
        assert (leg.rate, leg.side, leg.view()["leg"]) == (rate, CALLEE, "callee")


async def test_a_stranger_is_logged_once_counted_and_not_heard() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        stranger = Caller(leg, ssrc=99)
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        caller.send(0)
        stranger.send(0, 1, 2)
        caller.send(1)
        with capture_logs() as logged:
            leg.poll()
        stranger.socket.close()
        assert frames_of(timeline) == np.tile(HEARD, 2).tolist()
        assert leg.view()["strangers"] == 3
    assert [line["event"] for line in logged] == ["leg heard", "packet from a stranger"]
    assert logged[1]["leg"] == "caller"


async def test_one_drain_takes_a_bounded_number_of_packets_and_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rtp_leg, "DRAIN_PACKETS", 2)
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        caller.send(0, 1, 2)
        leg.poll()
        assert timeline.counts(CALLER).placed == 320
        arrived = trio.current_time()
        closed = timeline.advance(arrived + 1)
        assert len(closed) < (arrived - timeline.start) * 8000  # it waits for the rest
        leg.poll()
        assert timeline.counts(CALLER) == Counts(placed=480, filled=timeline.counts(CALLER).filled)


@pytest.mark.contract("start-silence")
async def test_silence_goes_back_to_where_the_packets_come_from_in_their_codec() -> None:
    leg = make_leg(Cadence())
    async with calling(leg, kinds=(8,)) as [caller]:
        leg.send_silence(1.0)  # to nobody
        caller.send(0)
        leg.poll()
        leg.send_silence(10.0)
        leg.send_silence(10.5)
        first, second = caller.heard(), caller.heard()
        assert (first.payload_type, first.payload) == (8, b"\xd5" * 160)
        assert first.marker
        assert second.marker
        assert second.sequence == first.sequence + 1
        assert second.ssrc == first.ssrc
        assert (second.timestamp - first.timestamp) & 0xFFFFFFFF == 4000  # 0.5 s at 8 kHz
        assert leg.view()["silence_packets"] == 2
    leg.send_silence(11.0)  # closed: to nobody


class Unsendable:
    """A socket that cannot send."""

    def __init__(self, bound: socket.socket, error: int) -> None:
        self._bound, self._error = bound, error

    def __getattr__(self, name: str) -> object:
        return getattr(self._bound, name)

    def sendto(self, *_: object) -> int:
        raise OSError(self._error, "no")


async def test_silence_that_cannot_leave_is_not_missed_but_a_fault_of_ours_is() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        caller.send(0)
        leg.poll()
        bound = leg._socket
        leg._socket = Unsendable(bound, errno.ENETUNREACH)  # type: ignore[assignment]
        leg.send_silence(1.0)
        leg._socket = Unsendable(bound, errno.EBADF)  # type: ignore[assignment]
        with pytest.raises(OSError, match="no"):
            leg.send_silence(2.0)


async def test_a_packet_s_arrival_is_the_kernel_s_not_the_drain_s() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        before = trio.current_time()
        caller.send(0)
        after = trio.current_time()
        with trio.fail_after(20):
            await trio.sleep_until(after + 0.2)  # as long as a beat
        leg.poll()
        anchored = leg._tracks._recent[0].end / 8000
        assert before - 0.005 <= anchored <= after + 0.005


async def test_no_packet_seems_early_when_the_wall_clock_is_set_or_a_busy_machine_stops_us_between_clocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: wall)
    leg = make_leg(Cadence())
    await trio.lowlevel.checkpoint()
    right = leg._drained - wall
    assert leg._from_real(leg._drained) == right
    wall += 0.2  # it is set on, or we are stopped before we look at it: the stamps to be read are of before
    assert leg._from_real(leg._drained) == right
    assert leg._from_real(leg._drained) == pytest.approx(right - 0.2)  # it stays there: that is the time now
    wall -= 0.2  # back, or not stopped any more
    assert leg._from_real(leg._drained) == right
    leg.close()
    await trio.lowlevel.checkpoint()


async def test_keys_may_have_another_payload_type_than_the_usual() -> None:
    leg = make_leg(Cadence(), telephone_event=126)
    async with calling(leg) as [caller]:
        caller.send(0)
        for number, kind in ((1, 126), (2, 101)):
            caller.kind = kind
            caller.send(number, payload=b"\x05\x0a\0\0")
        leg.poll()
        view = leg.view()
    assert [pressed["key"] for pressed in view["dtmf"]] == ["5"]
    assert view["unknown"] == 1


async def test_keys_are_shown_with_their_time_but_not_those_of_a_pause() -> None:
    leg = make_leg(Cadence())
    async with calling(leg) as [caller]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        caller.send(0)
        leg.poll()
        leg.attach(timeline)
        caller.kind = 101
        before = time.time()
        caller.send(1, payload=b"\x05\x0a\0\0")
        after = time.time()
        leg.poll()
        with trio.fail_after(20):
            await trio.sleep(2 * rtp_leg.KEY_SLACK_SECONDS)  # the next ones are pressed later
        timeline.pause(trio.current_time())
        caller.send(2, payload=b"\x06\x0a\0\0")
        leg.poll()
        caller.send(3, payload=b"\x07\x0a\0\0")
        resumed = trio.current_time()
        timeline.resume(resumed)
        with trio.fail_after(20):
            await trio.sleep_until(resumed + 2 * rtp_leg.KEY_SLACK_SECONDS)  # the next one is pressed later
        caller.send(4, payload=b"\x08\x0a\0\0")
        leg.poll()  # finds the one of the pause when the pause is over
        view = leg.view()
    assert [pressed["key"] for pressed in view["dtmf"]] == ["5", "8"]
    assert before - 0.01 <= view["dtmf"][0]["at"] <= after + 0.01
    assert (view["keys"], view["packets"], view["unknown"], view["lost"]) == (4, 5, 0, 0)


async def test_a_sender_that_may_move_is_heard_and_answered_at_its_new_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rtpstream, "REPIN_SECONDS", 0.0)
    leg = make_leg(Cadence(), repin=True)
    async with calling(leg, kinds=(0, 0)) as [before, behind_a_new_port]:
        timeline = Timeline(8000, 1, trio.current_time() - 1)
        leg.attach(timeline)
        before.send(0)
        leg.poll()
        behind_a_new_port.send(1)
        leg.poll()
        leg.send_silence(1.0)
        assert behind_a_new_port.heard().payload == b"\xff" * 160
        assert (leg.view()["strangers"], leg.view()["anchors"]) == (0, 1)
        assert frames_of(timeline) == np.tile(HEARD, 2).tolist()
