"""One call and its recording, as every example of the API's document shows them."""

from typing import Any

Example = dict[str, Any]

APP_ID = "shop"
SESSION_UUID = "acW68-f47ac10b-58cc-4372-a567-0e02b2c3d479"
RECORDING_ID = "0b9d8a4e-3f3c-4a55-8f6e-2c1d7a9b6e10"
OPERATION_ID = "7c0f8d1e-5b7a-4c55-9d63-1f1a2b3c4d5e"
COMMAND_UID = "start-1"
EVENT_ID = "msg_9f86d081884c7d659a2feaa0c55ad015"
SECRET = "whsec_RVhBTVBMRSBTRUNSRVQgT0YgMjQgQllURVM="  # noqa: S105 - nobody has it
BEGAN = 1767225600.0
"""2026-01-01 00:00:00 UTC."""

CALLER_LEG: Example = {"leg": "caller", "host": "127.0.0.1", "port": 20000}
CALLEE_LEG: Example = {"leg": "callee", "host": "127.0.0.1", "port": 20002}
CALLER_AUDIOSOCKET: Example = {
    "leg": "caller",
    "host": "127.0.0.1",
    "port": 9092,
    "uuid": "40325ec2-5efd-4bd3-805f-53576e581d13",
}
CALLEE_AUDIOSOCKET: Example = {
    **CALLER_AUDIOSOCKET,
    "leg": "callee",
    "uuid": "1f2a6d34-9f0f-4e0b-9a53-6a1e6f6f2d57",
}
CALLER_WEBSOCKET: Example = {
    "leg": "caller",
    "url": "ws://127.0.0.1:8001/v1/media/dGhpcyBpcyBhIHRva2Vu",
}
CALLEE_WEBSOCKET: Example = {
    "leg": "callee",
    "url": "ws://127.0.0.1:8001/v1/media/YW5vdGhlciB0b2tlbiE",
}
MEDIA: Example = {
    "rtp": [CALLER_LEG, CALLEE_LEG],
    "audiosocket": [CALLER_AUDIOSOCKET, CALLEE_AUDIOSOCKET],
    "websocket": [CALLER_WEBSOCKET, CALLEE_WEBSOCKET],
}
CALL: Example = {"caller_id": "+49 30 1234567", "did": "100"}
SESSION: Example = {
    "session_uuid": SESSION_UUID,
    "state": "active",
    **CALL,
    "created_at": BEGAN,
    "ended_at": None,
    "cause": None,
}
RECEIVED: Example = {
    "packets": 1500,
    "lost": 2,
    "reordered": 1,
    "duplicates": 0,
    "jitter_ms": 0.4,
    "drift_ppm": None,
}
RTCP: Example = {
    "port": 20001,
    "sent": 6,
    "reports": 6,
    "round_trip_ms": 1.3,
    "far_lost": 0,
    "far_jitter_ms": 2.5,
    "bye": False,
}
LEG: Example = {
    "leg": "caller",
    "kind": "rtp",
    "state": "active",
    "codec": "PCMU",
    "rate": 8000,
    "packets": 1500,
    "lost": 2,
    "jitter_ms": 0.4,
    "duplicates": 0,
    "reordered": 1,
    "strangers": 0,
    "malformed": 0,
    "unknown": 0,
    "comfort_noise": 12,
    "keys": 1,
    "dtmf": [{"key": "5", "at": 1767225612.4}],
    "anchors": 1,
    "corrected": 0,
    "drift_ppm": -12.3,
    "silence_packets": 1500,
    "quality": {**RECEIVED, "unheard_seconds": 0.02},
    "rtcp": RTCP,
}
AUDIOSOCKET_LEG: Example = {
    "leg": "caller",
    "kind": "audiosocket",
    "state": "active",
    "connected": True,
    "connections": 1,
    "codec": "slin",
    "rate": 8000,
    "frames": 1500,
    "keys": 1,
    "dtmf": [{"key": "5", "at": 1767225612.4}],
    "unknown": 0,
    "anchors": 1,
    "corrected": 0,
    "drift_ppm": None,
    "silence_frames": 300,
    "quality": {
        "packets": 1500,
        "lost": 0,
        "reordered": 0,
        "duplicates": 0,
        "jitter_ms": None,
        "drift_ppm": None,
        "unheard_seconds": 0.02,
    },
}
SWITCH_CALL: Example = {
    "call_id": "CA0123456789abcdef",
    "caller_id": "+49301234567",
    "did": "100",
    "fields": {"tracks": ["inbound"]},
}
WEBSOCKET_LEG: Example = {
    **AUDIOSOCKET_LEG,
    "kind": "websocket",
    "codec": "PCMU",
    "dialect": "twilio",
    "call": SWITCH_CALL,
}
PLACED: Example = {
    "placed": 239_680,
    "masked": 0,
    "duplicate": 0,
    "late": 0,
    "early": 0,
    "outside": 160,
    "filled": 320,
}
QUALITY: Example = {
    **RECEIVED,
    "late_seconds": 0.0,
    "dropped_seconds": 0.0,
    "filled_seconds": 0.04,
    "silent_seconds": 1.2,
    "audible": True,
}
RUNNING: Example = {
    "recording_id": RECORDING_ID,
    "state": "recording",
    "command_uid": COMMAND_UID,
    "reason": None,
    "sample_rate": 8000,
    "channels": 1,
    "encoding": "pcm16",
    "started_at": BEGAN + 2,
    "stopped_at": None,
    "duration": 30.0,
    "size": None,
    "sha256": None,
    "recording_url": None,
    "expires_at": None,
    "error": None,
    "paused": False,
    "pauses": [[12.5, 20.0]],
    "audio": None,
    "quality": None,
    "no_audio": None,
    "erased_at": None,
}
LIVE: Example = {
    **RUNNING,
    "connected": True,
    "allowance_ms": 120,
    "kept": 29.8,
    "waiting": 0.2,
    "lost": 0.0,
    "audio": {"caller": PLACED},
    "quality": {"caller": QUALITY},
}
KEPT: Example = {
    "recording_url": "https://recordings.example/r/3q2-7wEXAMPLEbm90YXJlYWxvbmU.wav",
    "duration": 30.0,
    "size": 480_044,  # 30 s at 8000 samples of 2 bytes, behind a header of 44
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "expires_at": BEGAN + 32 + 24 * 3600,
    "quality": {"caller": QUALITY},
    "no_audio": False,
}
COMPLETED: Example = {
    **RUNNING,
    "state": "completed",
    "reason": "stopped",
    "stopped_at": BEGAN + 32,
    "audio": {"caller": PLACED},
    **KEPT,
}
APPLICATION: Example = {
    "success": True,
    "app_id": APP_ID,
    "webhook_url": "https://shop.example/hooks",
    "rate_limit": 0,
    "events": ["recording.completed"],
}
DEAD_LETTER: Example = {
    "event_id": EVENT_ID,
    "app_id": APP_ID,
    "session_uuid": SESSION_UUID,
    "sequence": 1,
    "event": "call.new",
    "created_at": BEGAN,
    "resent_at": None,
    "attempts": 80,
    "error": "the receiver answered 500",
}
