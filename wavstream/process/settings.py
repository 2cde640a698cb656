"""What the two programs' settings have in common: addresses, and one plain line for a wrong value."""

from typing import Annotated, NamedTuple, Self

from pydantic import BeforeValidator, PlainSerializer, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """A setting cannot be used. Its text is one line that names the variable, its value and what it takes.

    The value of a secret is not in it: such lines go to logs.
    """


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
            name = str(first["loc"][0]) if first["loc"] else "settings"
            shown = "***" if cls._is_secret(name) else first["input"]
            raise SettingsError(f"{name.upper()}={shown}: {_words(first)}") from None

    @classmethod
    def _is_secret(cls, name: str) -> bool:
        field = cls.model_fields.get(name)
        return field is not None and "SecretStr" in str(field.annotation)


def _words(wrong: ErrorDetails) -> str:
    if wrong["type"] == "too_short":
        return f"takes {wrong['ctx']['min_length']} characters at least"
    return wrong["msg"].removeprefix("Value error, ")
