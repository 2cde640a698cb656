"""How Twilio and Telnyx begin, as their documentation has it."""

import base64
import json
from typing import Any

TWILIO_START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"from": "+4930123", "to": "+4930456", "queue": "sales"},
    },
    "streamSid": "MZ1",
}
TELNYX_START: dict[str, Any] = {
    "event": "start",
    "sequence_number": "1",
    "start": {
        "user_id": "u1",
        "call_control_id": "v3:c1",
        "call_session_id": "s1",
        "from": "+4930123",
        "to": "+4930456",
        "client_state": "aGF2ZQ==",
        "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
    },
    "stream_id": "t1",
}
CONNECTED = '{"event": "connected", "protocol": "Call", "version": "1.0.0"}'


def begin(start: dict[str, Any], **more: object) -> str:
    """A start message, with some of it replaced."""
    return json.dumps(start | {"start": start["start"] | more})


def media(payload: bytes, **more: object) -> str:
    """A media message of either company: what differs, nobody reads."""
    said = {"track": "inbound", "payload": base64.b64encode(payload).decode()} | more
    return json.dumps({"event": "media", "media": said, "streamSid": "MZ1"})
