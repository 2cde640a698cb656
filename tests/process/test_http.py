"""The HTTP listener and its connections, with clients that mean no good: real sockets, short deadlines."""

import gc
import resource
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from quart import request
from quart_trio import QuartTrio

from wavstream.process import accepting, connection
from wavstream.process.admission import Admission
from wavstream.process.connection import Connection
from wavstream.process.http import serve_http
from wavstream.process.settings import Address

BOUND_SECONDS = 20
SOON_SECONDS = 0.2
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
MANY_BYTES = 64 << 20
"""More than the sockets' buffers of both sides hold."""


def small_app() -> QuartTrio:
    app = QuartTrio(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024

    @app.get("/")
    async def get() -> str:  # noqa: ASYNC124 - Quart runs others in a thread
        return "hello"

    @app.get("/long")
    async def long() -> bytes:  # noqa: ASYNC124
        return bytes(MANY_BYTES)

    @app.route("/never", methods=["GET", "POST"])
    async def never() -> str:
        await trio.sleep_forever()
        return ""

    @app.post("/")
    async def post() -> str:
        return str(len(await request.get_data()))

    return app


@asynccontextmanager
async def serving(admission: Admission[Connection] | None = None) -> AsyncIterator[Address]:
    stopping = trio.Event()
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            serve = partial(
                serve_http, small_app(), Address("127.0.0.1", 0), stopping=stopping, admission=admission
            )
            address: Address = await nursery.start(serve)
            yield address
            stopping.set()


async def rest(stream: trio.SocketStream) -> bytes:
    """All that comes until the server closes; a reset is an end as well."""
    said = b""
    try:
        while data := bytes(await stream.receive_some(65_536)):
            said += data
    except trio.BrokenResourceError:
        pass
    return said


async def asked(address: Address, sent: bytes) -> bytes:
    """What comes back for these bytes, to the end of the connection."""
    async with await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(sent)
        return await rest(stream)


async def answers(address: Address) -> bool:
    """Whether somebody who asks properly is answered."""
    said = await asked(address, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return said.startswith(b"HTTP/1.1 200 ") and said.endswith(b"hello")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "KEEP_ALIVE_SECONDS", "SEND_SECONDS", "LINGER_SECONDS"):
        monkeypatch.setattr(connection, name, SOON_SECONDS)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("begun", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(begun: bytes) -> None:
    async with serving() as address:
        assert await asked(address, begun) == b""


@pytest.mark.usefixtures("hasty")
async def test_a_head_that_comes_byte_by_byte_has_no_more_time() -> None:
    """0.2 s for a head of which a byte comes each 0.02 s: at most ten get through, and 200 are sent."""
    async with serving() as address, await trio.open_tcp_stream(*address) as stream:
        sent = 0
        try:
            for _ in range(200):
                await stream.send_all(b"G")
                sent += 1
                await trio.sleep(SOON_SECONDS / 10)
        except trio.BrokenResourceError:
            pass
        assert 0 < sent < 100


@pytest.mark.usefixtures("hasty")
async def test_a_connection_that_is_kept_for_nothing_is_closed() -> None:
    async with serving() as address:
        said = await asked(address, GET + GET)
        assert said.count(b"HTTP/1.1 200 ") == 2


@pytest.mark.usefixtures("hasty")
async def test_a_client_that_does_not_read_is_let_go() -> None:
    """Its 64 MB are not sent to the end: what it finds is what the buffers held when it was given up."""
    async with serving() as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        await trio.sleep(5 * SOON_SECONDS)
        assert 0 < len(await rest(stream)) < MANY_BYTES


async def test_a_body_that_claims_too_much_is_refused_in_words() -> None:
    async with serving() as address:
        said = await asked(address, POST + b"Content-Length: 1000000000000\r\n\r\n" + bytes(100_000))
        assert said.startswith(b"HTTP/1.1 413 ")


async def test_of_a_body_without_an_end_no_more_is_read_than_a_request_may_have() -> None:
    """The application does not answer; the client sends until nobody takes it, and the buffers are full."""
    async with serving() as address, await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(b"POST /never HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000\r\n\r\n")
        for _ in range(MANY_BYTES // 65_536):
            with trio.move_on_after(SOON_SECONDS) as taken:
                await stream.send_all(bytes(65_536))
            if taken.cancelled_caught:
                return
        pytest.fail("all of it was taken")


async def test_a_body_in_a_thousand_pieces_is_whole_and_one_in_more_is_refused() -> None:
    """Each piece is one byte: 1000 are a body of 1000 bytes."""
    head, end = POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", b"0\r\n\r\n"
    async with serving() as address:
        assert (await asked(address, head + b"1\r\nx\r\n" * 1000 + end)).endswith(b"1000")
        assert (await asked(address, head + b"1\r\nx\r\n" * 1001 + end)).startswith(b"HTTP/1.1 413 ")
        assert await answers(address)


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
async def test_an_upgrade_is_not_taken_and_what_follows_it_harms_nobody(upgrade: str) -> None:
    head = (
        f"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n"
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    async with serving() as address:
        said = await asked(address, head.encode() + bytes(65_536))
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b" 400 " in said  # what came in the place of a second request
        assert await answers(address)


async def test_http_2_is_not_spoken() -> None:
    """The preface of RFC 9113 section 3.4, a SETTINGS frame, and a stream that is opened."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\1\1\5\0\0\0\1\x82"
    async with serving() as address:
        said = await asked(address, preface)
        assert said.startswith(b"HTTP/1.1 404 ")
        assert await answers(address)


async def test_silent_connections_keep_nobody_out() -> None:
    async with serving(Admission(2)) as address:
        silent = [await trio.open_tcp_stream(*address) for _ in range(4)]
        assert await answers(address)
        assert [await rest(each) for each in silent[:2]] == [b"", b""]
        for each in silent:
            await each.aclose()


async def test_where_all_wait_for_an_answer_a_new_connection_is_told_so() -> None:
    async with serving(Admission(1)) as address, await trio.open_tcp_stream(*address) as waiting:
        await waiting.send_all(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        with trio.fail_after(BOUND_SECONDS):
            while (said := await asked(address, b"")) == b"":  # the request has not been read yet
                await waiting.send_all(b"")
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in said
        assert b"too many connections" in said


async def test_without_a_descriptor_the_listener_waits_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is lowered to what is open, so that accept(2) fails; then it is what it was."""
    monkeypatch.setattr(accepting, "AGAIN_SECONDS", 0.01)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving() as address:
        stream = await trio.open_tcp_stream(*address)
        await stream.send_all(GET)
        assert bytes(await stream.receive_some(1000)).startswith(b"HTTP/1.1 200 ")
        late = trio.socket.socket()
        resource.setrlimit(resource.RLIMIT_NOFILE, (late.fileno() + 1, hard))
        try:
            await late.connect(address)
            with trio.move_on_after(SOON_SECONDS):
                await late.recv(1)
                pytest.fail("it was taken all the same")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await late.send(GET)
        assert (await late.recv(1000)).startswith(b"HTTP/1.1 200 ")
        late.close()
        await stream.aclose()


async def test_of_a_connection_nothing_stays_for_the_garbage_collector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known: list[weakref.ref[Any]] = []
    begin = Connection.__init__

    def watched(self: Connection, *args: Any, **kwargs: Any) -> None:
        known.append(weakref.ref(self))
        begin(self, *args, **kwargs)

    monkeypatch.setattr(Connection, "__init__", watched)
    gc.disable()
    try:
        async with serving() as address:
            assert await answers(address)
        assert [each() for each in known] == [None]
    finally:
        gc.enable()
