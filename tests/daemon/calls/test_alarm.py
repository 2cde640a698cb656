"""The alarm for recordings that hear nothing, in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from daemon.calls import changes
from daemon.calls.alarm import Alarm
from daemon.calls.watch import Limits, Watch
from daemon.legs.leg import SideName
from daemon.recording.measure import Silence
from storage import schema
from tests.daemon.exchange import Exchange, FakeRecording, exchange
from tests.daemon.inline import InlineCatalog
from tests.storage.records import a_call_recording, with_session


class Line:
    """What a recording hears: `sounds` says when there was a sound on each leg last, or that it began."""

    def __init__(self, *legs: SideName) -> None:
        now = trio.current_time()
        self.sounds = dict.fromkeys(legs, now)

    def silences(self) -> dict[SideName, Silence]:
        now = trio.current_time()
        return {leg: Silence(now - since, since) for leg, since in self.sounds.items()}


@asynccontextmanager
async def watched(catalog: InlineCatalog, seconds: float = 30) -> AsyncIterator[tuple[Exchange, list[None]]]:
    """An exchange that is watched, and the alarms that were raised."""
    raised: list[None] = []
    async with exchange(catalog) as calls, trio.open_nursery() as nursery:
        alarm = Alarm(
            catalog,
            calls.sessions,
            seconds=seconds,
            announce=lambda: calls.announced.append(trio.current_time()),
            raised=lambda: raised.append(None),
        )
        nursery.start_soon(Watch(calls.sessions, Limits(), alarm).run)  # noqa: ASYNC113 - see below
        await wait_all_tasks_blocked()  # it watches by then
        yield calls, raised
        nursery.cancel_scope.cancel()


async def recorded(calls: Exchange, *legs: SideName) -> tuple[str, FakeRecording, Line]:
    """A call that is recorded, its recording, and what that hears."""
    uid = await calls.call()
    assert await calls.order(uid, "record/start", "start-1") == (True, None)
    recording, line = calls.recorder.made[-1], Line(*legs)
    recording.silences = line.silences  # type: ignore[method-assign]
    return uid, recording, line


def alarms(calls: Exchange, uid: str) -> list[dict[str, Any]]:
    return [event for event in calls.events(uid) if event["event"] == "recording.no_audio"]


@pytest.mark.contract("event-recording-no-audio")
async def test_a_recording_that_hears_nothing_is_told_of_once(
    autojump_clock: MockClock, catalog: InlineCatalog, capsys: pytest.CaptureFixture[str]
) -> None:
    async with watched(catalog) as (calls, raised):
        uid, recording, _ = await recorded(calls, "caller")
        announced = len(calls.announced)
        await trio.sleep(29.5)
        assert alarms(calls, uid) == []
        await trio.sleep(2)
        (event,) = alarms(calls, uid)
        assert 30 <= event.pop("silent_seconds") <= 31.5
        assert event == {
            "event": "recording.no_audio",
            "session_uuid": uid,
            "sequence": 3,
            "recording_id": recording.order.recording_id,
            "command_uid": "start-1",
            "legs": ["caller"],
        }
        assert len(raised) == len(calls.announced) - announced == 1
        said = capsys.readouterr().out
        assert "recording hears nothing" in said
        assert uid in said
        await trio.sleep(400)
        assert len(alarms(calls, uid)) == 1


async def test_after_a_sound_the_next_silence_is_told_of(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog) as (calls, _):
        uid, _, line = await recorded(calls, "caller")
        await trio.sleep(40)
        line.sounds["caller"] = trio.current_time()
        await trio.sleep(29)
        assert len(alarms(calls, uid)) == 1
        await trio.sleep(3)
        assert len(alarms(calls, uid)) == 2


async def test_each_silent_side_is_named_and_the_second_one_with_the_first(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog) as (calls, _):
        uid, _, line = await recorded(calls, "caller", "callee")
        await trio.sleep(20)
        line.sounds["callee"] = trio.current_time()
        await trio.sleep(20)
        assert [event["legs"] for event in alarms(calls, uid)] == [["caller"]]
        await trio.sleep(20)
        assert [event["legs"] for event in alarms(calls, uid)] == [["caller"], ["caller", "callee"]]
        assert alarms(calls, uid)[1]["silent_seconds"] < 32  # on both
        line.sounds["callee"] = trio.current_time()
        await trio.sleep(20)
        assert len(alarms(calls, uid)) == 2  # the caller's silence is known, and goes on


async def test_both_sides_silent_at_once_are_one_alarm(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog) as (calls, _):
        uid, _, _ = await recorded(calls, "caller", "callee")
        await trio.sleep(100)
        assert [event["legs"] for event in alarms(calls, uid)] == [["caller", "callee"]]


async def test_what_is_paused_may_be_silent_and_is_told_of_neither_then_nor_again(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog) as (calls, _):
        quiet, _, _ = await recorded(calls, "caller")
        await calls.order(quiet, "record/pause")
        known, _, _ = await recorded(calls, "caller")
        await trio.sleep(100)
        assert alarms(calls, quiet) == []
        assert len(alarms(calls, known)) == 1
        await calls.order(known, "record/pause")
        await trio.sleep(100)
        await calls.order(known, "record/resume")
        await trio.sleep(100)
        assert len(alarms(calls, known)) == 1


async def test_the_next_recording_of_a_call_has_an_alarm_of_its_own(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog) as (calls, _):
        uid, first, _ = await recorded(calls, "caller")
        await trio.sleep(100)
        assert await calls.order(uid, "record/stop") == (True, None)
        await trio.sleep(100)
        assert len(alarms(calls, uid)) == 1  # nothing is recorded meanwhile
        assert await calls.order(uid, "record/start", "start-2") == (True, None)
        calls.recorder.made[-1].silences = Line("caller").silences  # type: ignore[method-assign]
        await trio.sleep(40)
        assert [event["command_uid"] for event in alarms(calls, uid)] == ["start-1", "start-2"]
        assert first.order.recording_id == alarms(calls, uid)[0]["recording_id"]


async def test_what_the_catalogue_does_not_take_is_told_at_the_next_look(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog) as (calls, raised):
        uid, _, _ = await recorded(calls, "caller")
        await trio.sleep(29.5)
        catalog.broken = 2
        await trio.sleep(1.2)
        assert (alarms(calls, uid), raised) == ([], [])
        await trio.sleep(3)
        assert (len(alarms(calls, uid)), len(raised)) == (1, 1)


async def test_a_recording_that_is_stopped_at_that_moment_is_not_told_of(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog) as (calls, _):
        uid, _, _ = await recorded(calls, "caller")
        async with calls.sessions.lock(uid):  # a command is under way
            await trio.sleep(40)
            live = calls.sessions.live(uid)
            assert live is not None
            live.stop_recording(trio.current_time(), "stopped")
        await trio.sleep(10)
        assert alarms(calls, uid) == []


def test_a_recording_that_is_over_or_paused_hears_nothing_by_right(catalog: InlineCatalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        over: dict[str, Any] = {"state": "finishing"}
        for number, changed in enumerate((over, {"pauses": [[1.0, None]]})):
            row = a_call_recording(f"recording-{number}", **changed)
            assert not changes.recording_unheard(tx, row, legs=["caller"], silent_seconds=30.0, now=1.0)
        assert tx.execute(schema.outbox.select()).all() == []


async def test_without_the_setting_nothing_is_ever_told(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with watched(catalog, seconds=float("inf")) as (calls, _):
        uid, _, _ = await recorded(calls, "caller")
        await trio.sleep(500)
        assert alarms(calls, uid) == []
