"""At the start: what the journal has kept for the catalogue comes into it. Blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import Connection

from storage import recordings as rows
from storage.catalog import Catalog
from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream import rebuild, sidefile
from wavstream.journal import Journal
from wavstream.process import logs
from wavstream.sidefile import SideFileError

log = logs.get(__name__)


def adopt(catalog: Catalog, store: ObjectStore, journal: Journal) -> None:
    """Give every recording in the journal its row: recovery takes up what ran, what had ended is as it was.

    An entry goes when the row is there, or when there is no file. One that says nothing of its file stays,
    and each start warns of it. Raises CatalogError, OSError.
    """
    tokens = iter(sorted(journal.tokens()))
    while batch := list(islice(tokens, rebuild.BATCH)):
        with catalog.transaction() as tx:
            settled = list(_settled(tx, store, journal, batch))
        for token in settled:
            journal.remove(token)


def _settled(tx: Connection, store: ObjectStore, journal: Journal, tokens: Sequence[str]) -> Iterator[str]:
    """Those of which the catalogue now knows all that there is to know."""
    for token in tokens:
        if rows.by_token(tx, token) is not None or not _has_file(store, token):
            yield token
            continue
        try:
            row = _row(store, journal, token)
            _insert(tx, row)
        except (SideFileError, OSError) as wrong:
            path = store.path(rows.key(token))
            log.warning("a file that nothing tells of", path=str(path), error=str(wrong))
        else:
            log.info("recording found", recording=row.recording_id, name=row.name, state=row.state)
            yield token


def _has_file(store: ObjectStore, token: str) -> bool:
    try:
        store.size(rows.key(token))
    except FileNotFoundError:  # killed before it was made, or it was without audio, and taken away
        return False
    return True


def _row(store: ObjectStore, journal: Journal, token: str) -> Recording:
    """As the side file has it, which may know more, or else the entry. Raises SideFileError, OSError."""
    try:
        row = rebuild.read(store, rows.side_key(token))
    except (SideFileError, OSError):
        row = sidefile.read(journal.read(token), token=token)
        rebuild.check_header(row)
    return row if row.state == "completed" else replace(row, state="recording")


def _insert(tx: Connection, row: Recording) -> None:
    if rows.get(tx, row.recording_id) is not None:
        raise SideFileError(f"the catalogue has another recording {row.recording_id}")
    rows.insert(tx, row)
