"""`wavstream verify`: whether a recording's file is what it says, and what was recorded."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.failure import ending, failed


def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A WAV file: downloaded, or where wavstream keeps it.")
    ],
) -> None:
    """Check a recording: header against size, format, and hash against the catalogue if it is known there.

    The exit status is 0 if nothing contradicts, 1 if something does, 2 for a file that is not there.
    """
    from daemon.cli import checking

    with ending(checking.CatalogError, refusing=checking.REFUSED):
        findings = checking.examine(file)
    for finding in findings:
        typer.echo(f"{'ok ' if finding.held else 'NO '} {finding.words}")
    if not all(finding.held for finding in findings):
        failed(f"{file} is not a whole recording")
