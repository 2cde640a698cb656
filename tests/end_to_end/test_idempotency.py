"""One command given hundreds of times at once, to a daemon that is killed meanwhile, is one command."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from storage import schema
from storage.catalog import Catalog
from tests.end_to_end.house import PATIENCE_SECONDS, House, opened

REPEATS = 200
BODY = {"command_uid": "only-once"}


class Crowd:
    """Many clients, each with a connection of its own, that give the same command."""

    def __init__(
        self, house: House, path: str, headers: dict[str, str], *, first: Callable[[], None] = lambda: None
    ) -> None:
        self._house = house
        self._path = path
        self._headers = headers
        self.answers: list[dict[str, Any]] = []
        self.failed = 0
        self._first = first
        """Called with the first answer, before anything else can happen."""

    async def __call__(self) -> None:
        """All of them, at once."""
        limits = httpx.Limits(max_connections=REPEATS)
        async with (
            httpx.AsyncClient(
                base_url=f"http://{self._house.api}",
                headers=self._headers,
                limits=limits,
                timeout=PATIENCE_SECONDS,
                trust_env=False,
            ) as http,
            trio.open_nursery() as nursery,
        ):
            for _ in range(REPEATS):
                nursery.start_soon(self._one, http)

    async def _one(self, http: httpx.AsyncClient) -> None:
        try:
            answer = await http.post(self._path, json=BODY)
        except httpx.TransportError:
            self.failed += 1
            return
        assert answer.status_code == 202, answer.text
        self.answers.append(answer.json())
        if len(self.answers) == 1:
            self._first()


def kept(folder: Path, table: str) -> list[Any]:
    """All rows of a table of the daemon's catalogue."""
    catalog = Catalog.open(f"sqlite:///{folder}/daemon.db")
    with catalog.transaction() as tx:
        rows = list(tx.execute(schema.metadata.tables[table].select()))
    catalog.close()
    return rows


@pytest.mark.contract("idempotency")
async def test_four_hundred_repeats_around_a_sudden_death_are_one_recording_and_one_answer(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, WAVSTREAM_ORPHAN_SECONDS="1") as house:
        async with house.application() as client:
            headers = client.headers
            session = await client.create_session()
            path = f"/api/v1/sessions/{session.session_uuid}/commands/record/start"
            before = Crowd(house, path, headers, first=lambda: house.daemon.signal(signal.SIGKILL))
            await before()
            with trio.fail_after(PATIENCE_SECONDS):
                await house.daemon.ended.wait()
        await house.start_daemon()
        after = Crowd(house, path, headers)
        await after()

        assert len(before.answers) + before.failed == REPEATS
        assert before.failed > 0, "the daemon was killed after the last answer"
        assert len(after.answers) == REPEATS
        [answer] = {json.dumps(each, sort_keys=True) for each in before.answers + after.answers}
        assert json.loads(answer)["command_uid"] == "only-once"
        assert [row.command_uid for row in kept(tmp_path, "call_recordings")] == ["only-once"]
        [command] = kept(tmp_path, "commands")
        assert (command.success, command.operation_id) == (True, json.loads(answer)["operation_id"])
        events = [row.event for row in kept(tmp_path, "outbox")]
        assert events.count("command.result") == 1
        await house.logged("recording settled", recording=kept(tmp_path, "call_recordings")[0].recording_id)
        events = [row.event for row in kept(tmp_path, "outbox")]
        assert events.count("recording.completed") + events.count("recording.failed") == 1
