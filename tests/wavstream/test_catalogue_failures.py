"""A catalogue that fails for a while: no audio is lost by it, and nothing is announced without it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
from sqlalchemy import Connection

from storage.catalog import Catalog, CatalogError
from tests.wavstream.clients import audio, client, close, exchange, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server
from wavstream import finisher, registration
from wavstream.chunks import HEADER_BYTES
from wavstream.protocol import Completed, Error, Ready

SECOND = bytes(range(250)) * 64


class Outage:
    """While `lasts`, no transaction begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lasts = False
        self.refused = 0
        real = Catalog.transaction
        outage = self

        @contextmanager
        def transaction(catalog: Catalog) -> Iterator[Connection]:
            if outage.lasts:
                outage.refused += 1
                raise CatalogError("away")
            with real(catalog) as tx:
                yield tx

        monkeypatch.setattr(Catalog, "transaction", transaction)

    async def met(self, times: int) -> None:
        """Wait until that many transactions have failed."""
        with trio.fail_after(BOUND_SECONDS):
            while self.refused < times:  # noqa: ASYNC110 - counted in threads
                await trio.sleep(0.01)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    monkeypatch.setattr(registration, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(finisher, "_RETRY_SECONDS", (0.02,))
    return Outage(monkeypatch)


async def test_a_switchs_call_is_recorded_without_the_catalogue_and_announced_with_it(
    server: Server, outage: Outage
) -> None:
    outage.lasts = True
    request = upgrade("/ws") + text("call") + audio(SECOND) + close()
    await exchange(server.listening.ingest, [request])
    await outage.met(6)
    outage.lasts = False
    [row] = await server.ended(1)
    assert (row["name"], row["state"], row["duration"]) == ("call", "completed", 1.0)
    assert server.file(row).read_bytes()[HEADER_BYTES:] == SECOND


async def test_a_client_is_told_to_come_back(
    server: Server, outage: Outage, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavstream.ingest.resumable.READY_SECONDS", 0.1)
    outage.lasts = True
    async with client(server) as talk:
        answer = await talk.start("recording-1")
        assert isinstance(answer, Error)
        assert answer.code == "unavailable"
    outage.lasts = False
    async with client(server) as talk:
        assert await talk.start("recording-1") == Ready(offset=0)
    assert "cannot look up a recording" in [each["event"] for each in logged]


async def test_a_new_recording_is_ready_only_when_the_catalogue_knows_it(
    server: Server, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavstream.ingest.resumable.READY_SECONDS", 0.2)
    real = Catalog.run

    async def looked_up(catalog: Catalog, work: Any) -> Any:
        found = await real(catalog, work)
        outage.lasts = True  # from the look-up on
        return found

    monkeypatch.setattr(Catalog, "run", looked_up)
    async with client(server) as talk:
        answer = await talk.start("recording-1")
        assert isinstance(answer, Error)
        assert answer.code == "unavailable"


async def test_completed_waits_for_the_catalogue(server: Server, outage: Outage) -> None:
    async with client(server) as talk:
        await talk.start("recording-1")
        await talk.audio(SECOND)
        await talk.acknowledged(16_000)
        outage.lasts = True
        async with trio.open_nursery() as nursery:

            async def recover() -> None:
                await outage.met(3)
                outage.lasts = False

            nursery.start_soon(recover)
            done = await talk.stop(16_000)
    assert isinstance(done, Completed)
    assert (await server.http.get(done.url)).content[HEADER_BYTES:] == SECOND


async def test_http_says_that_the_catalogue_is_away(server: Server, outage: Outage) -> None:
    outage.lasts = True
    for path in ("/ready", "/v1/recordings", "/v1/recordings/recording-1", f"/recordings/{'0' * 32}.wav"):
        answer = await server.http.get(path)
        assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert (await server.http.get("/health")).status_code == 200
