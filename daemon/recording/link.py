"""One connection to wavstream: opened, used and closed within deadlines, its troubles in our own words."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    CloseReason,
    ConnectionClosed,
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import ProtocolError as FramingError

from daemon.recording.endpoint import WavstreamEndpoint
from wavstream import protocol

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

CONNECT_SECONDS = 5.0
"""For TCP, and as much again for the opening handshake."""
CLOSE_SECONDS = 1.0
QUEUED_MESSAGES = 16
"""Acknowledgements that may wait for us to read them, a few seconds' worth, before pings go unanswered."""


class LinkError(Exception):
    """This connection is of no more use; another may be."""


class RefusedError(LinkError):
    """The server was reached and turned us away."""


TROUBLES = (LinkError, ConnectionClosed, HandshakeError, OSError, FramingError, protocol.ProtocolError)
"""All that the network, the WebSocket and the server may do to us."""


def trouble(raised: Exception) -> LinkError:
    """Any of TROUBLES as our own exception."""
    match raised:
        case LinkError():
            return raised
        case ConnectionRejected(status_code=status):
            kind = RefusedError if status < 500 else LinkError  # 503: too many connections, at present
            return kind(f"the server answered with HTTP status {status}")
        case ConnectionClosed(reason=CloseReason() as why):
            return LinkError(f"closed with {why.code} {why.reason or why.name}")
        case ConnectionClosed():
            return LinkError("closed")
    return LinkError(str(raised) or type(raised).__name__)


@asynccontextmanager
async def tcp(endpoint: WavstreamEndpoint) -> AsyncIterator[Stream]:
    """The stream below the WebSocket. Closed here: trio-websocket leaves it open when the peer has gone."""
    url = urlsplit(endpoint.stream_url)
    secure = url.scheme == "wss"
    host, port = url.hostname or "", url.port or (443 if secure else 80)
    with trio.move_on_after(CONNECT_SECONDS) as patience:
        plain = await trio.open_tcp_stream(host, port)
    if patience.cancelled_caught:
        raise LinkError(f"no connection to {host}:{port}")
    stream: Stream = plain
    if secure:
        context = ssl.create_default_context()
        stream = trio.SSLStream(plain, context, server_hostname=host, https_compatible=True)
    try:
        yield stream
    finally:
        plain.socket.close()  # no farewell of TLS: its end is the WebSocket's, and that has been said


async def shake_hands(
    endpoint: WavstreamEndpoint, stream: Stream, nursery: trio.Nursery
) -> WebSocketConnection:
    """A WebSocket over the stream, read in `nursery` (it may raise ConnectionRejected). Raises LinkError."""
    url = urlsplit(endpoint.stream_url)
    with trio.move_on_after(CONNECT_SECONDS):
        connection = await wrap_client_stream(
            nursery,
            stream,
            url.netloc.rpartition("@")[2],
            url.path + (f"?{url.query}" if url.query else ""),
            subprotocols=[protocol.SUBPROTOCOL],
            extra_headers=endpoint.headers,
            message_queue_size=QUEUED_MESSAGES,
            max_message_size=protocol.MAX_MESSAGE_BYTES,
        )
        if connection.subprotocol != protocol.SUBPROTOCOL:
            raise RefusedError(f"the server does not speak {protocol.SUBPROTOCOL}")
        return connection
    raise LinkError("no answer to the opening handshake")


async def part(connection: WebSocketConnection) -> None:
    """Close it the polite way, for as long as that takes the peer a second."""
    with trio.move_on_after(CLOSE_SECONDS):
        await connection.aclose()
