"""What the two programs' settings have in common: addresses, and one plain line for a wrong value."""

from typing import Annotated, NamedTuple, Self

from pydantic import BeforeValidator, PlainSerializer, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """A setting cannot be used. Its text is one line that names the variable, its value and what it takes."""


class Address(NamedTuple):
    """Where to listen. Port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is written in a setting and in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(value: object) -> Address:
    """`HOST:PORT`, the host of IPv6 in brackets. Raises ValueError."""
    if isinstance(value, Address):
        return value
    host, colon, port = str(value).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isdecimal() and int(port) <= 65535):
        raise ValueError("takes HOST:PORT, for example 127.0.0.1:8080")
    return Address(host, int(port))


ListenAddress = Annotated[Address, NoDecode, BeforeValidator(parse_address), PlainSerializer(str)]


class ProgramSettings(BaseSettings):
    """The base of each program's settings: read once from the environment, frozen from then on.

    An empty variable is an unset one.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def load(cls, **given: object) -> Self:
        """Read the environment; `given` values go before it. Raises SettingsError at the first wrong one."""
        try:
            return cls(**given)
        except ValidationError as wrong:
            first = wrong.errors()[0]
            variable = str(first["loc"][0]).upper() if first["loc"] else "settings"
            words = first["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{variable}={first['input']}: {words}") from None
