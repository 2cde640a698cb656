"""Telnyx media streaming: Twilio's shape in snake case, with the call's own codec, in any order."""

import json
from collections.abc import Mapping
from typing import Any

from daemon.media.codecs import PCMU, Codec, named
from daemon.media.dialects.dialect import Begun, DialectError
from daemon.media.dialects.mediastream import MediaStream, silent_payload
from daemon.media.dialects.telling import CALLERS, DIDS, bounded, taken, whole

CALL_IDS = ("call_control_id", "call_session_id", "call_leg_id")


class Telnyx(MediaStream):
    """One connection; see Dialect. L16 is RTP's, the high byte first (RFC 3551 §4.5.11).

    With `both_ways` (`stream_bidirectional_mode: rtp`) the far end plays what it gets, written in `back`:
    what `stream_bidirectional_codec` says, which no message repeats, and which is PCMU where nothing is said.
    """

    name = "telnyx"

    def __init__(self, *, both_ways: bool = False, back: Codec = PCMU) -> None:
        super().__init__()
        self._both_ways = both_ways
        self._back = back

    def _begin(self, said: Mapping[str, Any], start: Mapping[str, Any]) -> tuple[Codec, Begun]:
        rest = {key: value for key, value in start.items() if key != "media_format"}
        if "stream_id" in said:
            rest["stream_id"] = said["stream_id"]
        call_id, caller_id, did = (taken(rest, keys) for keys in (CALL_IDS, CALLERS, DIDS))
        begun = Begun(call_id=call_id, caller_id=caller_id, did=did, fields=bounded(rest))
        return _codec(start.get("media_format")), begun

    def silence(self, seconds: float) -> str | None:
        """See Dialect."""
        payload = silent_payload(self._back, seconds)
        if not self._both_ways or self._codec is None or payload is None:
            return None
        return json.dumps({"event": "media", "media": {"payload": payload}})


def _codec(said: object) -> Codec:
    """What `media_format` says; its encoding has to be said, for it is that of the call."""
    if not isinstance(said, dict) or not isinstance(encoding := said.get("encoding"), str):
        raise DialectError("start without a media_format")
    if whole(said.get("channels", 1)) != 1:
        raise DialectError("media_format takes one channel")
    try:
        return named(encoding, whole(said.get("sample_rate", 8000)) or 0)
    except ValueError:
        raise DialectError(f"no codec {encoding!r:.40} at this rate: takes PCMU, PCMA, G722, L16") from None
