"""A line that is a WebSocket connection, in whatever dialect its switch speaks.

The framing is wsproto's, without I/O, so that sending never waits and many lines share a wake-up.
"""

import base64
import secrets
from collections.abc import Awaitable, Callable, Iterator
from typing import Self
from urllib.parse import urlencode, urlsplit

import trio
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from daemon.caller.dialects import dialect as spoken
from daemon.caller.dialects.dialect import Call, Dialect, new_call
from daemon.caller.faults import Turn
from daemon.caller.line import Line, LineError
from daemon.caller.lines import handshake
from daemon.caller.lines.wire import FAREWELL_SECONDS, Wire
from daemon.caller.talk import Talk
from daemon.client import Session
from wavstream.process.settings import Address

ANSWER_SECONDS = 10.0
"""For the answer to the upgrade. FreeSWITCH gives up after one second; a tool that tells of it need not."""
NORMAL_CLOSURE = 1000
TOO_BIG = 1009
MOST_MESSAGE_BYTES = 1024 * 1024
"""Of one that comes back: ten seconds of 48 kHz, where a recorder sends a tenth of one."""
_OPEN = (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING)


class WebSocketLine:
    """One connection. What the far end asks for is answered when it is listened to, once a second."""

    def __init__(self, wire: Wire, dialect: Dialect, received: bytes = b"") -> None:
        self.sent = 0
        self.unsent = 0
        self.heard = 0
        """Messages of audio that came back."""
        self._wire = wire
        self._dialect = dialect
        self._connection = Connection(ConnectionType.CLIENT, trailing_data=received)
        self._message = bytearray()  # what has come of one that comes in pieces
        self._say(dialect.begin())

    @classmethod
    async def dial(cls, url: str, dialect: Dialect) -> Self:
        """A line to a URL, to which the dialect's name and query are added. Raises LineError."""
        parts = urlsplit(url)
        if parts.scheme != "ws" or not parts.hostname:
            raise LineError(f"{url}: takes a URL that begins with ws://")
        query = "&".join(filter(None, (parts.query, urlencode(dialect.query))))
        target = f"{parts.path.rstrip('/')}/{dialect.name}" + (f"?{query}" if query else "")
        wire = await Wire.connect(Address(parts.hostname, parts.port or 80))
        try:
            return cls(wire, dialect, await _shake_hands(wire, target, parts.netloc, dialect))
        except BaseException:
            wire.close()
            raise

    def send(self, talk: Talk, turn: Turn) -> None:
        """Send the packet's messages, if there is room for them."""
        if self._say(self._dialect.packet(talk, turn)):
            self.sent += 1
        else:
            self.unsent += 1

    def finish(self, talk: Talk, sent: int) -> None:
        """The next talk counts on from this one, where anything is counted."""
        self._dialect.finish(talk, sent)

    def listen(self) -> None:
        """Take in what has come, and answer what has to be answered."""
        if self._connection.state not in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            return
        self._connection.receive_data(self._wire.receive())
        for event in self._connection.events():
            self._happen(event)

    def _happen(self, event: Event) -> None:
        match event:
            case Ping():
                self._wire.send(self._connection.send(event.response()))
            case CloseConnection():
                self._close(event.response())
            case TextMessage() | BytesMessage():
                self._message += event.data.encode() if isinstance(event, TextMessage) else event.data
                if len(self._message) > MOST_MESSAGE_BYTES:
                    self._close(CloseConnection(code=TOO_BIG))
                elif event.message_finished:
                    whole, self._message = bytes(self._message), bytearray()
                    self._take_in(whole.decode() if isinstance(event, TextMessage) else whole)

    def _take_in(self, message: spoken.Message) -> None:
        found = self._dialect.receive(message)
        self.heard += found.audio
        self._say(found.replies)
        if found.over:
            self._close(CloseConnection(code=NORMAL_CLOSURE))

    def _say(self, messages: spoken.Messages) -> bool:
        """Send messages, all of them or none; whether they were taken."""
        if self._connection.state is not ConnectionState.OPEN:
            return False
        return self._wire.send(b"".join(self._framed(messages)))

    def _framed(self, messages: spoken.Messages) -> Iterator[bytes]:
        for message in messages:
            event = TextMessage(message) if isinstance(message, str) else BytesMessage(message)
            yield self._connection.send(event)

    def _close(self, event: CloseConnection) -> None:
        if self._connection.state in _OPEN:
            self._wire.send(self._connection.send(event))

    async def hang_up(self) -> None:
        """Say goodbye as the dialect does, close with 1000, and wait for the far end's close. Bounded."""
        with trio.move_on_after(FAREWELL_SECONDS):
            self.listen()
            await self._wire.flush()
            self._say(self._dialect.goodbye())
            await self._wire.flush()
            self._close(CloseConnection(code=NORMAL_CLOSURE))
            while self._connection.state is ConnectionState.LOCAL_CLOSING and not self._wire.gone:
                await self._wire.readable()
                self.listen()
        await self._wire.part()


async def _shake_hands(wire: Wire, target: str, host: str, dialect: Dialect) -> bytes:
    """Upgrade the connection; what came behind the answer. Raises LineError."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = dialect.upgrade(host.rpartition("@")[2], key)
    wire.send(handshake.request(target, lines))
    data = b""
    with trio.move_on_after(ANSWER_SECONDS):
        while not wire.gone:
            await wire.readable()
            data += wire.receive()
            if (answer := handshake.answered(data)) is not None:
                handshake.check(answer, key, lines)
                return answer.rest
        raise LineError("the server closed the connection before its answer")
    raise LineError(f"the server did not answer within {ANSWER_SECONDS:g} s")


def dialling(make: Callable[[Call, Talk], Dialect]) -> Callable[[Session, str, Talk], Awaitable[Line]]:
    """What opens a line in that dialect into a session. It raises LineError."""

    async def dial(session: Session, leg: str, talk: Talk) -> Line:
        if leg not in session.websocket:
            raise LineError(f"session {session.session_uuid} takes no WebSocket: the daemon names no URL")
        return await WebSocketLine.dial(session.websocket[leg], make(new_call(), talk))

    return dial
