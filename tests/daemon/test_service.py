"""The daemon as a whole: its events as a receiver sees them, its ends, what it finds when it comes back."""

import gc
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from daemon import service
from daemon.calls import completion
from daemon.demo.receiver import Received, Receiver
from daemon.service import serve
from storage.catalog import CatalogError
from tests.daemon.running import (
    BOUND_SECONDS,
    Application,
    Daemon,
    both,
    killable,
    recording_to,
    running,
    settings,
    speak,
)
from tests.wavstream import servers
from wavstream.chunks import HEADER_BYTES
from wavstream.process.lock import DataDirError

pytestmark = pytest.mark.usefixtures("cheap_keys")


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that takes nothing whose signature is wrong."""
    receiver = Receiver()
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            await nursery.start(receiver.run)
            yield receiver
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def subscribed(daemon: Daemon, receiver: Receiver) -> AsyncIterator[Application]:
    """An application whose webhooks go to the receiver."""
    async with daemon.application(webhook_url=receiver.url) as shop:
        if shop.webhook_secret is not None:
            receiver.trust(shop.webhook_secret)
        yield shop


def told(receiver: Receiver) -> list[tuple[int, str]]:
    return [(each.fields["sequence"], each.event) for each in receiver.received]


async def kept(shop: Application, session: str) -> None:
    """Wait until wavstream has some of the recording."""
    await shop.until(session, lambda view: (view["recording"] or {}).get("kept", 0) > 0)


@pytest.mark.contract(
    "start-result",
    "completed-recording-url",
    "completed-duration",
    "url-valid-at-once",
    "event-call-new",
    "event-command-result",
    "event-call-hangup",
)
async def test_a_recorded_call_is_told_event_by_event_in_its_order(tmp_path: Path) -> None:
    async with (
        both(tmp_path) as (daemon, server),
        receiving() as receiver,
        subscribed(daemon, receiver) as shop,
    ):
        created = await shop.created(caller_id="+49 30 1")
        session = created["session_uuid"]
        speak(created, packets=5)
        start = await shop.command(session, "record/start", command_uid="start-1")
        await kept(shop, session)
        await shop.command(session, "record/start", command_uid="start-1")  # a repeat: no event
        await shop.command(session, "hangup")
        completed = await receiver.wait_for("recording.completed")
        # From this moment on the URL is guaranteed, to anybody.
        file = await server.http.get(completed.fields["recording_url"])
        assert file.status_code == 200
        assert len(file.content) == completed.fields["size"]
        hangup = await receiver.wait_for("call.hangup")
    assert told(receiver) == [
        (1, "call.new"),
        (2, "command.result"),
        (3, "command.result"),
        (4, "call.hangup"),
        (5, "recording.completed"),
    ]
    assert receiver.refused == 0
    new, result = receiver.received[0].fields, receiver.received[1].fields
    assert new == {
        "event": "call.new",
        "session_uuid": session,
        "sequence": 1,
        "caller_id": "+49 30 1",
        "did": None,
    }
    assert result["operation_id"] == start.json()["operation_id"]
    assert (result["command"], result["success"]) == ("record/start", True)
    assert hangup.fields["cause"] == "hangup"
    assert (completed.fields["command_uid"], completed.fields["reason"]) == ("start-1", "hangup")
    assert completed.fields["duration"] == pytest.approx((completed.fields["size"] - HEADER_BYTES) / 16000)


@pytest.mark.contract("senseless-command")
async def test_a_contradiction_is_told_with_its_reason(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, receiving() as receiver, subscribed(daemon, receiver) as shop:
        session = await shop.call()
        await shop.command(session, "record/stop", command_uid="stop-1")
        result = await receiver.wait_for("command.result")
    assert (result.fields["success"], result.fields["error"]) == (False, "the call is not being recorded")


@pytest.mark.contract(
    "stop-completed",
    "completed-event",
    "completed-session-uuid",
    "completed-duration",
    "completed-command-uid",
    "url-retention",
)
async def test_a_stopped_recording_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.calls.cooldown.Cooldown.remaining", lambda *_args: 0.0)
    async with (
        both(tmp_path) as (daemon, _),
        receiving() as receiver,
        subscribed(daemon, receiver) as shop,
    ):
        session = await shop.call()
        before = time.time()
        await shop.command(session, "record/start", command_uid="start-1")
        await kept(shop, session)
        await shop.command(session, "record/stop")
        completed = await receiver.wait_for("recording.completed")
        assert completed.fields["reason"] == "stopped"
        # The five fields of the source document.
        assert completed.fields["event"] == "recording.completed"
        assert completed.fields["session_uuid"] == session
        assert completed.fields["recording_url"].startswith("http://")
        assert type(completed.fields["duration"]) is float
        assert completed.fields["command_uid"] == "start-1"
        # 24 hours from the stop: 86 400 s, and what the test took.
        assert 0 < completed.fields["expires_at"] - before - 86_400 < BOUND_SECONDS
        assert (await shop.show(session))["state"] == "waiting"  # the call goes on


@pytest.mark.contract("webhook-url-answers")
async def test_the_event_waits_for_a_wavstream_that_is_away_and_leaves_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told to end with its call: wavstream's HTTP is what is away, and then there again."""
    monkeypatch.setattr(completion, "LONGEST_PAUSE_SECONDS", 0.1)
    away = True
    original = httpx.AsyncClient.send

    async def send(client: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
        if away and request.url.path.startswith("/recordings/"):
            asked.set()
            raise httpx.ConnectError("away")
        return await original(client, request, **more)

    asked = trio.Event()
    async with (
        both(tmp_path) as (daemon, _),
        receiving() as receiver,
        subscribed(daemon, receiver) as shop,
    ):
        session = await shop.call()
        await shop.command(session, "record/start")
        await kept(shop, session)
        monkeypatch.setattr(httpx.AsyncClient, "send", send)
        await shop.command(session, "hangup")
        await asked.wait()
        await receiver.wait_for("call.hangup")
        assert (await shop.show(session))["recording"]["state"] == "finishing"
        assert "recording.completed" not in [each.event for each in receiver.received]
        away = False
        completed = await receiver.wait_for("recording.completed")
        assert completed.fields["sequence"] == 5


async def test_a_daemon_told_to_end_finishes_its_recordings_and_tells_of_them(tmp_path: Path) -> None:
    async with receiving() as receiver:
        async with both(tmp_path) as (daemon, _), subscribed(daemon, receiver) as shop:
            session = await shop.call()
            await shop.command(session, "record/start")
            await kept(shop, session)
        assert told(receiver)[2:] == [(3, "call.hangup"), (4, "recording.completed")]
        hangup, completed = receiver.received[2:]
        assert hangup.fields["cause"] == "shutdown"
        assert completed.fields["reason"] == "interrupted"


async def ends(receiver: Receiver) -> list[Received]:
    """The terminal events of the recording that a dead daemon left behind."""
    await receiver.wait_for("call.hangup")
    return [each for each in receiver.received if each.event.startswith("recording.")]


@pytest.mark.contract("completed-command-uid")
async def test_after_a_crash_the_recording_has_exactly_one_end(tmp_path: Path) -> None:
    async with (
        servers.running(tmp_path / "wavstream", wavstream_orphan_seconds=0.2) as server,
        receiving() as receiver,
    ):
        told_to = recording_to(server)
        async with (
            killable(tmp_path / "daemon", **told_to) as daemon,
            subscribed(daemon, receiver) as shop,
        ):
            session = await shop.call()
            first = await shop.command(session, "record/start", command_uid="start-1")
            await kept(shop, session)
        async with running(tmp_path / "daemon", **told_to) as daemon, subscribed(daemon, receiver) as shop:
            recording = await shop.recording(session, "completed")
            completed = await receiver.wait_for("recording.completed")
            again = await shop.command(session, "record/start", command_uid="start-1")
            assert again.json() == first.json()
        async with running(tmp_path / "daemon", **told_to) as daemon, subscribed(daemon, receiver) as shop:
            assert (await shop.show(session))["recording"] == recording  # nothing was left to do
        assert len(await ends(receiver)) == 1
        assert completed.fields["reason"] == "interrupted"
        assert completed.fields["command_uid"] == "start-1"
        assert completed.fields["recording_url"] == recording["recording_url"]
        assert (completed.fields["quality"], completed.fields["no_audio"]) == (None, None)  # nobody knows
        hangup = await receiver.wait_for("call.hangup")
        assert hangup.fields["cause"] == "daemon_restarted"
        # Webhooks come at least once: by their sequence there are four, without a gap.
        assert max(told(receiver)) == (4, "recording.completed")
        assert sorted({sequence for sequence, _ in told(receiver)}) == [1, 2, 3, 4]
        (row,) = await server.recordings()
        assert row["recording_id"] == completed.fields["recording_id"]


@pytest.mark.contract("event-recording-failed")
async def test_after_a_crash_before_any_audio_arrived_the_recording_has_failed(tmp_path: Path) -> None:
    async with servers.running(tmp_path / "wavstream") as server, receiving() as receiver:
        told_to = recording_to(server)
        deaf = told_to | {"wavstream_url": "ws://127.0.0.1:9"}
        async with killable(tmp_path / "daemon", **deaf) as daemon, subscribed(daemon, receiver) as shop:
            session = await shop.call()
            await shop.command(session, "record/start", command_uid="start-1")
        async with running(tmp_path / "daemon", **told_to) as daemon, subscribed(daemon, receiver):
            failed = await receiver.wait_for("recording.failed")
        assert failed.fields["command_uid"] == "start-1"
        assert "none of its audio" in failed.fields["error"]
        assert len(await ends(receiver)) == 1


async def test_a_recording_that_finds_no_end_within_the_grace_is_followed_after_the_next_start(
    tmp_path: Path, short_drain: None
) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        await shop.command(session, "record/start")
        began = trio.current_time()
    assert trio.current_time() - began < 5
    async with running(tmp_path) as daemon, daemon.application() as shop:
        view = await shop.show(session)
        assert (view["state"], view["cause"]) == ("ended", "shutdown")
        assert (view["recording"]["state"], view["recording"]["reason"]) == ("finishing", "interrupted")


async def test_one_data_directory_has_one_daemon_at_a_time(tmp_path: Path) -> None:
    async with running(tmp_path):
        with pytest.raises(DataDirError, match="another wavstream daemon works there"):
            await serve(settings(tmp_path), stopping=trio.Event())
    async with running(tmp_path):
        pass


# Hypercorn leaves the socket that it could not bind to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
async def test_an_address_that_is_taken_is_an_error_and_leaves_the_directory_free(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.RaisesGroup(OSError, flatten_subgroups=True):
            await serve(settings(tmp_path, daemon_http=address), stopping=trio.Event())
    gc.collect()
    async with running(tmp_path):
        pass


async def test_a_catalogue_that_cannot_be_opened_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "daemon.db").write_text("this is no database, but it is long enough to be looked at")
    with pytest.raises(CatalogError, match="not a database"):
        await serve(settings(tmp_path), stopping=trio.Event())


async def test_a_daemon_told_to_end_before_its_first_call_ends(tmp_path: Path) -> None:
    stopping = trio.Event()
    stopping.set()
    with trio.fail_after(BOUND_SECONDS):
        await serve(settings(tmp_path), stopping=stopping)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.05, 0.1, 0.2])
async def test_cancelled_anywhere_in_its_start_it_can_start_again(tmp_path: Path, seconds: float) -> None:
    before = open_files()
    with trio.move_on_after(seconds):
        await serve(settings(tmp_path), stopping=trio.Event())
    assert open_files() <= before
    async with running(tmp_path) as daemon, daemon.application() as shop:
        await shop.call()


async def test_webhooks_that_were_not_taken_leave_after_the_next_start_with_the_same_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.webhooks.schedule.FIRST_SECONDS", 0.01)
    receiver = Receiver()
    async with (
        running(tmp_path) as daemon,
        daemon.application(webhook_url="http://127.0.0.1:9/hook") as shop,
    ):
        assert shop.webhook_secret is not None
        receiver.trust(shop.webhook_secret)
        session = await shop.call()
    assert receiver.received == []
    async with trio.open_nursery() as nursery:
        await nursery.start(receiver.run)
        async with running(tmp_path) as daemon, daemon.application(webhook_url=receiver.url):
            with trio.fail_after(BOUND_SECONDS):
                await receiver.wait_for("call.hangup")
        nursery.cancel_scope.cancel()
    assert told(receiver) == [(1, "call.new"), (2, "call.hangup")]
    assert receiver.received[0].fields["session_uuid"] == session


@pytest.mark.contract("listener-daemon-http")
async def test_ports_are_said_as_they_were_bound(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        assert daemon.listening.http.port > 0
        listening = daemon.listening
        assert listening.addresses() == {
            "http": str(listening.http),
            "audiosocket": str(listening.audiosocket),
            "media": str(listening.media),
        }


async def test_the_node_id_is_drawn_once_for_a_data_directory(tmp_path: Path) -> None:
    nodes: set[str] = set()
    for _ in range(2):
        async with running(tmp_path) as daemon, daemon.application() as shop:
            nodes.add((await shop.call())[:5])
    assert len(nodes) == 1


def test_every_grace_together_stays_below_that_of_the_program() -> None:
    from wavstream.process import http, lifecycle  # noqa: PLC0415 - here alone

    together = service.DRAIN_SECONDS + service.LAST_WEBHOOKS_SECONDS + http.GRACE_SECONDS
    assert together < lifecycle.GRACE_SECONDS
