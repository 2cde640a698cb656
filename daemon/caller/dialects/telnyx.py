"""Telnyx media streaming: Twilio's shape in snake case, in the call's own codec, and in any order."""

import json
from collections.abc import Mapping
from typing import Any

from daemon.caller.dialects.dialect import Call, Messages, hex_id
from daemon.caller.dialects.mediastream import MediaStream
from daemon.caller.kind import RELIABLE, Kind
from daemon.caller.lines import websocket
from daemon.caller.talk import Talk


class Telnyx(MediaStream):
    """One connection; see Dialect."""

    name = "telnyx"
    sequence_key = "sequence_number"

    def __init__(self, call: Call, talk: Talk) -> None:
        super().__init__(call, talk)
        self._stream = hex_id("")
        self._who = {"user_id": hex_id(""), "call_control_id": f"v3:{hex_id('')}"}

    def begin(self) -> Messages:
        """See Dialect."""
        codec = self.talk.codec
        start = {
            **self._who,
            "call_session_id": self.call.call_id,
            "from": self.call.caller_id,
            "to": self.call.did,
            "media_format": {"encoding": codec.name, "sample_rate": codec.rate, "channels": 1},
        }
        return [json.dumps({"event": "connected", "version": "1.0.0"}), self.message("start", start)]

    def end(self) -> Mapping[str, Any]:
        """See MediaStream."""
        return self._who

    def stream(self) -> Mapping[str, Any]:
        """See MediaStream."""
        return {"stream_id": self._stream}


KIND = Kind(
    name=Telnyx.name,
    dial=websocket.dialling(Telnyx),
    encodings={"PCMU": (8000,), "PCMA": (8000,)},
    faults=RELIABLE | {"reorder"},  # it does not promise the order
    timed=True,
    both=True,
)
