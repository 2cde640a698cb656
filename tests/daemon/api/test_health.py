"""What a supervisor asks: alive, able to record, counts."""

import math
import sqlite3
from pathlib import Path

import pytest
import trio

from daemon import counting
from tests.daemon.api.test_guard import refused
from tests.daemon.running import BOUND_SECONDS, Daemon, both, running, speak
from tests.daemon.webhooks.receiver import Receiver, receiving


@pytest.mark.contract("health")
async def test_a_daemon_with_its_wavstream_is_able_to_record(tmp_path: Path) -> None:
    async with both(tmp_path) as (daemon, _), daemon.client() as http:
        assert (await http.get("/health")).json() == {"status": "ok"}
        ready = await http.get("/ready")
        assert ready.status_code == 200
        assert ready.json() == {"status": "ok"}


async def test_without_one_it_is_alive_and_not_able(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.client() as http:
        assert (await http.get("/health")).status_code == 200
        assert refused(await http.get("/ready"), 503) == "wavstream does not answer"


async def test_without_wavstream_url_it_is_not_able(tmp_path: Path) -> None:
    async with running(tmp_path, wavstream_url=None) as daemon, daemon.client() as http:
        assert refused(await http.get("/ready"), 503) == "WAVSTREAM_URL is not set"


async def test_every_obstacle_is_named(tmp_path: Path) -> None:
    async with (
        running(tmp_path, wavstream_url=None, disk_free_mb=10**9) as daemon,
        daemon.client() as http,
    ):
        words = refused(await http.get("/ready"), 503)
        assert "WAVSTREAM_URL is not set" in words
        assert "DISK_FREE_MB asks for 1000000000" in words  # a million GB


@pytest.mark.contract("health")
async def test_requests_are_counted_by_status_and_calls_while_they_live(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        await shop.call()
        await shop.http.get("/nowhere")
        answer = await shop.http.get("/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = answer.text.splitlines()
        assert "wavstream_daemon_sessions_live 1.0" in lines
        assert 'wavstream_daemon_requests_total{status="201"} 1.0' in lines
        assert 'wavstream_daemon_requests_total{status="404"} 1.0' in lines


async def metrics(daemon: Daemon) -> dict[str, float]:
    """What the daemon counts: name and labels, and the value."""
    async with daemon.client() as http:
        answer = await http.get("/metrics")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def counted(found: dict[str, float], name: str) -> dict[str, float]:
    """The values of one of them by their labels, without those that are 0."""
    whole = f"wavstream_daemon_{name}"
    return {key.removeprefix(whole): value for key, value in found.items() if key.startswith(whole) and value}


async def test_commands_recordings_and_webhooks_are_counted_by_what_came_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "KEPT_SECONDS", 0.0)
    async with (
        receiving() as receiver,
        both(tmp_path) as (daemon, _),
        daemon.application(webhook_url=receiver.url) as shop,
    ):
        view = await shop.created()
        session = view["session_uuid"]
        for _ in range(2):  # the second one is a repeat
            await shop.command(session, "record/start", command_uid="u1")
        speak(view)
        assert counted(await metrics(daemon), "recordings_live") == {'{state="recording"}': 1}
        refused(await shop.command(session, "record/stop"), 429)
        await shop.command(session, "hangup")
        await shop.recording(session, "completed")
        await shop.command(session, "hangup")  # there is nothing more to hang up
        await until_taken(receiver, 6)
        # A delivery is counted after it is no longer pending. call.new, three command.result, call.hangup,
        # recording.completed:
        all_six = {'{outcome="delivered"}': 6.0}
        with trio.fail_after(BOUND_SECONDS):
            while counted(found := await metrics(daemon), "webhooks_total") != all_six:  # noqa: ASYNC110 - no event
                await trio.sleep(0.02)
    assert counted(found, "webhooks_pending") == {}
    assert counted(found, "commands_total") == {
        '{command="record/start",outcome="done"}': 1,
        '{command="hangup",outcome="done"}': 1,
        '{command="hangup",outcome="failed"}': 1,
    }
    assert counted(found, "requests_refused_total") == {'{limit="cooldown"}': 1}
    assert counted(found, "recordings_ended_total") == {'{reason="hangup",state="completed"}': 1}
    assert counted(found, "audio_lost_seconds_total") == {}


async def until_taken(receiver: Receiver, count: int) -> None:
    with trio.fail_after(BOUND_SECONDS):
        while len(receiver.taken) < count:  # noqa: ASYNC110 - the receiver has no event to wait for
            await trio.sleep(0.01)


async def test_what_waits_for_a_receiver_is_counted_with_its_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "KEPT_SECONDS", 0.0)
    failed = {'{outcome="failed"}': 1.0}
    busy = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nretry-after: 3600\r\n\r\n"
    async with (
        receiving(busy) as receiver,
        running(tmp_path) as daemon,
        daemon.application(webhook_url=receiver.url) as shop,
    ):
        await shop.call()
        with trio.fail_after(BOUND_SECONDS):
            while counted(found := await metrics(daemon), "webhooks_total") != failed:  # noqa: ASYNC110 - no event
                await trio.sleep(0.02)
    assert counted(found, "webhooks_pending") == {"": 1}
    [age] = counted(found, "webhooks_oldest_pending_seconds").values()
    assert 0 < age < BOUND_SECONDS


async def test_refusals_are_counted_by_the_limit_they_hit(tmp_path: Path) -> None:
    async with running(tmp_path, unknown_rate_limit=1, rate_limit=1) as daemon:
        async with daemon.client() as anybody:
            for status in (400, 429, 429):
                refused(await anybody.get("/api/v1/sessions"), status)
        found = await metrics(daemon)
    assert counted(found, "requests_refused_total") == {'{limit="address"}': 2}


async def test_without_the_catalogue_the_other_metrics_are_shown_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(counting, "ANSWER_SECONDS", 0.05)
    async with running(tmp_path) as daemon:
        other = sqlite3.connect(tmp_path / "daemon.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        found = await metrics(daemon)
        other.execute("ROLLBACK")
        other.close()
    assert math.isnan(found["wavstream_daemon_webhooks_pending"])
    assert math.isnan(found['wavstream_daemon_recordings_live{state="recording"}'])
    assert found["wavstream_daemon_sessions_live"] == 0
