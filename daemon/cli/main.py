"""The command line: which subcommands there are, and how errors and exit statuses leave the process."""

import sys
from importlib import metadata
from typing import Annotated

import typer

from daemon.cli import app, call, demo, rebuild, serve, up, verify
from daemon.groups import leaves

USAGE = 2
"""The exit status for a wrong argument or setting."""
INTERRUPTED = 130
"""The exit status after Ctrl-C, as a shell gives it."""

wavstream = typer.Typer(
    name="wavstream",
    help="Records telephone calls on command, to WAV files that can be followed while they grow.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wavstream {metadata.version('wavstream')}")
        raise typer.Exit


@wavstream.callback()
def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Records telephone calls on command, to WAV files that can be followed while they grow."""


wavstream.command("demo")(demo.demo)
wavstream.command("up")(up.up)
wavstream.command("call")(call.call)
wavstream.add_typer(app.apps, name="app")
wavstream.command("verify")(verify.verify)
wavstream.command("rebuild")(rebuild.rebuild)
wavstream.command("daemon")(serve.daemon)
wavstream.command("server")(serve.server)


def main() -> None:
    """Run the command that the process was called with, and end the process with its status.

    What the user got wrong becomes one plain line and status 2; what the work ran into, one and status 1.
    """
    command = typer.main.get_command(wavstream)
    try:
        arguments = sys.argv[1:] or ["--help"]
        status = command.main(arguments, prog_name="wavstream", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except BaseExceptionGroup as group:
        if not all(isinstance(error, KeyboardInterrupt) for error in leaves(group)):
            raise
        status = INTERRUPTED
    except typer.TyperException as wrong:
        typer.echo(f"wavstream: {wrong.format_message()}", err=True)
        status = wrong.exit_code
    sys.exit(status or 0)
