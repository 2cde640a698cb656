import pytest
import trio
from trio.testing import MockClock
from trio_websocket import CloseReason, ConnectionClosed

from daemon.recording import link
from daemon.recording.endpoint import WavstreamEndpoint


async def test_the_stream_is_closed_however_its_use_ends() -> None:
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, lambda stream: stream.receive_some(), 0)
        port = listeners[0].socket.getsockname()[1]
        with trio.CancelScope() as scope:
            async with link.tcp(WavstreamEndpoint(f"ws://localhost:{port}")) as stream:
                scope.cancel()
                await trio.sleep_forever()
        assert isinstance(stream, trio.SocketStream)
        assert stream.socket.fileno() == -1
        nursery.cancel_scope.cancel()


async def test_nobody_listening_is_trouble() -> None:
    with trio.socket.socket() as bound:
        await bound.bind(("127.0.0.1", 0))  # bound, but not listening
        with pytest.raises(link.TROUBLES) as raised:
            async with link.tcp(WavstreamEndpoint(f"ws://127.0.0.1:{bound.getsockname()[1]}")):
                pass
    assert "127.0.0.1" in str(link.trouble(raised.value))


async def test_a_host_that_does_not_answer_is_given_up(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async def nowhere(_host: str, _port: int) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", nowhere)
    with pytest.raises(link.LinkError, match="no connection to wavstream:443"):
        async with link.tcp(WavstreamEndpoint("wss://wavstream")):
            pass
    assert trio.current_time() == pytest.approx(link.CONNECT_SECONDS)


async def test_a_secure_url_speaks_tls_or_nothing() -> None:
    """The server answers the client's hello with plain text: no WebSocket comes of that."""
    greeted = b""

    async def answer_in_the_clear(stream: trio.SocketStream) -> None:
        nonlocal greeted
        greeted = await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with trio.fail_after(3 * link.CONNECT_SECONDS):
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, answer_in_the_clear, 0)
            endpoint = WavstreamEndpoint(f"wss://localhost:{listeners[0].socket.getsockname()[1]}")
            monkey = pytest.MonkeyPatch()
            monkey.setattr(link, "CONNECT_SECONDS", 0.5)
            with pytest.RaisesGroup(link.LinkError):
                async with link.tcp(endpoint) as stream, trio.open_nursery() as inner:
                    await link.shake_hands(endpoint, stream, inner)
            monkey.undo()
            nursery.cancel_scope.cancel()
    assert greeted.startswith(b"\x16\x03")  # a TLS handshake record


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        (ConnectionClosed(CloseReason(1001, "going away")), "closed with 1001 going away"),
        (ConnectionClosed(CloseReason(1000, None)), "closed with 1000 NORMAL_CLOSURE"),
        (ConnectionClosed(None), "closed"),
        (OSError(), "OSError"),
        (OSError("no route"), "no route"),
    ],
)
def test_trouble_is_told_in_words(closed: Exception, words: str) -> None:
    assert str(link.trouble(closed)) == words
