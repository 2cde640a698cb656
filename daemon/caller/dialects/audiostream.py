"""FreeSWITCH's mod_audio_stream: the metadata of `start` as the first text, then audio, and a plain close.

The wire says nothing of its audio, so the URL has to.
"""

import json
from collections.abc import Mapping, Sequence

from daemon.caller.dialects.dialect import Call, Heard, Message, Messages
from daemon.caller.faults import Turn
from daemon.caller.kind import Kind, linear
from daemon.caller.lines import websocket
from daemon.caller.talk import Talk


class AudioStream:
    """One connection; see Dialect. With two voices its audio is interleaved, the caller first."""

    name = "audio-stream"

    def __init__(self, call: Call, talk: Talk) -> None:
        self._call = call
        self._rate = talk.codec.rate
        self._channels = 1 if talk.callee is None else 2

    @property
    def query(self) -> Mapping[str, str]:
        """See Dialect: 8,000 and 1 go without saying, as in a dialplan."""
        said = {"rate": (self._rate, 8000), "channels": (self._channels, 1)}
        return {key: str(value) for key, (value, usual) in said.items() if value != usual}

    def upgrade(self, host: str, key: str) -> Sequence[str]:
        """See Dialect: no blank after the colons, no subprotocol, no User-Agent."""
        return [
            f"Host:{host}",
            "Upgrade:websocket",
            "Connection:upgrade",
            f"Sec-WebSocket-Key:{key}",
            "Sec-WebSocket-Version:13",
            f"Origin:http://{host}",
        ]

    def begin(self) -> Messages:
        """See Dialect: the dialplan gives any text; ours says the usual things as JSON."""
        call = self._call
        return [json.dumps({"uuid": call.call_id, "caller_id": call.caller_id, "did": call.did})]

    def packet(self, talk: Talk, turn: Turn) -> Messages:
        """See Dialect: 320 bytes a voice for 20 ms at 8 kHz."""
        return [talk.interleaved[turn.number]]

    def finish(self, talk: Talk, sent: int) -> None:
        """See Dialect: its audio carries no time."""

    def receive(self, message: Message) -> Heard:
        """See Dialect: the module hands texts to the dialplan, and would play raw audio."""
        return Heard(audio=isinstance(message, bytes))

    def goodbye(self) -> Messages:
        """See Dialect: at a hangup, nothing."""
        return ()


KIND = Kind(
    name=AudioStream.name,
    dial=websocket.dialling(AudioStream),
    encodings={"L16": (8000, 16000, 24000, 32000, 48000)},
    codec_of=linear,
    both=True,
)
