"""`wavstream daemon` and `wavstream server`: one program each, as systemd runs them."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from daemon.cli.failure import ending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wavstream.process.settings import ProgramSettings

Settings = Annotated[
    bool, typer.Option("--settings", help="List the environment variables that it reads, and their defaults.")
]


def daemon(settings: Settings = False) -> None:
    """Run the daemon: takes calls and commands, sends audio to wavstream, and webhooks to applications.

    All settings are environment variables. TERM or Ctrl-C ends it within its grace, a second one at once.
    """
    from daemon.settings import DaemonSettings

    if settings:
        return _list(DaemonSettings)
    from daemon.service import serve

    return _run(DaemonSettings, serve)


def server(settings: Settings = False) -> None:
    """Run wavstream: takes audio, writes recordings, and hands them out until they expire.

    All settings are environment variables. TERM or Ctrl-C ends it within its grace, a second one at once.
    """
    from wavstream.settings import ServerSettings

    if settings:
        return _list(ServerSettings)
    from wavstream.service import serve

    return _run(ServerSettings, serve)


def _run(kind: "type[ProgramSettings]", serve: "Callable[..., Awaitable[None]]") -> None:
    """Run a program to its end."""
    from storage.catalog import CatalogError
    from wavstream.process import lifecycle
    from wavstream.process.settings import SettingsError

    # OSError: a listener that cannot be opened, a folder that cannot be written.
    with ending(CatalogError, refusing=(SettingsError,)):
        settings = kind.load()
        lifecycle.run(partial(serve, settings), log_level=str(getattr(settings, "log_level", "info")))


def _list(kind: "type[ProgramSettings]") -> None:
    """Each variable and its default, as it would be written in an environment file."""
    for name, field in kind.model_fields.items():
        default = field.get_default(call_default_factory=True)
        typer.echo(f"{name.upper()}={'' if default is None else default}")
