"""Twilio Media Streams, and whoever speaks as they do."""

import json
from collections.abc import Mapping
from typing import Any

from daemon.media.codecs import PCMU, Codec
from daemon.media.dialects.dialect import Begun, DialectError
from daemon.media.dialects.mediastream import MediaStream, silent_payload
from daemon.media.dialects.telling import CALLERS, DIDS, an_id, bounded, taken

MULAW = "audio/x-mulaw"


class Twilio(MediaStream):
    """One connection; see Dialect.

    With `both_ways` (`<Connect><Stream>`) the far end plays what it gets; never where the stream brings both
    tracks, which only a one-way `<Start><Stream>` does. A custom parameter `both_ways` of 1 says the same as
    the URL's query, which Twilio takes none of (its errors 31920, 31922). It tells no numbers: who wants them
    gives them as custom parameters `from` and `to`.
    """

    name = "twilio"

    def __init__(self, *, both_ways: bool = False) -> None:
        super().__init__()
        self._both_ways = both_ways
        self._stream: str | None = None

    def _begin(self, said: Mapping[str, Any], start: Mapping[str, Any]) -> tuple[Codec, Begun]:
        media = start.get("mediaFormat")
        encoding = media.get("encoding", MULAW) if isinstance(media, dict) else MULAW
        if encoding != MULAW:
            raise DialectError(f"encoding {encoding!r:.40}: takes {MULAW}")
        self._stream = an_id(said.get("streamSid")) or an_id(start.get("streamSid"))
        custom, tracks = start.get("customParameters"), start.get("tracks")
        if isinstance(custom, dict) and custom.get("both_ways") == "1":
            self._both_ways = True
        if isinstance(tracks, list) and "outbound" in tracks:
            self._both_ways = False
        return PCMU, _begun(start)

    def silence(self, seconds: float) -> str | None:
        """See Dialect."""
        payload = silent_payload(PCMU, seconds)
        if not self._both_ways or self._stream is None or payload is None:
            return None
        return json.dumps({"event": "media", "streamSid": self._stream, "media": {"payload": payload}})


def _begun(start: Mapping[str, Any]) -> Begun:
    rest = {key: value for key, value in start.items() if key != "mediaFormat"}
    call_id = taken(rest, ("callSid",))
    custom = rest.get("customParameters")
    if not isinstance(custom, dict):
        return Begun(call_id=call_id, fields=bounded(rest))
    own = dict(custom)
    caller_id, did = taken(own, CALLERS), taken(own, DIDS)
    rest["customParameters"] = own
    return Begun(call_id=call_id, caller_id=caller_id, did=did, fields=bounded(rest))
