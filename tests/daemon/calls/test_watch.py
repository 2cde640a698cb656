"""What ends by itself, in virtual time."""

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock, wait_all_tasks_blocked

from daemon.calls.alarm import Alarm
from daemon.calls.watch import Limits, Watch
from tests.daemon.exchange import Exchange, exchange
from tests.daemon.inline import InlineCatalog


async def watch(nursery: trio.Nursery, calls: Exchange, limits: Limits) -> None:
    alarm = Alarm(calls.catalog, calls.sessions, announce=lambda: None)
    nursery.start_soon(Watch(calls.sessions, limits, alarm).run)
    await wait_all_tasks_blocked()


async def test_a_call_of_which_nothing_is_heard_for_too_long_is_over(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls, trio.open_nursery() as nursery:
        await watch(nursery, calls, Limits(unheard=60))
        uid = await calls.call()
        live = calls.sessions.live(uid)
        assert live is not None
        await trio.sleep(50)
        await calls.order(uid, "record/start")
        live.legs[0].rtp._last_heard = trio.current_time()  # the leg, whose socket knows no virtual time
        await trio.sleep(59)
        assert calls.row(uid).state == "waiting"
        await trio.sleep(3)
        row = calls.row(uid)
        assert (row.state, row.cause) == ("ended", "leg_lost")
        assert calls.names(uid)[-1] == "call.hangup"
        assert calls.events(uid)[-1]["cause"] == "leg_lost"
        (recording,) = calls.recordings(uid)
        assert (recording.state, recording.reason) == ("finishing", "hangup")
        await wait_all_tasks_blocked()
        assert [end[0] for end in calls.fate.ends] == ["finish"]
        assert calls.sessions.count == 0
        nursery.cancel_scope.cancel()


async def test_a_call_that_came_with_its_connection_ends_with_it_and_nothing_is_wrong(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    with capture_logs() as logged:
        async with exchange(catalog) as calls, trio.open_nursery() as nursery:
            await watch(nursery, calls, Limits(gone=10))
            uid = await calls.call(arrived=True)
            await trio.sleep(9)
            assert calls.row(uid).state == "waiting"
            await trio.sleep(3)
            assert (calls.row(uid).state, calls.row(uid).cause) == ("ended", "leg_lost")
            nursery.cancel_scope.cancel()
    assert [line["session"] for line in logged if line["event"] == "connection gone"] == [uid]
    assert [line for line in logged if line["log_level"] != "info"] == []


@pytest.mark.contract("recording-max-hours")
async def test_a_recording_that_is_too_long_ends_and_its_call_goes_on(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls, trio.open_nursery() as nursery:
        await watch(nursery, calls, Limits(recording=300))
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await trio.sleep(299)
        assert calls.recordings(uid)[0].state == "recording"
        await trio.sleep(3)
        (recording,) = calls.recordings(uid)
        assert (recording.state, recording.reason) == ("finishing", "interrupted")
        assert calls.recorder.made[0].stops[0][1] == "interrupted"
        assert calls.row(uid).state == "waiting"
        assert await calls.order(uid, "record/stop") == (False, "the call is not being recorded")
        await trio.sleep(2)
        assert await calls.order(uid, "record/start") == (True, None)
        nursery.cancel_scope.cancel()


async def test_a_pause_that_is_too_long_ends(autojump_clock: MockClock, catalog: InlineCatalog) -> None:
    async with exchange(catalog) as calls, trio.open_nursery() as nursery:
        await watch(nursery, calls, Limits(pause=300))
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await trio.sleep(10)
        await calls.order(uid, "record/pause")
        await trio.sleep(299)
        assert calls.recordings(uid)[0].is_paused
        await trio.sleep(3)
        (recording,) = calls.recordings(uid)
        assert not recording.is_paused
        assert recording.pauses is not None
        ((start, end),) = recording.pauses
        assert start == 10
        assert end is not None
        assert 310 <= end <= 311.5
        assert [masked for _, masked in calls.recorder.made[0].masked] == [True, False]
        assert await calls.order(uid, "record/resume") == (False, "the recording is not paused")
        nursery.cancel_scope.cancel()


async def test_without_limits_nothing_ends(autojump_clock: MockClock, catalog: InlineCatalog) -> None:
    async with exchange(catalog) as calls, trio.open_nursery() as nursery:
        await watch(nursery, calls, Limits())
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await calls.order(uid, "record/pause")
        await trio.sleep(300)
        assert calls.recordings(uid)[0].is_paused
        nursery.cancel_scope.cancel()


async def test_what_the_catalogue_refuses_is_tried_again_at_the_next_look(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls, trio.open_nursery() as nursery:
        await watch(nursery, calls, Limits(recording=10))
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await trio.sleep(9.5)
        catalog.broken = 2
        await trio.sleep(1.6)
        assert calls.recordings(uid)[0].state == "recording"
        assert not calls.recorder.made[0].stops
        await trio.sleep(2)
        assert calls.recordings(uid)[0].state == "finishing"
        assert len(calls.recorder.made[0].stops) == 1
        nursery.cancel_scope.cancel()
