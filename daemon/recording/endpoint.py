"""Where recordings are sent, and how they are written there."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from daemon.media import codecs
from wavstream import protocol


@dataclass(frozen=True)
class WavstreamEndpoint:
    """wavstream's audio input: a `ws:` or `wss:` URL, and the token it asks for, if any."""

    url: str
    token: SecretStr | None = None

    @property
    def stream_url(self) -> str:
        """The URL with its path, which may be left out."""
        parts = urlsplit(self.url)
        return self.url if parts.path.strip("/") else urlunsplit(parts._replace(path=protocol.PATH))

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What says who we are."""
        if self.token is None:
            return []
        return [(b"Authorization", b"Bearer " + self.token.get_secret_value().encode())]


@dataclass(frozen=True)
class RecordingFormat:
    """How samples stand in the file: `sample_rate` frames a second, 1 channel (mixed) or 2 (one a side)."""

    encoding: protocol.Encoding
    sample_rate: int
    channels: int

    @property
    def codec(self) -> codecs.Codec:
        """What writes its samples."""
        return codecs.in_file(self.encoding, self.sample_rate)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.codec.bytes_per_sample * self.channels

    @property
    def byte_rate(self) -> int:
        """Bytes a second."""
        return self.frame_bytes * self.sample_rate
