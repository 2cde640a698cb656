"""The life of a call: how it begins, what ends it, and what is left when something breaks."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from sqlalchemy import Connection
from trio.testing import MockClock, wait_all_tasks_blocked

from daemon.calls import session as session_module
from daemon.calls.moment import Moment
from daemon.calls.session import Order
from daemon.calls.sessions import CallRequest, ShuttingDownError
from daemon.legs.lines import Wishes
from daemon.legs.ports import PortsExhaustedError, RtpPorts
from daemon.legs.rtp import RtpLeg
from daemon.media.codecs import named
from daemon.recording.failure import RecordingFailed
from storage.catalog import CatalogError
from tests.daemon.exchange import KEPT, FakeRecorder, exchange, exchange_of
from tests.daemon.inline import InlineCatalog
from tests.daemon.legs.caller import Caller


@pytest.mark.contract("event-call-new")
async def test_a_call_begins_with_its_event_and_an_address_a_leg(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        told = {96: named("L16", 16000)}
        row, live = await calls.sessions.create(
            CallRequest(app_id="app", caller_id="a", did="b", legs=2, wishes=Wishes(payload_types=told))
        )
        assert row.state == "waiting"
        assert len({leg.rtp.address for leg in live.legs}) == 2
        assert live.legs[0].rate == 16000
        assert calls.sessions.live(row.session_uuid) is live
        (event,) = calls.events(row.session_uuid)
        assert event == {
            "event": "call.new",
            "session_uuid": row.session_uuid,
            "sequence": 1,
            "caller_id": "a",
            "did": "b",
        }
        assert calls.announced == [0]


async def test_a_call_is_active_from_its_first_audio_on(catalog: InlineCatalog) -> None:
    async with exchange(catalog) as calls:
        _, live = await calls.sessions.create(CallRequest(app_id="app", legs=2))
        caller = Caller(live.legs[1].rtp)
        with caller.socket:
            caller.send(0)
            await live.legs[1].heard.wait()
            await wait_all_tasks_blocked()
        assert calls.row(live.session_uuid).state == "active"


async def test_a_call_goes_on_where_the_catalogue_cannot_be_told_of_its_audio(catalog: InlineCatalog) -> None:
    async with exchange(catalog) as calls:
        _, live = await calls.sessions.create(CallRequest(app_id="app"))
        catalog.broken = 1
        caller = Caller(live.legs[0].rtp)
        with caller.socket:
            caller.send(0)
            await live.legs[0].heard.wait()
            await wait_all_tasks_blocked()
        assert calls.row(live.session_uuid).state == "waiting"
        assert await calls.order(live.session_uuid, "record/start") == (True, None)


async def test_a_call_that_cannot_be_stored_gives_its_ports_back(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    probe = RtpPorts.parse("127.0.0.1:0").bind()
    port = probe.rtp.getsockname()[1]
    probe.close()
    async with exchange(catalog, ports=f"127.0.0.1:{port}-{port}") as calls:
        catalog.broken = 1
        with pytest.raises(CatalogError):
            await calls.call()
        with trio.CancelScope() as scope:
            scope.cancel()
            await calls.call()
        await calls.call()
        with pytest.raises(PortsExhaustedError):  # of two legs, the first is given back
            await calls.call(legs=2)
        assert calls.sessions.count == 1


async def test_calls_that_do_not_run_cannot_begin(autojump_clock: MockClock, catalog: InlineCatalog) -> None:
    calls = exchange_of(catalog, FakeRecorder())
    with pytest.raises(RuntimeError, match="do not run"):
        await calls.call()


@pytest.mark.parametrize(
    ("end", "fate"),
    [
        (KEPT, "finish"),
        (RecordingFailed("no audio was kept"), "fail"),
        (ValueError("a bug"), "follow"),
    ],
)
async def test_however_a_recording_ends_it_is_seen_to_and_the_call_goes_on(
    autojump_clock: MockClock, catalog: InlineCatalog, end: Exception, fate: str
) -> None:
    async with exchange(catalog, FakeRecorder(end=end)) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await trio.sleep(2)
        await calls.order(uid, "record/stop")
        await wait_all_tasks_blocked()
        assert [how for how, *_ in calls.fate.ends] == [fate]
        live = calls.sessions.live(uid)
        assert live is not None
        assert live.recording_view() is None
        assert not live.over


async def test_a_bug_in_what_becomes_of_a_recording_harms_no_call(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        calls.fate.failing = ValueError("a bug")
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await trio.sleep(2)
        await calls.order(uid, "record/stop")
        await trio.sleep(2)
        assert await calls.order(uid, "record/start") == (True, None)


async def test_a_recording_that_wavstream_ends_by_itself_leaves_the_call_ready_for_the_next(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        calls.recorder.made[0].stopped.set()
        await trio.sleep(2)
        live = calls.sessions.live(uid)
        assert live is not None
        assert live.recording_view() is None
        live.stop_recording(trio.current_time(), "stopped")  # there is none: nothing happens


async def test_the_next_recording_is_not_forgotten_when_the_last_one_is_finished(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        live = calls.sessions.live(uid)
        assert live is not None
        await calls.order(uid, "record/start")
        first = calls.recorder.made[0]
        first.heeding = False
        await trio.sleep(2)
        await calls.order(uid, "record/stop")
        await trio.sleep(2)
        await calls.order(uid, "record/start")
        first.stopped.set()
        await wait_all_tasks_blocked()
        assert live.recording_view() == {"recording_id": calls.recorder.made[1].order.recording_id}


async def test_a_recording_stopped_before_it_began_is_empty_and_not_negative(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await trio.sleep(10)
        await calls.order(uid, "record/start")
        live = calls.sessions.live(uid)
        assert live is not None
        live.stop_recording(5.0, "stopped")
        assert calls.recorder.made[0].stops == [(10, "stopped")]


async def test_a_recording_whose_wavstream_stays_away_is_given_up_after_a_day(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "FINISH_SECONDS", 100.0)
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        recording = calls.recorder.made[0]
        recording.heeding = False
        await trio.sleep(2)
        await calls.order(uid, "record/stop")
        await trio.sleep(99)
        assert recording.running
        await trio.sleep(2)
        assert not recording.running
        assert [how for how, *_ in calls.fate.ends] == ["follow"]


async def test_the_legs_stay_a_moment_for_the_end_of_a_recording_and_no_longer(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        live = calls.sessions.live(uid)
        assert live is not None
        (leg,) = live.legs
        await calls.order(uid, "record/start")
        recording = calls.recorder.made[0]
        recording.heeding = False
        await calls.order(uid, "hangup")
        await trio.sleep(1.9)  # the longest allowance is 1 s, the slowest beat 0.5 s
        assert leg.rtp._socket.fileno() >= 0
        await trio.sleep(0.2)
        assert leg.rtp._socket.fileno() < 0
        assert calls.sessions.live(uid) is live  # its recording is still on its way
        assert leg.rtp.address.port > 0
        recording.stopped.set()
        await wait_all_tasks_blocked()
        assert calls.sessions.live(uid) is None


async def test_what_breaks_in_a_leg_ends_its_call_and_no_other(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaking = trio.Event()
    original = RtpLeg.run

    async def run(leg: RtpLeg, **more: object) -> None:
        if leg is not victim:
            await original(leg)
        await breaking.wait()
        leg.close()
        raise ValueError("a bug in a leg")

    victim: RtpLeg | None = None
    monkeypatch.setattr(RtpLeg, "run", run)
    async with exchange(catalog) as calls:
        uid, other = await calls.call(), await calls.call()
        live = calls.sessions.live(uid)
        assert live is not None
        victim = live.legs[0].rtp
        await calls.order(uid, "record/start")
        await trio.sleep(1)
        breaking.set()
        await trio.sleep(1)
        assert calls.row(uid).cause == "error"
        assert calls.recordings(uid)[0].reason == "interrupted"
        assert calls.recorder.made[0].stops == [(1, "interrupted")]
        assert calls.names(uid) == ["call.new", "command.result", "call.hangup"]
        assert calls.row(other).state == "waiting"
        assert calls.sessions.live(other) is not None


async def test_a_call_ends_although_the_catalogue_cannot_be_told(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        catalog.broken = 1
        await calls.sessions.end(uid, "error")
        await wait_all_tasks_blocked()
        assert calls.sessions.live(uid) is None
        assert calls.row(uid).state == "waiting"  # the next start sets it right


async def test_a_call_ends_once_whoever_comes_first(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(calls.sessions.end, uid, "error")
            nursery.start_soon(calls.order, uid, "hangup")
        assert calls.names(uid).count("call.hangup") == 1


async def test_the_end_of_an_unknown_call_is_no_event(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        await calls.sessions.end("node1-nobody", "error")
        assert calls.names("node1-nobody") == []


async def test_a_call_that_is_over_takes_no_recording(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        live = calls.sessions.live(uid)
        assert live is not None
        live.hang_up(0.0, "hangup")
        order = Order(
            recording_id="r",
            command_uid="u",
            format=calls.recorder.format(live.legs),
            started=Moment(0.0, 0.0),
        )
        with pytest.raises(RuntimeError, match="the call is over"):
            live.record(order)


async def test_closing_hangs_up_every_call_and_waits_for_its_recording(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    calls = exchange_of(catalog, FakeRecorder())
    async with trio.open_nursery() as nursery:
        await nursery.start(calls.sessions.run)
        uids = [await calls.call() for _ in range(3)]
        await calls.order(uids[0], "record/start")
        await trio.sleep(1)
        await calls.sessions.close()
        with pytest.raises(ShuttingDownError):
            await calls.call()
    assert calls.sessions.count == 0
    assert [calls.row(uid).cause for uid in uids] == ["shutdown"] * 3
    assert calls.recordings(uids[0])[0].reason == "interrupted"
    assert [how for how, *_ in calls.fate.ends] == ["finish"]


async def test_a_call_registered_while_the_daemon_closes_is_refused_and_leaves_nothing_open(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = exchange_of(catalog, FakeRecorder())
    gate = trio.Event()
    original = catalog.run

    async def run(work: Callable[[Connection], object]) -> object:
        done = await original(work)
        await gate.wait()
        return done

    refused: list[str] = []

    async def call() -> None:
        try:
            await calls.call()
        except ShuttingDownError:
            refused.append("refused")

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as sessions:
            await sessions.start(calls.sessions.run)
            with monkeypatch.context() as patched:
                patched.setattr(catalog, "run", run)
                nursery.start_soon(call)
                await wait_all_tasks_blocked()
            await calls.sessions.close()
        gate.set()  # the sessions have ended by now
    assert refused == ["refused"]
    with catalog.transaction() as tx:
        rows = tx.exec_driver_sql("SELECT state, cause FROM sessions").all()
    assert [tuple(row) for row in rows] == [("ended", "shutdown")]


@pytest.mark.contract("webhook-outbox")
@pytest.mark.parametrize("steps", range(6))
async def test_cancelled_anywhere_a_call_is_there_with_its_event_or_not_at_all(
    autojump_clock: MockClock, catalog: InlineCatalog, tmp_path: Path, steps: int
) -> None:
    async with exchange(catalog) as calls:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(calls.call)
                for _ in range(steps):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
        with catalog.transaction() as tx:
            (rows,) = tx.exec_driver_sql("SELECT count(*) FROM sessions").one()
            (events,) = tx.exec_driver_sql("SELECT count(*) FROM outbox").one()
        assert rows == events == calls.sessions.count
