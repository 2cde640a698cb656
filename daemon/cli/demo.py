"""`wavstream demo`: the main job shown in under a minute."""

import sys

import typer


def demo() -> None:
    """Show the main job in under a minute: a call with real speech, recorded, heard live, and compared.

    Starts both programs on free ports with a data directory of their own, needs no settings, and leaves the
    recording for you to listen to. The exit status is 0 only if all of it held.
    """
    from rich.console import Console

    from daemon.demo import demonstration
    from daemon.demo.story import WIDTH

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    raise typer.Exit(demonstration.run(console))
