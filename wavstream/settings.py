"""wavstream's settings: read once from the environment, frozen from then on."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from wavstream.process.settings import Address, ListenAddress, ProgramSettings


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("takes an http:// or https:// URL")
    return value.rstrip("/")


def _unset_when_empty(value: object) -> object:
    """An environment file leaves a variable empty where it means that there is none."""
    return None if value == "" else value


def _location(value: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+/?", value):
        raise ValueError("takes the path of an nginx location, such as /protected")
    return value.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
Location = Annotated[str, AfterValidator(_location)]
Optional = BeforeValidator(_unset_when_empty)


class ServerSettings(ProgramSettings):
    """All that wavstream can be told; each name in upper case is the environment variable."""

    wavstream_ingest: ListenAddress = Address("127.0.0.1", 8080)
    """Audio in, by WebSocket."""
    wavstream_http: ListenAddress = Address("127.0.0.1", 8081)
    """Downloads, health, metrics."""
    wavstream_token: Annotated[SecretStr | None, Optional] = None
    """What switches and the daemon show to be let in; without one, only this machine is."""
    wavstream_public_url: Annotated[BaseUrl | None, Optional] = None
    """Where `wavstream_http` is seen from the outside; its own address where not set."""
    recording_base_url: Annotated[BaseUrl | None, Optional] = None
    """Where another server or store shows the files; then its policy rules, and nothing expires here."""
    recording_retention_hours: float = Field(default=24, ge=0, allow_inf_nan=False)
    """Hours from a recording's stop until its URL is gone; 0 is for ever."""
    data_dir: Path = Path("data")
    """The files (in `recordings/`) and the catalogue."""
    database_url: Annotated[str | None, Optional] = None
    """The catalogue's database; a SQLite file in `data_dir` where not set."""
    wavstream_orphan_seconds: float = Field(default=60, ge=0, allow_inf_nan=False)
    """How long a recording waits for its client to come back."""
    wavstream_accel_prefix: Annotated[Location | None, Optional] = None
    """The internal location under which nginx, in front of `wavstream_http`, finds the files: then it sends
    them, by X-Accel-Redirect. See docs/nginx.md."""
    wavstream_sync_seconds: float = Field(default=5, ge=0.1, le=60, allow_inf_nan=False)
    """From one sync of all files to the next. After a power loss no more than so many seconds of a running
    recording are missing, and the time that a write and a sync take; of a completed one, nothing. An `ack`
    does not wait for it: it says that the audio is safe from this program's death, not from the machine's."""
    wavstream_disk_warn_mb: int = Field(default=5000, ge=0)
    """With less than this free, and half an hour of all running recordings, a warning is logged."""
    wavstream_disk_refuse_mb: int = Field(default=500, ge=0)
    """With less than this free, and half an hour of all running recordings, no new one begins. Those that run
    go on; the daemon keeps the audio of a new one while it waits for room."""
    wavstream_peer_seconds: float = Field(default=60, gt=0, allow_inf_nan=False)
    """A peer that says nothing so long, not even in answer to a ping, is gone."""
    wavstream_connections: int = Field(default=2000, ge=1)
    """Connections of the audio input at a time; further ones are answered 503."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def catalogue_url(self) -> str:
        """The catalogue's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'wavstream.db'}"

    @property
    def token(self) -> str | None:
        """The token in clear."""
        return None if self.wavstream_token is None else self.wavstream_token.get_secret_value()
