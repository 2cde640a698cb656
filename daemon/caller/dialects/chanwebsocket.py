"""Asterisk's chan_websocket: MEDIA_START, then audio; its control messages are plain texts, or JSON."""

import json
import secrets
from collections.abc import Mapping, Sequence
from functools import partial

from daemon.caller.dialects.dialect import Call, Heard, Message, Messages
from daemon.caller.faults import Turn
from daemon.caller.kind import Kind, linear
from daemon.caller.lines import websocket
from daemon.caller.talk import Talk
from daemon.media import codecs

_LINEAR = {rate: f"slin{rate // 1000}" for rate in codecs.RATES} | {8000: "slin"}
_FORMATS = {"PCMU": "ulaw", "PCMA": "alaw"}
PEER = "media_connection1"


class ChanWebSocket:
    """One connection; see Dialect. The call's identity travels in the query, where the dialplan puts it."""

    name = "chan-websocket"

    def __init__(self, call: Call, talk: Talk, *, in_json: bool = False) -> None:
        self._call = call
        self._json = in_json
        self._channel = f"WebSocket/{PEER}/0x{secrets.token_hex(6)}"
        self._channel_id = f"{secrets.randbelow(10**10)}.{secrets.randbelow(1000)}"
        self._format = _FORMATS.get(talk.codec.name) or _LINEAR[talk.codec.rate]
        self._frame_bytes = talk.samples * talk.codec.bytes_per_sample

    @property
    def query(self) -> Mapping[str, str]:
        """See Dialect."""
        return {"uuid": self._call.call_id}

    def upgrade(self, host: str, key: str) -> Sequence[str]:
        """See Dialect: in Asterisk's order."""
        return [
            "Sec-WebSocket-Version: 13",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Host: {host}",
            "Sec-WebSocket-Protocol: media",
            f"Sec-WebSocket-Key: {key}",
        ]

    def begin(self) -> Messages:
        """See Dialect."""
        fields: dict[str, object] = {
            "connection_id": PEER,
            "channel": self._channel,
            "channel_id": self._channel_id,
            "format": self._format,
            "optimal_frame_size": self._frame_bytes,
            "ptime": 20,
        }
        if self._json:
            fields["channel_variables"] = {"CALLERID(num)": self._call.caller_id}
        return [self._control("MEDIA_START", fields)]

    def _control(self, event: str, fields: Mapping[str, object]) -> str:
        if self._json:
            return json.dumps({"event": event, **fields}, separators=(",", ":"))
        return " ".join([event, *(f"{key}:{value}" for key, value in fields.items())])

    def packet(self, talk: Talk, turn: Turn) -> Messages:
        """See Dialect: slin has the low byte first, 320 bytes for 20 ms at 8 kHz."""
        return [talk.payloads[turn.number]]

    def finish(self, talk: Talk, sent: int) -> None:
        """See Dialect: its audio carries no time."""

    def receive(self, message: Message) -> Heard:
        """See Dialect: audio, or one of the commands, of which HANGUP ends the call."""
        if isinstance(message, bytes):
            return Heard(audio=True)
        command = self._command(message)
        if command == "GET_STATUS":
            status = {"channel_id": self._channel_id, "queue_length": 0, "media_paused": "false"}
            return Heard(replies=[self._control("STATUS", status)])
        return Heard(over=command == "HANGUP")

    def _command(self, text: str) -> object:
        if not self._json:
            return text.partition(" ")[0]
        try:
            said = json.loads(text)
        except ValueError:
            return None
        return said.get("command") if isinstance(said, dict) else None

    def goodbye(self) -> Messages:
        """See Dialect: the close alone is the end."""
        return ()


KIND = Kind(
    name=ChanWebSocket.name,
    dial=websocket.dialling(ChanWebSocket),
    encodings={"L16": codecs.RATES, "PCMU": (8000,), "PCMA": (8000,)},
    codec_of=linear,
)
JSON_KIND = Kind(
    name="chan-websocket-json",
    dial=websocket.dialling(partial(ChanWebSocket, in_json=True)),
    encodings=KIND.encodings,
    codec_of=linear,
)
