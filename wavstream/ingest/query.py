"""What a switch says of its audio in the URL. No I/O."""

from collections.abc import Mapping

from wavstream.ingest.dialect import RefusedError
from wavstream.wav import WavFormat

SAMPLE_RATES = range(8000, 48001)


def audio_format(query: Mapping[str, str]) -> WavFormat:
    """L16 with `rate` in hertz (8000) and `channels` (1). Raises RefusedError."""
    rate, channels = query.get("rate", "8000"), query.get("channels", "1")
    if not (rate.isascii() and rate.isdecimal() and len(rate) < 6 and int(rate) in SAMPLE_RATES):
        raise RefusedError(400, "rate takes 8000 to 48000")
    if channels not in {"1", "2"}:
        raise RefusedError(400, "channels takes 1 or 2")
    return WavFormat("pcm16", int(rate), int(channels))
