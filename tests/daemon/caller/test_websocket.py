"""A WebSocket line holds to the protocol, and bears whatever its far end does."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from daemon.caller import kinds
from daemon.caller.dialects.audiostream import AudioStream
from daemon.caller.dialects.chanwebsocket import ChanWebSocket
from daemon.caller.dialects.dialect import new_call
from daemon.caller.dialects.twilio import Twilio
from daemon.caller.line import LineError
from daemon.caller.lines import handshake, websocket
from daemon.caller.lines.websocket import WebSocketLine
from daemon.caller.pace import say
from daemon.caller.talk import Talk
from daemon.client import Session
from daemon.media.codecs import PCMU
from tests.daemon.caller.farend import listening

TALK = Talk.of(np.ones(160, np.int16), PCMU, 0)
ACCEPTED = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""RFC 6455 §1.3 has both."""


async def heard(line: WebSocketLine, messages: int) -> None:
    """Listen until so many have come back."""
    while line.heard < messages:
        line.listen()
        await trio.sleep(0.01)


async def test_what_comes_back_is_counted_and_pings_are_answered() -> None:
    async with listening(b"\0" * 320, "text", b"\0" * 320) as far_end:
        line = await WebSocketLine.dial(far_end.url, AudioStream(new_call(), TALK))
        await heard(line, 2)
        assert far_end.connection is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heard, line, 3)
            await far_end.connection.ping(b"alive?")  # returns with the pong
            await far_end.connection.send_message(b"\0")
        await line.hang_up()
        await far_end.over.wait()
    assert line.heard == 3


async def test_a_mark_is_sent_back() -> None:
    async with listening('{"event":"mark","mark":{"name":"a"}}', '{"event":"media"}') as far_end:
        line = await WebSocketLine.dial(far_end.url, Twilio(new_call(), TALK))
        await heard(line, 1)
        await line.hang_up()
        await far_end.over.wait()
    assert any('"mark": {"name": "a"}' in str(message) for message in far_end.messages)


async def test_a_far_end_that_hangs_up_is_left_and_what_is_said_to_it_counted() -> None:
    async with listening("HANGUP") as far_end:
        line = await WebSocketLine.dial(far_end.url, ChanWebSocket(new_call(), TALK))
        while line.unsent == 0:
            await say(TALK, [line], began=trio.current_time() - 0.01)
        await line.hang_up()
        await far_end.over.wait()
    assert far_end.code == 1000


async def test_a_far_end_that_closes_is_answered() -> None:
    async with listening() as far_end:
        line = await WebSocketLine.dial(far_end.url, AudioStream(new_call(), TALK))
        while far_end.connection is None:  # noqa: ASYNC110 - no event comes
            await trio.sleep(0.01)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(far_end.connection.aclose, 1001)
            while line.unsent == 0:
                await say(TALK, [line], began=trio.current_time() - 0.01)
        await line.hang_up()
        await line.hang_up()
    assert line.unsent > 0


async def test_a_message_that_has_no_end_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MOST_MESSAGE_BYTES", 1000)
    async with listening(b"\0" * 1001) as far_end:
        line = await WebSocketLine.dial(far_end.url, AudioStream(new_call(), TALK))
        while not far_end.over.is_set():
            line.listen()
            await trio.sleep(0.01)
        await line.hang_up()
    assert (far_end.code, line.heard) == (1009, 0)


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The URL of somebody who takes one connection, answers so, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)

        def take() -> None:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(60)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.getsockname()[1]}/v1/media/TOKEN"
        finally:
            thread.join()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "refused the WebSocket with HTTP status 404",
        ),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer as HTTP does: 'SSH-2.0-OpenSSH_9.2'"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "answer is to another WebSocket"),
        (b"x" * 20_000, "answer has no end"),
        (b"", "closed the connection before its answer"),
    ],
)
async def test_a_server_that_does_not_take_it_is_told_of_in_plain_words(answer: bytes, words: str) -> None:
    with answering(answer) as url, trio.fail_after(60), pytest.raises(LineError, match=words):
        await WebSocketLine.dial(url, AudioStream(new_call(), TALK))


async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"ws://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(LineError, match=r"did not answer within 0\.05 s"):
            await WebSocketLine.dial(url, AudioStream(new_call(), TALK))


@pytest.mark.parametrize("url", ["wss://127.0.0.1/x", "http://127.0.0.1/x", "ws://", "nonsense"])
async def test_only_ws_urls_are_taken(url: str) -> None:
    with pytest.raises(LineError, match="takes a URL that begins with ws://"):
        await WebSocketLine.dial(url, AudioStream(new_call(), TALK))


async def test_a_daemon_without_websocket_is_told_of_in_plain_words() -> None:
    with pytest.raises(LineError, match="session s takes no WebSocket: the daemon names no URL"):
        await kinds.named("twilio").dial(Session("s", {}), "caller", TALK)


def test_the_answer_has_to_be_to_what_was_asked() -> None:
    good = handshake.answered((ACCEPTED + "\r\nbehind it").encode())
    assert good is not None
    assert good.rest == b"behind it"
    handshake.check(good, KEY, ["Host: x"])
    with pytest.raises(LineError, match="speaks no subprotocol, not media"):
        handshake.check(good, KEY, ["Sec-WebSocket-Protocol: media"])
    for line, words in [
        ("Sec-WebSocket-Protocol: other", "speaks other, not none"),
        ("Sec-WebSocket-Extensions: permessage-deflate", "an extension"),
    ]:
        answer = handshake.answered((ACCEPTED + line + "\r\n\r\n").encode())
        assert answer is not None
        with pytest.raises(LineError, match=words):
            handshake.check(answer, KEY, [])


@given(st.binary(max_size=300), st.booleans())
def test_any_answer_is_understood_or_refused(data: bytes, begins_well: bool) -> None:
    try:
        answer = handshake.answered((ACCEPTED.encode() if begins_well else b"") + data)
        if answer is not None:
            handshake.check(answer, KEY, [])
    except LineError:
        return
