"""Every end of a call: its recording is announced once, with its reason, and can be downloaded."""

import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from daemon.client import Client, Session
from tests import web
from tests.end_to_end.house import PATIENCE_SECONDS, House, dump, opened, spoken_seconds
from tests.end_to_end.test_calls import speaking
from tests.end_to_end.test_idempotency import kept

SHORT_HOURS = "0.0004"
"""A second and a half."""

End = Callable[[House, Client, Session], Awaitable[None]]


async def stop(_house: House, client: Client, session: Session) -> None:
    await client.command(session.session_uuid, "record/stop")


async def hang_up(_house: House, client: Client, session: Session) -> None:
    await client.command(session.session_uuid, "hangup")


async def nothing(_house: House, _client: Client, _session: Session) -> None:
    """It ends by itself."""


async def kill(house: House, _client: Client, _session: Session) -> None:
    await house.end(house.daemon, signal.SIGKILL)
    await house.start_daemon()


async def tell_to_end(house: House, _client: Client, _session: Session) -> None:
    assert await house.end(house.daemon, signal.SIGTERM) == 0
    await house.start_daemon()


def events(house: House) -> list[dict[str, Any]]:
    """All that was ever stored for the application, in order."""
    return [
        json.loads(row.payload) for row in sorted(kept(house.folder, "outbox"), key=lambda row: row.sequence)
    ]


async def terminal(house: House) -> dict[str, Any]:
    """The recording's terminal event, once it is there."""
    with trio.fail_after(PATIENCE_SECONDS):
        while True:
            found = [each for each in events(house) if each["event"] == "recording.completed"]
            if found:
                return found[0]
            await trio.sleep(0.1)


@pytest.mark.contract(
    "stop-completed",
    "completed-recording-url",
    "hangup",
    "event-recording-completed",
    "event-call-hangup",
    "one-end",
    "recording-max-hours",
)
@pytest.mark.parametrize(
    ("end", "told", "reason", "cause"),
    [
        pytest.param(stop, {}, "stopped", None, id="record/stop"),
        pytest.param(hang_up, {}, "hangup", "hangup", id="hangup"),
        pytest.param(nothing, {"LEG_TIMEOUT_SECONDS": "1"}, "hangup", "leg_lost", id="the leg gone for good"),
        pytest.param(
            nothing, {"RECORDING_MAX_HOURS": SHORT_HOURS}, "interrupted", None, id="the limit of hours"
        ),
        pytest.param(kill, {}, "interrupted", "daemon_restarted", id="the daemon killed"),
        pytest.param(tell_to_end, {}, "interrupted", "shutdown", id="the daemon told to end"),
    ],
)
async def test_each_end_of_a_call_is_one_terminal_event_with_its_reason(
    tmp_path: Path, end: End, told: dict[str, str], reason: str, cause: str | None
) -> None:
    async with opened(tmp_path, WAVSTREAM_ORPHAN_SECONDS="1", **told) as house:
        async with house.application() as client:
            session = await client.create_session()
            await client.command(session.session_uuid, "record/start")
            async with speaking(session, spoken_seconds(2)):
                await trio.sleep(0.8)  # so that there is something to keep
            await end(house, client, session)
            event = await terminal(house)
        assert event["reason"] == reason, dump(house)
        async with web.client() as http:
            answer = await http.get(event["recording_url"])
        assert (answer.status_code, len(answer.content)) == (200, event["size"])
        said = events(house)
        names = [each["event"] for each in said]
        assert names.count("recording.completed") + names.count("recording.failed") == 1
        assert [each["cause"] for each in said if each["event"] == "call.hangup"] == (
            [cause] if cause else []
        )
        assert [each["sequence"] for each in said] == list(range(1, len(said) + 1))
