"""A switch's connection: the shell, with all of the waiting, around what its dialect makes of messages."""

from collections.abc import Callable
from typing import Protocol

import trio
from websockets.frames import CloseCode

from wavstream.ingest.dialect import Closing
from wavstream.ingest.websocket import READ_BYTES, DisconnectedError, WebSocket
from wavstream.live import LiveRecording
from wavstream.process import logs
from wavstream.process.cadence import Cadence
from wavstream.process.framing import Message
from wavstream.protocol import Reason
from wavstream.space import NoRoomError

STILL_SECONDS = 0.05
"""At the stop: what has arrived is there at once, and after this pause there is no more of it."""


log = logs.get(__name__)


class Talk(Protocol):
    """A dialect's understanding of one connection: messages in, recordings out, no waiting."""

    decide_at: float
    """When what is open has to be decided without any further message, on Trio's clock."""

    @property
    def present(self) -> LiveRecording | None:
        """The recording that runs."""
        ...

    def take_in(self, messages: list[Message]) -> Closing | None:
        """All that one read brought, in order; Closing where that ends the connection."""
        ...

    def decide(self) -> Closing | None:
        """`decide_at` has come."""
        ...

    def end(self, reason: Reason) -> Closing:
        """No more will come."""
        ...


class SwitchCall:
    """The conversation with a switch, see Conversation: it never comes back, its end is the recording's."""

    def __init__(self, talk: Talk, cadence: Cadence, *, peer: str) -> None:
        self._talk = talk
        self._cadence = cadence
        self._log = log.bind(peer=peer)

    async def run(self, websocket: WebSocket) -> Closing:
        """See Conversation."""
        while True:
            closing: Closing | None = None
            with trio.CancelScope(deadline=self._talk.decide_at) as undecided:
                try:
                    closing = self._take_in(await websocket.receive())
                except DisconnectedError as gone:
                    return self._gone(gone)
            if undecided.cancelled_caught:
                closing = self._where_there_is_room(self._talk.decide)
            if closing is not None:
                return closing
            await self._breathe(websocket)

    async def drain(self, websocket: WebSocket) -> None:
        """See Conversation."""
        while True:
            closing: Closing | None = None
            with trio.move_on_after(STILL_SECONDS) as still:
                try:
                    closing = self._take_in(await websocket.receive())
                except DisconnectedError as gone:
                    closing = self._gone(gone)
            if still.cancelled_caught or closing is not None:
                return

    def release(self) -> None:
        """See Conversation."""
        self._where_there_is_room(lambda: self._talk.end("interrupted"))

    def _gone(self, gone: DisconnectedError) -> Closing:
        reason: Reason = "stopped" if gone.ended.clean else "interrupted"
        return self._where_there_is_room(lambda: self._talk.end(reason)) or Closing(CloseCode.NORMAL_CLOSURE)

    def _take_in(self, messages: list[Message]) -> Closing | None:
        return self._where_there_is_room(lambda: self._talk.take_in(messages))

    def _where_there_is_room(self, work: Callable[[], Closing | None]) -> Closing | None:
        """Do it; a recording that may not begin, because the disk is nearly full, ends the connection."""
        try:
            return work()
        except NoRoomError as wrong:
            self._log.warning("recording refused", error=str(wrong))
            return Closing(CloseCode.TRY_AGAIN_LATER, str(wrong))

    async def _breathe(self, websocket: WebSocket) -> None:
        """Let the next read bring all that comes until the next beat, when the disk can take more."""
        if self._talk.present is not None:
            await self._talk.present.room()
        if websocket.read < READ_BYTES:
            await self._cadence.beat()
