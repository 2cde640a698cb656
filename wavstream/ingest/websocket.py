"""A WebSocket connection on a Trio stream: the shell around `framing`."""

import socket
from contextlib import suppress

import trio
from websockets.frames import CloseCode
from websockets.http11 import Request

from wavstream.process.framing import Ended, Framing, Message

READ_BYTES = 65_536
"""One read: a second of the densest telephone audio (16 kHz, stereo, 16 bit) and its framing."""
SEND_SECONDS = 10.0
"""What is sent is small, and fits into any socket buffer: a peer that takes none of it so long is gone."""
LINGER_SECONDS = 2.0
"""After our close: FreeSWITCH lets go of TCP a second later. Going sooner may reset what it has not read."""


class DisconnectedError(Exception):
    """The connection has ended; `ended` says how."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(f"{ended.code} {ended.reason}".rstrip())
        self.ended = ended


class WebSocket:
    """One connection. One task may receive while others send."""

    def __init__(self, stream: trio.SocketStream, max_message_bytes: int) -> None:
        self._stream = stream
        self._framing = Framing(max_message_bytes)
        self._sending = trio.Lock()
        self._ready: list[Message] = []
        self._answered = False
        self.read = 0
        """Bytes that the last read brought; READ_BYTES: there is more."""
        self.reads = 0
        """Reads so far that brought anything."""
        self.listening = False
        """Whether somebody waits for what the peer says."""

    async def request(self) -> Request:
        """The upgrade request. Raises RequestError where it is none, or the peer leaves."""
        while True:
            request = self._framing.receive_request(await self._receive_some())
            if request is not None:
                return request

    async def accept(self, subprotocol: str | None = None) -> bool:
        """Answer it with 101. False where that could not be; then the answer has been another one."""
        accepted = self._framing.accept(subprotocol)
        self._answered = True
        await self._flush()
        return accepted

    async def refuse(self, status: int, words: str) -> None:
        """Answer it with another HTTP status."""
        self._framing.refuse(status, words)
        self._answered = True
        await self._flush()

    async def receive(self) -> list[Message]:
        """The next messages, at least one. Raises DisconnectedError when no more can come.

        Cancelled at any point, it loses nothing: the next call goes on.
        """
        while True:
            self._ready += self._framing.messages()
            try:
                await self._flush()  # pongs, and the answer to a close
            except DisconnectedError:
                if not self._ready:  # a peer that is gone may well have said something before
                    raise
            if self._ready:
                messages, self._ready = self._ready, []
                return messages
            if self._framing.ended is not None:
                raise DisconnectedError(self._framing.ended)
            self._framing.feed(await self._receive_some())

    async def send(self, text: str) -> None:
        """Send a text message; one that can no longer be sent is dropped. Raises DisconnectedError."""
        self._framing.send_text(text)
        await self._flush()

    async def ping(self) -> None:
        """Ask whether the peer is there: its answer is a read like any other."""
        self._framing.ping()
        with suppress(DisconnectedError):  # whoever listens finds out by himself
            await self._flush()

    def give_up(self) -> None:
        """The peer is gone without a word: whoever listens hears the end of the connection."""
        with suppress(OSError):
            self._stream.socket.shutdown(socket.SHUT_RD)

    async def close(self, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """End the connection in an orderly way, if the peer lets us; in any case end it."""
        try:
            with trio.move_on_after(LINGER_SECONDS):
                self._framing.close(code, reason)
                await self._flush()
                while self._answered and (data := await self._receive_some()):
                    self._framing.discard(data)  # until the peer's own close is among it
                    await self._flush()
        except DisconnectedError:
            pass
        finally:
            await trio.aclose_forcefully(self._stream)

    async def _receive_some(self) -> bytes:
        self.listening = True
        try:
            data = bytes(await self._stream.receive_some(READ_BYTES))
        except trio.BrokenResourceError:  # reset by the peer: to us, an end like any other
            data = b""
        finally:
            self.listening = False
        self.read = len(data)
        self.reads += 1
        return data

    async def _flush(self) -> None:
        data, all_sent = self._framing.outgoing()
        if not (data or all_sent):
            return
        try:
            with trio.fail_after(SEND_SECONDS):
                async with self._sending:
                    await self._stream.send_all(data)
                    if all_sent:
                        await self._stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            raise DisconnectedError(Ended(CloseCode.ABNORMAL_CLOSURE, "", by_peer=True)) from None
