"""`wavstream up`: both programs on one machine, to play with."""

import typer

from daemon.cli.failure import ending


def up() -> None:
    """Start both programs with defaults that need nothing else: a data directory (./data) and SQLite.

    Prints where they are and what to try. Ctrl-C or TERM ends both, the second one at once. The environment
    variables of `wavstream daemon --settings` and `wavstream server --settings` change what they change
    there.
    """
    from daemon.cli import both
    from wavstream.process.settings import SettingsError

    with ending(both.ProgramError, refusing=(SettingsError,)):
        status = both.run(both.Plan.load())
    raise typer.Exit(status)
