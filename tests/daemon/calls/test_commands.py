"""What commands come to: decided and stored at once, done once, whoever repeats them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from daemon.calls.commands import (
    HEAVY,
    CooldownError,
    ForeignSessionError,
    NoWavstreamError,
    UnknownCommandError,
    UnknownSessionError,
)
from daemon.calls.plans import MOST_FINISHING
from daemon.calls.sessions import ShuttingDownError
from daemon.node import new_session_uuid
from storage.catalog import CatalogError
from storage.commands import Command
from tests.daemon.exchange import FakeRecorder, exchange
from tests.daemon.inline import InlineCatalog

COOLED = 2.0
"""Between two commands of the heavy group."""


@pytest.mark.contract("start-result", "stop-result")
async def test_start_and_stop_are_stored_with_their_events_and_done(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call(caller_id="+49 30 1", did="100")
        await trio.sleep(10)
        assert await calls.order(uid, "record/start", "start-1") == (True, None)
        (row,) = calls.recordings(uid)
        assert (row.state, row.command_uid, row.encoding, row.sample_rate) == (
            "recording",
            "start-1",
            "pcm16",
            8000,
        )
        assert row.started_at == 1_000_010
        (recording,) = calls.recorder.made
        assert recording.order.started.monotonic == 10
        assert recording.about == {"session_uuid": uid, "caller_id": "+49 30 1", "did": "100"}
        await trio.sleep(5)
        assert await calls.order(uid, "record/stop", "stop-1") == (True, None)
        (row,) = calls.recordings(uid)
        assert (row.state, row.reason, row.stopped_at) == ("finishing", "stopped", 1_000_015)
        assert recording.stops == [(15, "stopped")]
        await wait_all_tasks_blocked()
        assert [end[:2] for end in calls.fate.ends] == [("finish", row.recording_id)]
        assert calls.names(uid) == ["call.new", "command.result", "command.result"]
        result = calls.events(uid)[1]
        assert (result["command"], result["command_uid"], result["success"]) == (
            "record/start",
            "start-1",
            True,
        )
        assert "error" not in result


async def test_a_command_without_a_uid_is_given_one(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        taken = await calls.commands.execute(calls.request(uid, "record/start"))
        assert uuid.UUID(taken.command_uid).version == 4
        assert uuid.UUID(taken.operation_id).version == 4
        assert calls.recordings(uid)[0].command_uid == taken.command_uid


@pytest.mark.contract("senseless-command", "event-command-result")
async def test_commands_that_contradict_the_calls_state_are_answered_with_the_reason(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        expected = [
            ("record/stop", "the call is not being recorded"),
            ("record/start", None),
            ("record/start", "the call is being recorded already"),
            ("record/stop", None),
            ("record/stop", "the call is not being recorded"),
            ("hangup", None),
            ("hangup", "the call has ended"),
            ("record/start", "the call has ended"),
            ("record/stop", "the call has ended"),
        ]
        for command, error in expected:
            assert await calls.order(uid, command) == (error is None, error)
            await trio.sleep(COOLED)
        results = [event for event in calls.events(uid) if event["event"] == "command.result"]
        assert [(event["command"], event.get("error")) for event in results] == expected
        assert len(calls.recorder.made) == 1


async def test_after_a_stop_the_call_can_be_recorded_again(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        for command in ("record/start", "record/stop", "record/start"):
            await trio.sleep(COOLED)
            assert await calls.order(uid, command) == (True, None)
        assert [row.state for row in calls.recordings(uid)] == ["recording", "finishing"]


async def test_a_call_whose_recordings_pile_up_before_wavstream_takes_no_more_of_them(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        for _ in range(MOST_FINISHING):
            await calls.order(uid, "record/start")
            await trio.sleep(COOLED)
            await calls.order(uid, "record/stop")
            await trio.sleep(COOLED)
        success, error = await calls.order(uid, "record/start")
        assert not success
        assert error == "earlier recordings of the call still wait for wavstream"


@pytest.mark.contract("hangup")
async def test_a_hangup_ends_the_call_and_its_recording(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await trio.sleep(1)
        assert await calls.order(uid, "hangup") == (True, None)
        assert calls.recorder.made[0].stops == [(1, "hangup")]
        assert calls.recordings(uid)[0].reason == "hangup"
        row = calls.row(uid)
        assert (row.state, row.cause, row.ended_at) == ("ended", "hangup", 1_000_001)
        assert calls.names(uid) == ["call.new", "command.result", "command.result", "call.hangup"]
        await trio.sleep(1)
        assert calls.sessions.live(uid) is None


async def test_what_is_refused_changes_nothing(autojump_clock: MockClock, catalog: InlineCatalog) -> None:
    async with exchange(catalog, FakeRecorder(can_record=False)) as calls:
        uid = await calls.call()
        stranger = calls.request(uid, "hangup", app_id="stranger")
        refused = [
            (calls.request(uid, "play_and_get_digits"), UnknownCommandError),
            (calls.request(uid, "record/dance"), UnknownCommandError),
            (calls.request(new_session_uuid("node1"), "hangup"), UnknownSessionError),
            (stranger, ForeignSessionError),
            (calls.request(uid, "record/start"), NoWavstreamError),
        ]
        for request, error in refused:
            with pytest.raises(error):
                await calls.commands.execute(request)
        assert calls.names(uid) == ["call.new"]
        # 503 is for record/start alone, and was not charged.
        assert await calls.order(uid, "record/stop") == (False, "the call is not being recorded")


@pytest.mark.contract("heavy-group", "cooldown")
async def test_the_heavy_group_shares_one_cooldown_which_a_refused_command_does_not_extend(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    assert {"record/start", "record/stop", "play_and_get_digits"} == HEAVY
    async with exchange(catalog) as calls:
        uid, other = await calls.call(), await calls.call()
        await calls.order(uid, "record/start")
        for _ in range(19):
            await trio.sleep(0.1)
            with pytest.raises(CooldownError) as early:
                await calls.order(uid, "record/stop")
            assert early.value.seconds == pytest.approx(2 - trio.current_time())
        assert await calls.order(other, "record/start") == (True, None)  # each session has its own
        await trio.sleep(0.1)
        assert await calls.order(uid, "record/stop") == (True, None)


async def test_a_hangup_is_in_no_cooldown(autojump_clock: MockClock, catalog: InlineCatalog) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        assert await calls.order(uid, "hangup") == (True, None)


@pytest.mark.contract("idempotency")
async def test_a_repeat_gets_the_first_answer_does_nothing_and_is_not_charged(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        request = calls.request(uid, "record/start", "once")
        first = await calls.commands.execute(request)
        await trio.sleep(1)
        assert await calls.commands.execute(request) == first  # also within the cooldown
        await trio.sleep(1)
        for _ in range(3):
            assert await calls.commands.execute(request) == first
        assert await calls.order(uid, "record/stop") == (True, None)
        assert len(calls.recorder.made) == 1
        assert calls.names(uid) == ["call.new", "command.result", "command.result"]


@pytest.mark.contract("idempotency")
async def test_a_uid_is_a_key_for_one_command_of_one_session(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid, other = await calls.call(), await calls.call()
        for session in (uid, other):
            assert await calls.order(session, "record/start", "same") == (True, None)
        await trio.sleep(COOLED)
        assert await calls.order(uid, "record/stop", "same") == (True, None)


async def test_repeats_at_the_same_time_get_one_answer_and_have_one_effect(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        answers: list[Command] = []

        async def repeat() -> None:
            answers.append(await calls.commands.execute(calls.request(uid, "record/start", "once")))

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(repeat)
        assert len(answers) == 50
        assert len(set(answers)) == 1
        assert len(calls.recorder.made) == 1
        assert calls.names(uid) == ["call.new", "command.result"]


async def test_a_repeat_after_a_restart_gets_the_first_answer_again(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        first = await calls.commands.execute(calls.request(uid, "record/start", "once"))
    async with exchange(catalog, FakeRecorder(can_record=False)) as calls:
        assert await calls.commands.execute(calls.request(uid, "record/start", "once")) == first
        assert calls.recorder.made == []
        # Another one finds the call gone, before the start that would end it in the catalogue.
        assert await calls.order(uid, "hangup") == (True, None)


async def test_a_call_that_no_process_has_any_more_cannot_be_recorded(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
    async with exchange(catalog) as calls:
        assert await calls.order(uid, "record/start") == (False, "the call has ended")


async def test_a_catalogue_that_fails_leaves_nothing_done_and_nothing_charged(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        catalog.broken = 1
        with pytest.raises(CatalogError):
            await calls.order(uid, "record/start")
        assert calls.recorder.made == []
        assert await calls.order(uid, "record/start") == (True, None)


async def test_a_daemon_that_is_about_to_end_takes_no_commands(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.sessions.close()
        with pytest.raises(ShuttingDownError):
            await calls.order(uid, "hangup")


def hanging(catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the catalogue wait before each transaction, as for its turn; returns what ends that."""
    gate = trio.Event()
    original = catalog.run

    async def run(work: object) -> object:
        await gate.wait()
        return await original(work)  # type: ignore[arg-type]

    monkeypatch.setattr(catalog, "run", run)
    return gate.set


async def test_a_command_that_is_cancelled_while_it_waits_is_not_taken_at_all(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        go_on = hanging(catalog, monkeypatch)
        async with trio.open_nursery() as nursery:
            for _ in range(3):  # the first waits for the catalogue, the others for it
                nursery.start_soon(calls.order, uid, "record/start", "once")
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        go_on()
        assert calls.recorder.made == []
        assert calls.names(uid) == ["call.new"]
        assert await calls.order(uid, "record/start", "once") == (True, None)


async def test_a_command_whose_client_leaves_during_the_transaction_is_done_all_the_same(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        scope = trio.CancelScope()
        original = catalog.transaction

        def leave() -> object:
            scope.cancel()
            return original()

        with monkeypatch.context() as patched:
            patched.setattr(catalog, "transaction", leave)
            with scope:
                await calls.order(uid, "record/start", "once")
        assert calls.names(uid) == ["call.new", "command.result"]
        assert len(calls.recorder.made) == 1


async def test_a_call_may_not_pile_up_recordings_that_wait_for_wavstream(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        for _ in range(MOST_FINISHING):  # nobody marks them as completed: wavstream is away
            assert await calls.order(uid, "record/start") == (True, None)
            await trio.sleep(COOLED)
            assert await calls.order(uid, "record/stop") == (True, None)
            await trio.sleep(COOLED)
        words = "earlier recordings of the call still wait for wavstream"
        assert await calls.order(uid, "record/start") == (False, words)
        assert len(calls.recorder.made) == MOST_FINISHING


@pytest.mark.contract("record-pause")
async def test_pause_and_resume_are_stored_in_seconds_of_the_recording_and_done(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        expected = [
            ("record/pause", "the call is not being recorded"),
            ("record/resume", "the call is not being recorded"),
            ("record/start", None),
            ("record/resume", "the recording is not paused"),
            ("record/pause", None),
            ("record/pause", "the recording is paused already"),
            ("record/resume", None),
            ("record/resume", "the recording is not paused"),
            ("record/pause", None),
            ("record/stop", None),
            ("record/resume", "the call is not being recorded"),
            ("hangup", None),
            ("record/pause", "the call has ended"),
        ]
        for command, error in expected:
            assert await calls.order(uid, command) == (error is None, error)
            await trio.sleep(COOLED)
        (row,) = calls.recordings(uid)
        assert row.pauses == [[4.0, 8.0], [12.0, None]]  # it began with the third command, two seconds each
        (recording,) = calls.recorder.made
        assert recording.masked == [(8.0, True), (12.0, False), (16.0, True)]
        results = [event for event in calls.events(uid) if event["event"] == "command.result"]
        assert [(event["command"], event.get("error")) for event in results] == expected


@pytest.mark.parametrize("command", ["record/pause", "record/stop", "hangup"])
async def test_while_a_command_is_being_stored_nothing_leaves_the_recording_that_it_is_about(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Its disk may be slow, and what is spoken meanwhile is to be hidden, or is behind the end."""
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await trio.sleep(COOLED)
        (recording,) = calls.recorder.made
        run, held = catalog.run, []

        async def slow(work: Any) -> Any:
            await trio.sleep(2)
            held.append(list(recording.held))
            return await run(work)

        monkeypatch.setattr(catalog, "run", slow)
        taken = trio.current_time()
        assert await calls.order(uid, command) == (True, None)
        assert held[0] == [taken]
        assert recording.held == []


async def test_a_pause_ends_as_its_end_is_asked_for_and_goes_on_where_that_cannot_be_stored(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes while the disk is slow is heard: masked, it could not be had back."""
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        await calls.order(uid, "record/pause")
        (recording,) = calls.recorder.made
        catalog.broken = 1
        await trio.sleep(1)
        with pytest.raises(CatalogError):
            await calls.order(uid, "record/resume")
        assert recording.masked == [(0.0, True), (1.0, False), (1.0, True)]
        run, seen = catalog.run, []

        async def slow(work: Any) -> Any:
            seen.append((recording.masked[-1], list(recording.held)))
            await trio.sleep(2)
            return await run(work)

        monkeypatch.setattr(catalog, "run", slow)
        await trio.sleep(1)
        assert await calls.order(uid, "record/resume") == (True, None)
        assert seen[0] == ((2.0, False), [2.0])
        assert recording.masked[3:] == [(2.0, False)]


async def test_pauses_share_no_cooldown_with_the_heavy_commands_and_repeat_as_all_do(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        request = calls.request(uid, "record/pause", "p-1")
        first = await calls.commands.execute(request)
        assert first.success
        assert await calls.order(uid, "record/resume") == (True, None)
        assert await calls.commands.execute(request) == first
        assert calls.recorder.made[0].masked == [(0.0, True), (0.0, False)]
        await trio.sleep(COOLED)
        assert await calls.order(uid, "record/stop") == (True, None)


async def test_a_recording_is_paused_so_often_and_no_oftener(
    autojump_clock: MockClock, catalog: InlineCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.calls.plans.MOST_PAUSES", 2)
    async with exchange(catalog) as calls:
        uid = await calls.call()
        await calls.order(uid, "record/start")
        for _ in range(2):
            assert (await calls.order(uid, "record/pause"))[0]
            assert (await calls.order(uid, "record/resume"))[0]
        success, error = await calls.order(uid, "record/pause")
        assert not success
        assert error is not None
        assert "paused 2 times" in error


async def test_a_hangup_keeps_what_the_legs_had_received(
    autojump_clock: MockClock, catalog: InlineCatalog
) -> None:
    async with exchange(catalog) as calls:
        uid = await calls.call(legs=2)
        await calls.order(uid, "hangup")
        heard = calls.row(uid).heard
        assert heard is not None
        assert [(leg["leg"], leg["kind"], leg["packets"]) for leg in heard] == [
            ("caller", "rtp", 0),
            ("callee", "rtp", 0),
        ]
