"""What the daemon answers where a request is wrong, or the daemon itself is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from daemon.api import app as module
from daemon.api.bodies import MAX_BODY_BYTES
from daemon.calls.session import Session
from storage.catalog import Catalog, CatalogError
from tests.daemon.api.test_guard import refused
from tests.daemon.running import API_KEY, running


async def test_a_body_that_is_too_large_is_413_whether_or_not_its_length_was_told(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:  # noqa: ASYNC124 - httpx asks for one
        for _ in range(MAX_BODY_BYTES // 1024 + 1):
            yield b"x" * 1024

    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        for path in ("/api/v1/sessions", f"/api/v1/sessions/{session}/commands/record/start"):
            refused(await shop.http.post(path, content=b"x" * (MAX_BODY_BYTES + 1)), 413)
            refused(await shop.http.post(path, content=pieces()), 413)
        just_right = b'{"did": "1"' + b" " * (MAX_BODY_BYTES - 12) + b"}"
        assert len(just_right) == MAX_BODY_BYTES
        assert (await shop.http.post("/api/v1/sessions", content=just_right)).status_code == 201


async def test_a_body_that_does_not_come_is_408(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_SECONDS", 0.1)
    async with running(tmp_path) as daemon, daemon.application():
        address = daemon.listening.http
        request = (
            "POST /api/v1/sessions HTTP/1.1\r\nHost: daemon\r\nContent-Length: 10\r\n"
            f"X-App-ID: shop\r\nX-API-Key: {API_KEY}\r\n\r\n"
        )
        async with await trio.open_tcp_stream(address.host, address.port) as stream:
            await stream.send_all(request.encode())
            with trio.fail_after(20):
                answer = await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.contract("error-body")
async def test_an_unknown_path_is_404_and_a_wrong_method_405_in_the_same_form(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.client() as http:
        refused(await http.get("/nowhere"), 404)
        refused(await http.get("/api//v1/sessions"), 404)
        for method in ("PUT", "OPTIONS", "TRACE"):
            wrong = await http.request(method, "/api/v1/sessions")
            refused(wrong, 405)
            assert set(wrong.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "POST"}


async def test_a_catalogue_that_fails_is_503_and_told_when_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        await shop.call()

        async def fail(*_args: object) -> None:  # noqa: ASYNC124 - stands for one that waits
            raise CatalogError("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(Catalog, "run", fail)
            answer = await shop.http.get("/api/v1/sessions")
        assert refused(answer, 503) == "the catalogue does not answer"
        assert answer.headers["retry-after"] == "5"


async def test_a_bug_is_500_and_says_nothing_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_args: object, **_more: object) -> None:
        raise RuntimeError("a secret of ours")

    async with running(tmp_path) as daemon, daemon.application() as shop:
        monkeypatch.setattr("daemon.api.views.summary", bug)
        session = await shop.call()
        for path in ("/api/v1/sessions", f"/api/v1/sessions/{session}"):
            words = refused(await shop.http.get(path), 500)
            assert "secret" not in words
            assert "log" in words


async def test_while_the_daemon_ends_calls_and_commands_are_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = trio.Event()

    async def linger(session: Session) -> None:
        await release.wait()
        for leg in session.legs:
            leg.close()

    monkeypatch.setattr("daemon.calls.session.Session.run", linger)
    monkeypatch.setattr(
        "daemon.service.DRAIN_SECONDS", 60
    )  # it shall not end before it was asked, however busy
    async with running(tmp_path) as daemon, daemon.application() as shop:
        session = await shop.call()
        daemon.stopping.set()
        with trio.fail_after(20):
            while (await shop.http.get("/ready")).json() != {  # noqa: ASYNC110 - no event comes
                "success": False,
                "error": "the daemon is shutting down",
            }:
                await trio.sleep(0.01)
        for answer in (await shop.http.post("/api/v1/sessions"), await shop.command(session, "hangup")):
            assert refused(answer, 503) == "the daemon is shutting down"
            assert answer.headers["retry-after"] == "5"
        assert (await shop.http.get("/health")).status_code == 200
        release.set()


async def test_an_answer_before_the_body_has_come_says_that_it_is_the_connections_last(
    tmp_path: Path,
) -> None:
    """Another request on it was never answered: the server still waited for the end of this one."""
    async with running(tmp_path) as daemon, daemon.application():
        address = daemon.listening.http
        request = b"POST /api/v1/sessions HTTP/1.1\r\nHost: daemon\r\nContent-Length: 2\r\n\r\n"
        async with await trio.open_tcp_stream(address.host, address.port) as stream:
            await stream.send_all(request)
            with trio.fail_after(20):
                answer = await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"connection: close" in answer.lower()


async def test_an_answer_to_a_whole_request_keeps_the_connection(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon, daemon.application() as shop:
        answer = await shop.http.post("/api/v1/sessions", json={})
        assert answer.status_code == 201
        assert "connection" not in answer.headers
        assert "connection" not in (await shop.http.get("/api/v1/sessions")).headers
