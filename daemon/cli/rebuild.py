"""`wavstream rebuild`: a lost catalogue of recordings, made again from what lies beside them."""

import typer

from daemon.cli.failure import ending, failed


def rebuild() -> None:
    """Rebuild wavstream's lost catalogue from the side files (DATA_DIR), while no server runs.

    Their URLs work again at the next start, which also repairs and ends those that were running. Recordings
    that the catalogue knows stay as they are, so it does no harm to do it again. The exit status is 1 if
    there are files that could not be used.
    """
    from daemon.cli import rebuilding

    with ending(rebuilding.CatalogError, refusing=rebuilding.REFUSED):
        done = rebuilding.run()
    for key, why in done.unusable:
        typer.echo(f"not used: {key}: {why}", err=True)
    typer.echo(f"{done.completed} completed, {done.unfinished} unfinished, {done.known} known already")
    if done.unusable:
        failed(f"{len(done.unusable)} files could not be used")
