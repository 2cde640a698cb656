"""What `wavstream rebuild` does: the server's data directory to itself, and a progress bar meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from storage.catalog import Catalog, CatalogError
from storage.objects import DirectoryStore
from wavstream.process.lock import alone
from wavstream.process.settings import SettingsError
from wavstream.rebuild import Rebuilt, rebuild
from wavstream.settings import ServerSettings
from wavstream.urls import OBJECTS

__all__ = ["REFUSED", "CatalogError", "run"]


class NoRecordingsError(Exception):
    """There is no folder of recordings to rebuild from. Its text is one plain line."""


REFUSED = (NoRecordingsError, SettingsError)


def run() -> Rebuilt:
    """Rebuild. Raises one of REFUSED, DataDirError while a server runs, CatalogError, OSError."""
    settings = ServerSettings.load()
    objects = settings.data_dir / OBJECTS
    if not objects.is_dir():
        raise NoRecordingsError(f"{objects}: no recordings there (DATA_DIR is where they are)")
    with alone(settings.data_dir, "server"):
        catalog = Catalog.open(settings.catalogue_url)
        try:
            catalog.migrate()
            with _progress() as seen:
                return rebuild(catalog, DirectoryStore(objects), seen=seen)
        finally:
            catalog.close()


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, told after each transaction."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("side files", total=None)

        def seen(count: int, total: int) -> None:
            progress.update(bar, completed=count, total=total)

        yield seen
