"""Who is let in, and what becomes of those who are not."""

import socket
import struct
from typing import Any

import pytest
import trio

from tests import web
from tests.wavstream.clients import audio, client, close, close_code, exchange, text, upgrade
from tests.wavstream.servers import BOUND_SECONDS, Server, running
from wavstream import protocol
from wavstream.process.access import Access
from wavstream.protocol import Completed, Ready

ID = "recording-1"
SECOND = bytes(range(250)) * 64


@pytest.mark.contract("v1-access")
@pytest.mark.parametrize(
    ("header", "query"),
    [((), ""), (("Authorization: Bearer wrong",), ""), ((), "?token=wrong")],
)
async def test_a_wrong_token_is_a_401_and_a_line_in_the_log(
    tmp_path: Any, logged: list[Any], header: tuple[str, ...], query: str
) -> None:
    async with running(tmp_path, wavstream_token="s3cret") as server:
        request = upgrade(protocol.PATH + query, *header, f"Sec-WebSocket-Protocol:{protocol.SUBPROTOCOL}")
        answer = await exchange(server.listening.ingest, [request])
        assert answer.startswith(b"HTTP/1.1 401 ")
        [entry] = [each for each in logged if each["event"] == "connection refused"]
        assert (entry["status"], entry["peer"]) == (401, "127.0.0.1")
        assert "wrong" not in str(entry)


@pytest.mark.contract("v1-access", "own-access")
@pytest.mark.parametrize(
    ("header", "query"), [(((b"Authorization", b"Bearer s3cret"),), ""), ((), "?token=s3cret")]
)
async def test_a_right_token_comes_in(
    tmp_path: Any, header: tuple[tuple[bytes, bytes], ...], query: str
) -> None:
    async with running(tmp_path, wavstream_token="s3cret") as server:
        async with client(server, *header, query=query) as talk:
            assert await talk.start(ID) == Ready(offset=0)
        assert (await server.http.get("/v1/recordings")).status_code == 401
        async with web.client(base_url=server.http.base_url) as http:
            answer = await http.get("/v1/recordings", headers={"Authorization": "Bearer s3cret"})
            assert answer.status_code == 200


@pytest.mark.parametrize("target", ["//[", "http://[::1"])
async def test_a_target_that_is_no_path_is_a_400_in_words_and_no_traceback(
    server: Server, logged: list[Any], target: str
) -> None:
    answer = await exchange(server.listening.ingest, [upgrade(target) + close()])
    assert answer.startswith(b"HTTP/1.1 400 ")
    [entry] = [each for each in logged if each["log_level"] == "warning"]
    assert (entry["event"], entry["status"]) == ("connection refused", 400)


def test_who_may_not_come_in_is_told_what_to_do() -> None:
    assert "WAVSTREAM_TOKEN is not set" in Access(None).refusal
    assert "a valid token is needed" in Access("s3cret").refusal


@pytest.mark.contract("ws-access")
@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        (("Authorization: Bearer s3cret",), "", 101),
        ((), "?token=s3cret", 101),
        ((), "?rate=8000&token=s3cret", 101),
        (("Authorization: Bearer wrong",), "", 401),
        ((), "?token=wrong", 401),
        ((), "", 401),
    ],
)
async def test_a_switch_shows_the_token_by_header_or_query(
    tmp_path: Any, header: tuple[str, ...], query: str, status: int
) -> None:
    async with running(tmp_path, wavstream_token="s3cret") as server:
        answer = await exchange(server.listening.ingest, [upgrade("/ws" + query, *header) + close()])
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_further_connections_than_are_allowed_are_answered_503(tmp_path: Any) -> None:
    async with running(tmp_path, wavstream_connections=1) as server, client(server) as talk:
        assert (await exchange(server.listening.ingest, [upgrade("/ws")])).startswith(b"HTTP/1.1 503 ")
        assert await talk.start(ID) == Ready(offset=0)


async def test_connections_that_say_nothing_keep_no_call_out(tmp_path: Any) -> None:
    """Two places, and four who take one without a word: a call comes in, and again a second one."""
    async with running(tmp_path, wavstream_connections=2) as server:
        silent = [await trio.open_tcp_stream(*server.listening.ingest) for _ in range(4)]
        async with client(server) as first, client(server) as second:
            assert await first.start(ID) == Ready(offset=0)
            assert await second.start(f"{ID}-2") == Ready(offset=0)
            assert [bytes(await each.receive_some(1)) for each in silent] == [b""] * 4
        for each in silent:
            await each.aclose()


async def test_another_path_is_a_404(server: Server) -> None:
    assert (await exchange(server.listening.ingest, [upgrade("/other")])).startswith(b"HTTP/1.1 404 ")


async def test_a_client_without_the_subprotocol_is_a_400(server: Server) -> None:
    assert (await exchange(server.listening.ingest, [upgrade(protocol.PATH)])).startswith(b"HTTP/1.1 400 ")


async def test_a_client_that_sends_no_request_is_let_go(
    server: Server, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    monkeypatch.setattr("wavstream.ingest.server.HANDSHAKE_SECONDS", 0.05)
    with trio.fail_after(BOUND_SECONDS):
        async with await trio.open_tcp_stream(*server.listening.ingest) as stream:
            assert await stream.receive_some() == b""
    assert "no request within 0.05 s" in [each.get("error") for each in logged]


async def test_a_connection_that_fails_unexpectedly_harms_no_other(
    server: Server, monkeypatch: pytest.MonkeyPatch, logged: list[Any]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    async with client(server) as good:
        await good.start(ID)
        with monkeypatch.context() as patched:
            patched.setattr("wavstream.ingest.freeswitch.FreeSwitchTalk.take_in", fail)
            assert (
                close_code(await exchange(server.listening.ingest, [upgrade("/ws") + audio(b"ab")])) == 1011
            )
        await good.audio(SECOND)
        assert isinstance(await good.stop(16_000), Completed)
    assert "connection failed" in [each["event"] for each in logged]


async def test_what_is_no_request_is_let_go_and_logged(server: Server, logged: list[Any]) -> None:
    assert await exchange(server.listening.ingest, [b"\x16\x03\x01\x02\x00\r\n\r\n"]) == b""
    [entry] = [each for each in logged if each["event"] == "connection refused"]
    assert (entry["peer"], entry["log_level"]) == ("127.0.0.1", "warning")


async def test_a_client_that_resets_the_connection_harms_nobody(server: Server) -> None:
    linger = struct.pack("ii", 1, 0)  # a close then is a reset
    for sent in (b"", upgrade("/ws"), upgrade("/ws") + text("a") + audio(SECOND)):
        stream = await trio.open_tcp_stream(*server.listening.ingest)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        await stream.send_all(sent)
        await stream.aclose()
    async with client(server) as talk:
        await talk.start(ID)
        await talk.audio(SECOND)
        assert isinstance(await talk.stop(16_000), Completed)
