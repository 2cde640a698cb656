"""The WebSocket sender: a recording's bytes to wavstream, over as many connections as it takes."""

import math
import random
from typing import Any

import trio
from trio_websocket import WebSocketConnection

from daemon.recording import link
from daemon.recording.endpoint import WavstreamEndpoint
from daemon.recording.failure import RecordingFailed
from daemon.recording.link import LinkError, RefusedError
from daemon.recording.window import ReplayWindow, WindowError
from wavstream import protocol
from wavstream.process.logs import Log

ANSWER_SECONDS = 10.0
"""From `start` to `ready`: a server just started may be repairing files."""
SEND_SECONDS = 10.0
"""For a message to leave, to half as much again: a server that reads no more is as good as gone."""
ACK_SECONDS = 10.0
"""Acknowledgements come once a second; without any for so long, another connection may do better."""
COMPLETE_SECONDS = 60.0
"""From `stop` to `completed`: the server hashes the file meanwhile."""
REFUSED_SECONDS = 60.0
"""A server that turns us away for so long will not change its mind. One out of reach is waited for."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
PIECE_BYTES = 64 * 1024
"""After an outage the window leaves in pieces of this size."""
HOPELESS = frozenset({"format_changed", "failed"})
"""Error codes after which no other try can succeed."""
PASSING = frozenset({"unavailable", "replaced"})
"""Error codes of a server that means us well: as good as one out of reach."""


class Sender:
    """Sends what stands in `window` until the server has completed the recording that `start` names.

    `reason` and `metadata` are what `stop` will say. `connections` counts those that got as far as `ready`.
    """

    def __init__(
        self, *, start: protocol.Start, endpoint: WavstreamEndpoint, window: ReplayWindow, log: Log
    ) -> None:
        self.reason: protocol.Reason = "stopped"
        self.metadata: dict[str, Any] = {}
        self.stopped = False
        self.connected = False
        self.connections = 0
        self._start = start
        self._endpoint = endpoint
        self._window = window
        self._log = log
        self._news = trio.lowlevel.ParkingLot()
        self._pause = FIRST_PAUSE_SECONDS
        self._progress = 0.0
        self._refused_since: float | None = None
        self._completed: protocol.Completed | None = None

    def news(self) -> None:
        """The window has grown, or was closed."""
        self._news.unpark_all()

    async def run(self) -> protocol.Completed:
        """Connect, and connect again, until the recording is on the server's disk. Raises RecordingFailed."""
        while self._completed is None:
            try:
                await self._connect()
            except LinkError as interrupted:
                self._take_stock(interrupted)
                await trio.sleep(self._next_pause())
        return self._completed

    async def _connect(self) -> None:
        """One connection, from its opening to `completed`. Raises LinkError, RecordingFailed."""
        raised: list[Exception] = []
        try:
            async with link.tcp(self._endpoint) as stream, trio.open_nursery() as nursery:
                connection = await link.shake_hands(self._endpoint, stream, nursery)
                if await self._greet(connection):
                    nursery.start_soon(self._talk, connection, name="WebSocket sender: audio")
                    await self._listen(connection)
                await link.part(connection)
                nursery.cancel_scope.cancel()
        except* (RecordingFailed, WindowError, *link.TROUBLES) as several:
            raised.extend(several.exceptions)
        finally:
            self.connected = False
        if raised and self._completed is None:
            raise _gravest(raised)

    async def _greet(self, connection: WebSocketConnection) -> bool:
        """Say which recording this is, and go on from where the server stands. False: it is complete."""
        with trio.move_on_after(ANSWER_SECONDS):
            await connection.send_message(protocol.encode(self._start))
            match self._understand(await connection.get_message()):
                case protocol.Ready(offset=offset):
                    self._window.rewind(offset)
                case protocol.Completed() as completed:
                    self._completed = completed
                    return False
                case other:
                    raise LinkError(f"{other.type} in place of ready")
            self.connected = True
            self.connections += 1
            self._progress = trio.current_time()
            self._log.info("wavstream connected", offset=offset, connection=self.connections)
            return True
        raise LinkError("no answer to start")

    async def _talk(self, connection: WebSocketConnection) -> None:
        """Send all there is, and say that it was all. Ended from outside by `completed`. Raises LinkError."""
        with trio.move_on_after(SEND_SECONDS) as patience:
            await self._send_audio(connection, patience)
            self.stopped = True
            stop = protocol.Stop(offset=self._window.end, reason=self.reason, metadata=self.metadata)
            patience.deadline = trio.current_time() + SEND_SECONDS
            await connection.send_message(protocol.encode(stop))
            patience.deadline = math.inf
            await trio.sleep(COMPLETE_SECONDS)
            raise LinkError("no answer to stop")
        raise LinkError("the server reads no more")

    async def _send_audio(self, connection: WebSocketConnection, patience: trio.CancelScope) -> None:
        """Send what stands in the window, until it is closed and empty."""
        window = self._window
        while not window.closed or window.waiting:
            now = trio.current_time()
            if patience.deadline < now + SEND_SECONDS:  # moved seldom, for it costs a tenth of a message
                patience.deadline = now + 1.5 * SEND_SECONDS
            if not window.unacknowledged:
                self._progress = now
            elif now - self._progress > ACK_SECONDS:
                raise LinkError("no acknowledgement")
            data = window.take(PIECE_BYTES)
            if data:
                await connection.send_message(data)
            else:
                await self._news.park()  # the timeline gives audio at every beat, or closes

    async def _listen(self, connection: WebSocketConnection) -> None:
        while self._completed is None:
            match self._understand(await connection.get_message()):
                case protocol.Ack(offset=offset):
                    self._window.ack(offset)
                    self._progress = trio.current_time()
                    self._pause = FIRST_PAUSE_SECONDS
                    self._refused_since = None
                case protocol.Completed() as completed:
                    self._completed = completed
                    if self.stopped:
                        self._window.ack(self._window.end)
                case other:
                    raise LinkError(f"unexpected {other.type}")

    def _understand(self, text: str | bytes) -> protocol.Message:
        """The server's message. Raises RefusedError for an error, RecordingFailed for one that is final."""
        if isinstance(text, bytes):
            raise protocol.ProtocolError("a binary message from the server")
        message = protocol.decode(text)
        if isinstance(message, protocol.Error):
            if message.code in HOPELESS:
                raise RecordingFailed(f"wavstream: {message.message}")
            kind = LinkError if message.code in PASSING else RefusedError
            raise kind(f"{message.code}: {message.message}")
        return message

    def _take_stock(self, interrupted: LinkError) -> None:
        """Log why a connection ended. Raises RecordingFailed when it is of no use to go on."""
        now = trio.current_time()
        if not isinstance(interrupted, RefusedError):
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        elif now - self._refused_since > REFUSED_SECONDS:
            raise RecordingFailed(f"wavstream refuses the recording: {interrupted}")
        self._log.warning(
            "wavstream lost", error=str(interrupted), waiting=self._window.end - self._window.acked
        )

    def _next_pause(self) -> float:
        """Growing, and never the same for two recordings: a server that comes back is not run over."""
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return pause * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _gravest(raised: list[Exception]) -> LinkError | RecordingFailed:
    """What counts of all that went wrong at the same time."""
    for kind in (RecordingFailed, RefusedError):
        for each in map(_ours, raised):
            if isinstance(each, kind):
                return each
    return _ours(raised[0])


def _ours(raised: Exception) -> LinkError | RecordingFailed:
    if isinstance(raised, RecordingFailed):
        return raised
    return RefusedError(str(raised)) if isinstance(raised, WindowError) else link.trouble(raised)
