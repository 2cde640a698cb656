"""At the start: whether the catalogue has been lost, or an old one put in its place. Blocks."""

from itertools import islice
from pathlib import PurePosixPath

from storage import recordings as rows
from storage.catalog import Catalog
from storage.objects import ObjectStore
from wavstream.process import logs

SAMPLE = 16
"""Side files that are looked up, the first that are met: a lost catalogue knows none of them, and each start
can afford so many, however many there are."""

WORDS = (
    "the disk has recordings that the catalogue does not know: stop the server and run `wavstream rebuild`"
)

log = logs.get(__name__)


def unknown(catalog: Catalog, store: ObjectStore) -> bool:
    """Whether recordings with a side file have no row; logged, for nothing is kept from being recorded by it.

    Files are erased before their rows, and what the journal has kept is in the catalogue by now: so it is no
    leftover, but a loss that a rebuild makes good. Raises CatalogError, OSError.
    """
    keys = map(PurePosixPath, store.keys())
    sample = list(islice((key for key in keys if key.suffix == ".json"), SAMPLE))
    with catalog.transaction() as tx:
        strangers = [str(key) for key in sample if rows.by_token(tx, key.stem) is None]
    if strangers:
        log.error(WORDS, looked_at=len(sample), unknown=len(strangers), one=strangers[0])
    return bool(strangers)
