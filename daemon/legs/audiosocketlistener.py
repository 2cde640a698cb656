"""The listener of AudioSocket: it hears who connects, and puts them through to the leg that waits."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import trio
from typing_extensions import override

from daemon.legs.connected import ConnectedLeg
from daemon.legs.doorway import Doorway, Guest, RefusedError, detached
from daemon.legs.switchboard import Switchboard
from daemon.legs.tcpline import TcpLine
from daemon.media import audiosocket
from daemon.media.audiosocket import Parser
from wavstream.process.admission import MOST_CONNECTIONS

IDENTITY_SECONDS = 5.0
"""From the connection to the end of its first frame, which Asterisk sends at once."""

NewCall = Callable[[UUID], Awaitable[ConnectedLeg[Parser]]]
"""Makes a call for a UUID that nobody registered, and gives its leg. Raises RefusedError."""


class AudioSocketListener(Doorway[Parser]):
    """Serves AudioSocket. With `new_call`, a UUID that nobody registered begins a call."""

    def __init__(
        self,
        switchboard: Switchboard[Parser],
        *,
        new_call: NewCall | None = None,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        super().__init__(switchboard, most_connections)
        self._new_call = new_call

    @override
    async def _put_through(self, stream: trio.SocketStream, guest: Guest) -> None:
        parser = Parser()
        try:
            with trio.fail_after(IDENTITY_SECONDS):
                uuid = await _identity(stream, parser)
        except trio.TooSlowError:
            raise RefusedError(f"no UUID within {IDENTITY_SECONDS:g} s") from None
        except trio.BrokenResourceError:
            raise RefusedError("it broke before its UUID") from None
        guest.owing_since = None
        leg = self._switchboard.find(str(uuid)) or await self._begin(uuid)
        line = TcpLine(detached(stream), str(guest.peer))
        try:
            leg.connect(line, parser)
            await line.over.wait()
            await line.linger()
        finally:
            line.close()

    async def _begin(self, uuid: UUID) -> ConnectedLeg[Parser]:
        if self._new_call is None:
            raise RefusedError(f"no leg waits for the UUID {uuid}")
        return await self._new_call(uuid)


async def _identity(stream: trio.SocketStream, parser: Parser) -> UUID:
    """The UUID of the first frame, and not a byte beyond it. Raises AudioSocketError, RefusedError."""
    missing = audiosocket.IDENTITY_BYTES
    while missing:
        data = await stream.receive_some(missing)
        if not data:
            raise RefusedError("it closed before its UUID")
        missing -= len(data)
        parser.feed(bytes(data))
        for frame in parser.frames():
            if frame.kind != audiosocket.IDENTITY:
                raise RefusedError(f"its first frame is of kind {frame.kind:#04x}, not its UUID")
            return frame.uuid
    raise RefusedError("its first frame is not its UUID")
