"""Twilio Media Streams: `connected`, `start`, `media`, `stop`; mu-law, one track or both."""

import json
from collections.abc import Mapping
from typing import Any

from daemon.caller.dialects.dialect import Call, Messages, hex_id
from daemon.caller.dialects.mediastream import MediaStream
from daemon.caller.kind import Kind
from daemon.caller.lines import websocket
from daemon.caller.talk import Talk


class Twilio(MediaStream):
    """One connection; see Dialect. It tells no numbers but as custom parameters."""

    name = "twilio"
    sequence_key = "sequenceNumber"

    def __init__(self, call: Call, talk: Talk) -> None:
        super().__init__(call, talk)
        self._account, self._stream, self._call_sid = hex_id("AC"), hex_id("MZ"), hex_id("CA")

    def begin(self) -> Messages:
        """See Dialect."""
        start = {
            "accountSid": self._account,
            "streamSid": self._stream,
            "callSid": self._call_sid,
            "tracks": list(self.tracks),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"from": self.call.caller_id, "to": self.call.did},
        }
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        return [json.dumps(connected), self.message("start", start)]

    def end(self) -> Mapping[str, Any]:
        """See MediaStream."""
        return {"accountSid": self._account, "callSid": self._call_sid}

    def stream(self) -> Mapping[str, Any]:
        """See MediaStream."""
        return {"streamSid": self._stream}


KIND = Kind(
    name=Twilio.name,
    dial=websocket.dialling(Twilio),
    encodings={"PCMU": (8000,)},
    timed=True,
    both=True,
)
