"""The opening handshake of a WebSocket (RFC 6455 §4.1), written as each switch writes it. No I/O."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from daemon.caller.line import LineError

MOST_ANSWER_BYTES = 16 * 1024
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_END = b"\r\n\r\n"


class Answer(NamedTuple):
    """The head of an HTTP answer, and what came behind it."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    rest: bytes


def request(target: str, lines: Sequence[str]) -> bytes:
    """The upgrade: its target (path and query), and its header lines."""
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode()


def answered(data: bytes) -> Answer | None:
    """The answer, once all of its head is there. Raises LineError for what is none."""
    head, end, rest = data.partition(_END)
    if not end:
        if len(data) > MOST_ANSWER_BYTES:
            raise LineError("the server's answer has no end")
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/1.") or not status[:3].isdecimal():
        raise LineError(f"the server does not answer as HTTP does: {first[:60]!r}")
    pairs = (line.partition(":") for line in lines)
    return Answer(int(status[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}, rest)


def check(answer: Answer, key: str, lines: Sequence[str]) -> None:
    """Take the answer to an upgrade with that key and those header lines, or raise LineError."""
    if answer.status != 101:
        raise LineError(f"the server refused the WebSocket with HTTP status {answer.status}")
    if answer.headers.get("sec-websocket-accept") != _accepted(key):
        raise LineError("the server's answer is to another WebSocket")
    offered = _value(lines, "sec-websocket-protocol")
    chosen = answer.headers.get("sec-websocket-protocol")
    if chosen != offered:
        raise LineError(f"the server speaks {chosen or 'no subprotocol'}, not {offered or 'none'}")
    if "sec-websocket-extensions" in answer.headers:
        raise LineError("the server uses an extension that it was not offered")


def _accepted(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


def _value(lines: Sequence[str], name: str) -> str | None:
    pairs = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in pairs if key.lower() == name), None)
