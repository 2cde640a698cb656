"""The daemon's settings, read once from the environment."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from daemon.legs.ports import RtpPorts
from wavstream import protocol
from wavstream.process.settings import Address, ListenAddress, ProgramSettings


def _stream_url(value: str) -> str:
    """A ws: or wss: address; where it names no path, the one of `wavstream.v1` is meant."""
    parts = urlsplit(value)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or parts.port == 0:
        raise ValueError("takes ws://HOST:PORT or wss://HOST:PORT")
    return urlunsplit(parts._replace(path=protocol.PATH)) if parts.path in {"", "/"} else value


def _http_base(value: str) -> str:
    parts = urlsplit(value)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.port == 0
        or parts.query
        or parts.fragment
    ):
        raise ValueError("takes http://HOST:PORT or https://HOST:PORT")
    return value.rstrip("/")


def _media_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname or parts.port == 0 or parts.query:
        raise ValueError("takes ws://HOST:PORT or wss://HOST:PORT")
    return value.rstrip("/")


def _rtp_ports(value: str) -> str:
    RtpPorts.parse(value)  # its ValueError has the words
    return value


def _database_url(value: str) -> str:
    if "://" not in value:
        raise ValueError("takes a database URL, for example sqlite:////var/lib/wavstream/daemon.db")
    return value


class DaemonSettings(ProgramSettings):
    """Everything that can be set about the daemon; each field is the environment variable of its name."""

    model_config = SettingsConfigDict(env_ignore_empty=True)  # `NAME=` in an environment file is unset

    daemon_http: ListenAddress = Address("127.0.0.1", 8000)
    daemon_rtp: Annotated[str, AfterValidator(_rtp_ports)] = "127.0.0.1:20000-29998"
    """Where calls send RTP: one even port a leg out of the range; port 0 lets the system choose."""

    daemon_audiosocket: ListenAddress = Address("127.0.0.1", 9092)
    """Where Asterisk's AudioSocket connects, over TCP."""
    audiosocket_app: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")] | None = None
    """Its calls are those that connect with a UUID nobody registered; unset: such connections are refused."""

    daemon_media: ListenAddress = Address("127.0.0.1", 8001)
    """Where switches and services connect with call audio over WebSocket."""
    daemon_media_url: Annotated[str, AfterValidator(_media_url)] | None = None
    """The base at which others reach it, for example wss://calls.example.com; unset: its own address."""
    media_app: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")] | None = None
    """Its calls are those that connect to /v1/calls; unset: such connections are refused."""
    media_token: Annotated[SecretStr, Field(min_length=16)] | None = None
    """Whoever brings calls there has to show it; unset: only this machine may."""
    twilio_auth_token: Annotated[SecretStr, Field(min_length=1)] | None = None
    """With it Twilio shows its signature instead."""
    arrival_gone_seconds: float = Field(default=10, ge=0, allow_inf_nan=False)
    """A call that began with its connection is over so long after that was lost."""

    wavstream_url: Annotated[str, AfterValidator(_stream_url)] | None = None
    """wavstream's audio input. Without it `record/start` answers 503."""
    wavstream_token: SecretStr | None = None
    wavstream_public_url: Annotated[str, AfterValidator(_http_base)] = "http://127.0.0.1:8081"
    """The base of wavstream's HTTP, as the daemon reaches it."""

    recording_format: Literal["pcm16", "ulaw", "alaw"] = "pcm16"
    recording_sample_rate: int | None = Field(default=None, ge=8000, le=48000)
    """Hz; unset: the highest of the call's legs."""
    recording_channels: Literal["mono", "stereo"] = "mono"
    recording_replay_seconds: float = Field(default=120.0, ge=1, le=3600)
    """How much audio waits in memory while wavstream is away."""
    recording_max_hours: float = Field(default=12, ge=0, le=1000, allow_inf_nan=False)
    """A recording ends by itself after so many; 0: never."""
    recording_pause_seconds: float = Field(default=900, ge=0, allow_inf_nan=False)
    """A pause ends by itself after so many; 0: never."""
    recording_no_audio_seconds: float = Field(default=30, ge=0, allow_inf_nan=False)
    """When a running recording had no sound on a leg for so long, its application is told; 0: never."""
    leg_timeout_seconds: float = Field(default=1800, ge=0, allow_inf_nan=False)
    """A call of which nothing was heard for so long is over; 0: never."""

    rate_limit: int = Field(default=6000, ge=1)
    """Requests a minute of an application that has no limit of its own."""
    unknown_rate_limit: int = Field(default=30, ge=1)
    """Requests a minute from one address without valid credentials."""
    webhook_retry_hours: float = Field(default=72, gt=0, le=8760, allow_inf_nan=False)
    """So long a webhook is tried again; then it is a dead letter."""
    disk_free_mb: int = Field(default=100, ge=0)
    """With less than this free under DATA_DIR, /ready says no."""

    admin_api_key: Annotated[SecretStr, Field(min_length=1)] | None = None
    """Without it the operator's calls answer 503."""
    allow_http_webhooks: bool = False
    allow_localhost_webhooks: bool = False

    data_dir: Path = Path("data")
    database_url: Annotated[str, AfterValidator(_database_url)] | None = None
    """Unset: a SQLite file in DATA_DIR."""
    node_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{5}$")] | None = None
    """The first part of each session's id; unset: drawn once and kept in DATA_DIR."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def catalog_url(self) -> str:
        """Where the catalogue is: DATABASE_URL, or the file in DATA_DIR."""
        return self.database_url or f"sqlite:///{self.data_dir / 'daemon.db'}"
