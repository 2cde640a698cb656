"""The listener for call audio over WebSocket: it hears who connects, and puts them through to their leg."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol
from urllib.parse import parse_qsl, urlsplit

import trio
from typing_extensions import override
from websockets.frames import CloseCode
from websockets.http11 import Request

from daemon.legs.connected import ConnectedLeg, TakenError
from daemon.legs.doorway import Doorway, Guest, RefusedError, detached
from daemon.legs.introduction import introduction
from daemon.legs.switchboard import Switchboard
from daemon.legs.tcpline import TcpLine
from daemon.media.dialects import choice
from daemon.media.dialects.dialect import Begun, Dialect, DialectError, Message
from daemon.media.websocketstream import Conversation
from wavstream.process.admission import MOST_CONNECTIONS
from wavstream.process.framing import Framing, RequestError, offered
from wavstream.process.settings import Address

PATH = "/v1/media/"
"""Where a leg waits: its token follows, and then, for who likes, the dialect's name.

A switch that has one path for all its calls (Asterisk's chan_websocket) shows the token as `?leg=`.
"""
ARRIVALS = "/v1/calls"
"""Where calls come that nobody registered; the dialect's name may follow."""
UNKNOWN_CALLER = (
    "whoever brings calls shows MEDIA_TOKEN: Authorization: Bearer TOKEN, HTTP Basic with TOKEN as any user's"
    " password, or ?token=TOKEN; Twilio signs DAEMON_MEDIA_URL with this path and query"
)
HANDSHAKE_SECONDS = 5.0
"""An upgrade request comes at once, in one packet."""
INTRODUCTION_SECONDS = 2.0
"""So long an arriving call may take to say who it is; then it begins without that."""
MOST_MESSAGE_BYTES = 256 * 1024
"""A second of the densest audio, stereo at 48 kHz, is less; Asterisk takes 65,500 bytes at most."""
FAREWELL_SECONDS = 0.5
READ_BYTES = 16_384


class Visitor(NamedTuple):
    """Who asks to come in, by the upgrade request."""

    peer: Address
    target: str
    """Path and query as they came."""
    path: str
    query: Mapping[str, str]
    authorization: str | None
    signature: str | None
    """X-Twilio-Signature."""
    subprotocols: Sequence[str]
    """Those that it offers."""


_Admitted = tuple[ConnectedLeg[Conversation], Conversation]


class Arrivals(Protocol):
    """Takes in calls that nobody registered; see `daemon.calls.arrivals`."""

    def permits(self, visitor: Visitor) -> bool:
        """Whether whoever asks may bring calls."""

    async def websocket(self, begun: Begun) -> ConnectedLeg[Conversation]:
        """Make a call of it, and give its leg. Raises RefusedError."""


class _AnsweredError(Exception):
    """Refused with an HTTP status; `words` are for whoever asked."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class MediaListener(Doorway[Conversation]):
    """Serves call audio over WebSocket. With `arrivals`, those at ARRIVALS begin calls."""

    def __init__(
        self,
        switchboard: Switchboard[Conversation],
        *,
        arrivals: Arrivals | None = None,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        super().__init__(switchboard, most_connections)
        self._arrivals = arrivals

    @override
    async def _put_through(self, stream: trio.SocketStream, guest: Guest) -> None:
        framing = Framing(MOST_MESSAGE_BYTES)
        admitted = await self._admit(stream, framing, guest)
        if isinstance(admitted, str):
            framing.close(CloseCode.POLICY_VIOLATION, admitted)  # where it was open
            await _dismiss(stream, framing)
            raise RefusedError(admitted)
        guest.owing_since = None
        leg, conversation = admitted
        line = TcpLine(detached(stream), str(guest.peer))
        try:
            leg.connect(line, conversation)
            await line.over.wait()
            await line.linger()
        except TakenError as taken:
            framing.close(CloseCode.POLICY_VIOLATION, str(taken))
            line.send(framing.outgoing()[0])
            raise
        finally:
            line.close()

    async def _admit(self, stream: trio.SocketStream, framing: Framing, guest: Guest) -> _Admitted | str:
        """The leg and the conversation, or why there is none; the answer to that is then in `framing`."""
        try:
            return await self._answer(stream, framing, guest)
        except trio.TooSlowError:
            return f"no request within {HANDSHAKE_SECONDS:g} s, or its answer was not taken"
        except trio.BrokenResourceError:
            return "it broke before its call began"
        except (RequestError, RefusedError) as wrong:
            return str(wrong)
        except _AnsweredError as refused:
            framing.refuse(refused.status, str(refused))
            return str(refused)

    async def _answer(self, stream: trio.SocketStream, framing: Framing, guest: Guest) -> _Admitted:
        with trio.fail_after(HANDSHAKE_SECONDS):
            request = await _request(stream, framing)
        visitor = _visitor(request, guest.peer)
        leg = self._find(visitor)
        dialect = _dialect(visitor)
        if not framing.accept(choice.subprotocol(visitor.subprotocols)):
            raise RefusedError("not a WebSocket upgrade that can be answered")
        await _flush(stream, framing)
        if leg is not None:
            return leg, Conversation(framing, dialect)
        return await self._introduced(stream, framing, visitor, guest)

    def _find(self, visitor: Visitor) -> ConnectedLeg[Conversation] | None:
        """The leg that waits for it; None where a call is to be made for it. Raises _AnsweredError."""
        if f"{visitor.path}/".startswith(PATH):
            token, name = _asked(visitor)
            leg = self._switchboard.find(token)
            if leg is None:
                raise _AnsweredError(404, "no leg waits here: a token is one call's, and ends with it")
            if leg.is_taken:
                raise _AnsweredError(409, "its leg is connected already")
            _heed(name)
            return leg
        if visitor.path != ARRIVALS and not visitor.path.startswith(f"{ARRIVALS}/"):
            raise _AnsweredError(404, f"call audio is taken at {PATH}TOKEN")
        if self._arrivals is None:
            raise _AnsweredError(404, "calls that nobody registered are not taken: MEDIA_APP is not set")
        if not self._arrivals.permits(visitor):
            raise _AnsweredError(401, UNKNOWN_CALLER)
        _heed(visitor.path.removeprefix(ARRIVALS))
        return None

    async def _introduced(
        self, stream: trio.SocketStream, framing: Framing, visitor: Visitor, guest: Guest
    ) -> _Admitted:
        """A call of its own, made when it has said who it is, or has had the time for it."""
        if self._arrivals is None:
            raise RefusedError("calls that nobody registered are not taken")
        messages: list[Message] = []
        begun: Begun | None = None
        with trio.move_on_after(INTRODUCTION_SECONDS):
            begun = await introduction(stream, framing, _dialect(visitor), messages)
        guest.owing_since = None  # now it waits for us
        leg = await self._arrivals.websocket(begun or Begun())
        return leg, Conversation(framing, _dialect(visitor), tuple(messages))


def _asked(visitor: Visitor) -> tuple[str, str]:
    """The token of the leg that it asks for, empty for none; and the dialect's name, as far as it says it."""
    first, _, name = visitor.path.removeprefix(PATH[:-1]).lstrip("/").partition("/")
    return (visitor.query.get("leg", ""), first) if first in {"", *choice.NAMES} else (first, name)


async def _request(stream: trio.SocketStream, framing: Framing) -> Request:
    while True:
        request = framing.receive_request(bytes(await stream.receive_some(READ_BYTES)))
        if request is not None:
            return request


async def _flush(stream: trio.SocketStream, framing: Framing) -> None:
    data, _ = framing.outgoing()
    with trio.fail_after(HANDSHAKE_SECONDS):
        await stream.send_all(data)


async def _dismiss(stream: trio.SocketStream, framing: Framing) -> None:
    """Let it read why before the connection is closed: to close at once, with audio unread, destroys that."""
    with suppress(trio.BrokenResourceError), trio.move_on_after(FAREWELL_SECONDS):
        await _flush(stream, framing)
        await stream.send_eof()
        while await stream.receive_some(READ_BYTES):
            pass


def _visitor(request: Request, peer: Address) -> Visitor:
    try:
        target = urlsplit(request.path)
    except ValueError:
        raise _AnsweredError(400, "the request's target is no path") from None
    return Visitor(
        peer=peer,
        target=request.path,
        path=target.path,
        query=dict(parse_qsl(target.query, keep_blank_values=True)),
        authorization=", ".join(request.headers.get_all("Authorization")) or None,
        signature=", ".join(request.headers.get_all("X-Twilio-Signature")) or None,
        subprotocols=offered(request),
    )


def _heed(name: str) -> None:
    """Raises _AnsweredError for a name that is no dialect's: without it another might be taken for meant."""
    if name.strip("/") not in {"", *choice.NAMES}:
        raise _AnsweredError(404, f"what may follow is a dialect's name: {', '.join(sorted(choice.NAMES))}")


def _dialect(visitor: Visitor) -> Dialect:
    try:
        return choice.begin(visitor.path, visitor.subprotocols, visitor.query)
    except DialectError as wrong:
        raise _AnsweredError(400, str(wrong)) from None
