"""Attacks on an HTTP listener: each is one attacker, who does it again and again until told to stop."""

import json
import secrets
import uuid
from collections.abc import Iterator
from contextlib import suppress

import trio
from h2.config import H2Configuration
from h2.connection import H2Connection

from benchmarks.attack.wire import READ_BYTES, Tally, connected, drained, somewhere
from wavstream.process.settings import Address

Headers = dict[str, str]

PIECE = bytes(READ_BYTES)
GIGABYTES = 1 << 40
BURST = 100
"""Requests sent in one go, or streams of one HTTP/2 connection."""


def head(method: str, path: str, headers: Headers | None = None) -> bytes:
    """A request's head, with the empty line that ends it."""
    fields = {"Host": "attack", **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def slow_head(target: Address, tally: Tally) -> None:
    """A head that comes a byte a second and never ends."""
    async with connected(target, somewhere()) as stream:
        await stream.send_all(b"GET /health HTTP/1.1\r\nX: ")
        with trio.move_on_after(1):
            await _told(stream, tally, "slow heads")
            return
        while True:
            await stream.send_all(b"x")
            with trio.move_on_after(1):
                await _told(stream, tally, "slow heads")
                return


async def silent(target: Address, tally: Tally) -> None:
    """A connection on which nothing is said."""
    async with connected(target, somewhere()) as stream:
        await _told(stream, tally, "silent connections")


async def hoarder(target: Address, tally: Tally) -> None:
    """As `silent`, but all from one address."""
    async with connected(target, "127.0.0.9") as stream:
        await _told(stream, tally, "silent, one address")


async def _told(stream: trio.SocketStream, tally: Tally, name: str) -> None:
    if not tally.answers(name, await drained(stream)):
        tally.note(name, "cut")


async def huge_claim(target: Address, tally: Tally, headers: Headers, path: str) -> None:
    """A body that claims a terabyte, and sends as much of it as is taken."""
    length = {"Content-Length": str(GIGABYTES)}
    await _pour(target, tally, "huge bodies", head("POST", path, headers | length), PIECE)


async def endless_chunks(target: Address, tally: Tally, headers: Headers, path: str) -> None:
    """A body in chunks of one byte that never ends."""
    chunked = {"Transfer-Encoding": "chunked"}
    await _pour(
        target, tally, "endless chunks", head("POST", path, headers | chunked), b"1\r\nx\r\n" * 10_000
    )


async def huge_head(target: Address, tally: Tally) -> None:
    """A head of many long fields without an end."""
    await _pour(
        target, tally, "huge heads", head("GET", "/health")[:-2], b"X-Field: " + b"y" * 4096 + b"\r\n"
    )


async def _pour(target: Address, tally: Tally, name: str, first: bytes, piece: bytes) -> None:
    async with connected(target, somewhere()) as stream, trio.open_nursery() as nursery:

        async def listen() -> None:
            try:
                await _told(stream, tally, name)
            except trio.BrokenResourceError:
                tally.note(name, "cut")
            nursery.cancel_scope.cancel()

        nursery.start_soon(listen)
        with suppress(trio.BrokenResourceError):
            await stream.send_all(first)
            while True:
                await stream.send_all(piece)
                tally.note(name, "bytes taken", len(piece))


async def slow_body(target: Address, tally: Tally, headers: Headers, path: str) -> None:
    """A small body, a byte a second."""
    async with connected(target, somewhere()) as stream, trio.open_nursery() as nursery:

        async def listen() -> None:
            await _told(stream, tally, "slow bodies")
            nursery.cancel_scope.cancel()

        nursery.start_soon(listen)
        await stream.send_all(head("POST", path, headers | {"Content-Length": "1000"}))
        while True:
            await trio.sleep(1)
            await stream.send_all(b" ")


async def bad_keys(target: Address, tally: Tally, *, many: bool) -> None:
    """Key after key on a connection that is kept; from one address, or each from another."""
    name = "bad keys, many addresses" if many else "bad keys, one address"
    async with connected(target, somewhere() if many else "127.0.0.7") as stream:
        for _ in range(20):
            headers = {"X-App-ID": "attacker", "X-API-Key": secrets.token_hex(16)}
            await _asked(stream, tally, name, head("GET", "/api/v1/sessions", headers))


async def session_ids(target: Address, tally: Tally, headers: Headers, node: str) -> None:
    """A valid key, and session after session that there is not: shown, and commanded."""
    async with connected(target, somewhere()) as stream:
        for number in range(900):
            request = session_request(headers, node, command=number % 2 > 0)
            await _asked(stream, tally, "distinct session ids", request)


def session_request(headers: Headers, node: str, *, command: bool) -> bytes:
    """A session that there is not is asked for, or given a command."""
    path = f"/api/v1/sessions/{node}-{uuid.uuid4()}"
    if command:
        return head("POST", f"{path}/commands/record/start", headers | {"Content-Length": "0"})
    return head("GET", path, headers)


async def random_urls(target: Address, tally: Tally) -> None:
    """Recordings' URLs, guessed."""
    async with connected(target, somewhere()) as stream:
        for _ in range(900):
            await _asked(
                stream, tally, "guessed URLs", head("GET", f"/recordings/{secrets.token_hex(16)}.wav")
            )


async def _asked(stream: trio.SocketStream, tally: Tally, name: str, request: bytes) -> None:
    """One request and its answer. Raises trio.BrokenResourceError where there is none."""
    await stream.send_all(request)
    if not tally.answers(name, bytes(await stream.receive_some(READ_BYTES))):
        raise trio.BrokenResourceError


async def pipelined(target: Address, tally: Tally) -> None:
    """A hundred requests at once, and their answers read."""
    async with connected(target, somewhere()) as stream:
        await stream.send_all(head("GET", "/health") * BURST)
        tally.answers("pipelined", await drained(stream))


async def deaf(target: Address, tally: Tally, path: str = "/metrics") -> None:
    """Requests without an end, and no answer is ever read."""
    async with connected(target, somewhere()) as stream:
        try:
            while True:
                await stream.send_all(head("GET", path) * BURST)
        except trio.BrokenResourceError:
            tally.note("deaf", "cut")


async def rapid_reset(target: Address, tally: Tally) -> None:
    """HTTP/2 by its preface: streams that are opened and reset at once."""
    connection = H2Connection(H2Configuration(client_side=True))
    connection.initiate_connection()
    async with connected(target, somewhere()) as stream:
        await stream.send_all(connection.data_to_send())
        for opened in _streams(connection):
            await stream.send_all(opened)
            tally.note("HTTP/2 rapid reset", "streams", BURST)


def _streams(connection: H2Connection) -> Iterator[bytes]:
    fields = [(":method", "GET"), (":path", "/health"), (":scheme", "http"), (":authority", "attack")]
    for _ in range(200):
        for _ in range(BURST):
            number = connection.get_next_available_stream_id()
            connection.send_headers(number, fields, end_stream=True)
            connection.reset_stream(number)
        yield connection.data_to_send()


async def upgraded(target: Address, tally: Tally, to: str) -> None:
    """An upgrade that nobody needs, and then bytes."""
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": to, "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    handshake = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    await _pour(target, tally, f"upgrade to {to}", head("GET", "/health", headers | handshake), PIECE)


def credentials(app_id: str, key: str) -> Headers:
    """As an application shows them."""
    return {"X-App-ID": app_id, "X-API-Key": key}


def as_json(tally: Tally) -> str:
    """For the other process."""
    return json.dumps([[*key, count] for key, count in sorted(tally.counts.items())])
