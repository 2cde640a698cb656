"""The server's side of one WebSocket connection (RFC 6455): bytes in, messages and bytes out. No I/O.

A thin cover over the Sans-I/O protocol object of `websockets`: it holds back what comes before the answer to
the upgrade, puts fragments together, joins audio that came together, and says in one place how it ended.
"""

import logging
from dataclasses import dataclass
from typing import cast

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.frames import CloseCode, Frame, Opcode
from websockets.headers import parse_subprotocol
from websockets.http11 import Request
from websockets.protocol import OPEN, Protocol
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

MOST_REQUEST_BYTES = 16_384
"""An upgrade request is some hundred bytes; nobody may make us keep more than this of one."""

_END_OF_REQUEST = b"\r\n\r\n"
_CONTROL = {Opcode.CLOSE, Opcode.PING, Opcode.PONG}

# What a connection did is logged by those who know what it was for.
_silent = logging.getLogger(f"{__name__}.websockets")
_silent.setLevel(logging.CRITICAL)

Message = str | bytes


class RequestError(Exception):
    """What came is no upgrade request. There may be an answer to send."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a connection ended: the close code (RFC 6455, section 7.4) and the words of whoever ended it.

    1006 is an end without any close. `by_peer` is False where it broke the protocol and was cut off.
    """

    code: int
    reason: str
    by_peer: bool

    @property
    def clean(self) -> bool:
        """Whether the peer took its leave in an orderly way."""
        return self.by_peer and self.code in {
            CloseCode.NORMAL_CLOSURE,
            CloseCode.GOING_AWAY,
            CloseCode.NO_STATUS_RCVD,
        }


class Framing:
    """One connection: feed it what arrives, send what it has to send, until `ended`."""

    def __init__(self, max_message_bytes: int) -> None:
        self._protocol = ServerProtocol(max_size=max_message_bytes, logger=_silent)
        self._early = bytearray()  # before the answer to the upgrade: its request, and what came too soon
        self._fragments = bytearray()
        self._fragments_are_text = False
        self._request = Request("", Headers())
        self.frames = 0
        """Frames so far, of whatever kind: each costs as much as the next, also an empty one."""
        self.binaries = 0
        """Binary messages with anything in them so far, which `messages` joins."""
        self.ended: Ended | None = None
        """How the connection ended; no message comes after it is set."""

    def receive_request(self, data: bytes) -> Request | None:
        """Take in bytes until the upgrade request is whole, and return it.

        Raises RequestError where it is none (`data` empty: the peer left before the end of it).
        """
        self._early += data
        head, separator, rest = self._early.partition(_END_OF_REQUEST)
        if not separator:
            if not data or len(head) > MOST_REQUEST_BYTES:
                raise RequestError("no whole request came")
            return None
        self._early = rest
        self._protocol.receive_data(head + separator)
        events = self._protocol.events_received()
        if not events:
            raise RequestError(str(self._protocol.handshake_exc))
        self._request = cast("Request", events[0])
        return self._request

    def accept(self, subprotocol: str | None = None) -> bool:
        """Answer the request with 101, and with `subprotocol` if it must be that; no extension is taken.

        False where the request cannot be answered so: then what is outgoing says why.
        """
        self._protocol.available_subprotocols = [Subprotocol(subprotocol)] if subprotocol else None
        self._protocol.send_response(self._protocol.accept(self._request))
        if self._protocol.state is not OPEN:
            return False
        if self._early:
            early, self._early = bytes(self._early), bytearray()
            self.feed(early)
        return True

    def refuse(self, status: int, words: str) -> None:
        """Answer the request with another HTTP status, and `words` as its body."""
        self._protocol.send_response(self._protocol.reject(status, words + "\n"))

    def feed(self, data: bytes) -> None:
        """Take in what arrived after the request; b"" is the end of the stream."""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()

    def discard(self, data: bytes) -> None:
        """Take in what arrives after our own close, for nothing but the peer's answer to it."""
        if data:
            self._protocol.receive_data(data)
        self._protocol.events_received()

    def messages(self) -> list[Message]:
        """The messages that have become whole, in order.

        Binary messages without a text between them come as one: they are one stream of audio.
        """
        messages: list[Message] = []
        audio: list[bytes] = []
        frames = cast("list[Frame]", self._protocol.events_received())
        self.frames += len(frames)
        for frame in frames:
            if frame.opcode is Opcode.BINARY and frame.fin:  # all audio of all known senders
                audio.append(bytes(frame.data))
                self.binaries += bool(frame.data)
            elif frame.opcode not in _CONTROL and (whole := self._assemble(frame)) is not None:
                if isinstance(whole, bytes):
                    audio.append(whole)
                    self.binaries += bool(whole)
                else:
                    messages += _joined(audio)
                    messages.append(whole)
                    audio = []
            elif self.ended is not None:  # what comes behind a text that is none is no part of anything
                break
        messages += _joined(audio)
        if self.ended is None:
            self.ended = _end(self._protocol)
        return messages

    def _assemble(self, frame: Frame) -> Message | None:
        """The message that a frame completes, if it does; their order and size have been checked."""
        if frame.opcode is not Opcode.CONT:
            self._fragments = bytearray()
            self._fragments_are_text = frame.opcode is Opcode.TEXT
        self._fragments += frame.data
        if not frame.fin:
            return None
        whole, self._fragments = bytes(self._fragments), bytearray()
        if not self._fragments_are_text:
            return whole
        try:
            return whole.decode()
        except UnicodeDecodeError:
            self.close(CloseCode.INVALID_DATA, "text that is not UTF-8")
            self.ended = Ended(CloseCode.INVALID_DATA, "text that is not UTF-8", by_peer=False)
            return None

    def send_text(self, text: str) -> None:
        """Send a text message. Does nothing once the connection is closing."""
        if self._protocol.state is OPEN:
            self._protocol.send_text(text.encode())

    def send_binary(self, data: bytes) -> None:
        """Send a binary message. Does nothing once the connection is closing."""
        if self._protocol.state is OPEN:
            self._protocol.send_binary(data)

    def ping(self) -> None:
        """Ask whether the peer is there. Does nothing once the connection is closing."""
        if self._protocol.state is OPEN:
            self._protocol.send_ping(b"")

    def close(self, code: int, reason: str = "") -> None:
        """Begin to close, if that has not begun. A reason is cut to the 123 bytes that a frame can take."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(code, reason.encode()[:123].decode(errors="ignore"))

    def outgoing(self) -> tuple[bytes, bool]:
        """What is to be sent now, and whether that is all that will ever be."""
        writes = self._protocol.data_to_send()
        return b"".join(writes), b"" in writes


def offered(request: Request) -> list[str]:
    """The subprotocols that a request offers, in order of preference; none where their form is wrong."""
    try:
        headers = map(parse_subprotocol, request.headers.get_all("Sec-WebSocket-Protocol"))
        return [str(each) for header in headers for each in header]
    except InvalidHeader:  # which `accept` refuses
        return []


def _joined(audio: list[bytes]) -> list[Message]:
    """Audio in one piece. A last message that is empty stands by itself: to some senders it is an end."""
    if len(audio) > 1 and not audio[-1]:
        return [b"".join(audio), b""]
    return [b"".join(audio)] if audio else []


def _end(protocol: Protocol) -> Ended | None:
    if protocol.close_rcvd is not None:
        return Ended(protocol.close_rcvd.code, protocol.close_rcvd.reason, by_peer=True)
    if isinstance(protocol.parser_exc, EOFError):
        return Ended(CloseCode.ABNORMAL_CLOSURE, "", by_peer=True)
    if protocol.parser_exc is not None:
        sent = protocol.close_sent
        return Ended(
            sent.code if sent else CloseCode.ABNORMAL_CLOSURE, str(protocol.parser_exc), by_peer=False
        )
    return None
