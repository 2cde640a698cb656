"""A lost catalogue, rebuilt from the side files. Blocks: it works while no server does."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath

from sqlalchemy import Connection

from storage import recordings as rows
from storage.catalog import Catalog
from storage.objects import ObjectStore
from storage.recordings import Recording
from wavstream import sidefile
from wavstream.label import label
from wavstream.sidefile import SideFileError
from wavstream.wav import WavError

BATCH = 500
"""Side files a transaction: a commit waits for the disk, and so many rows are nothing to hold."""


@dataclass(slots=True)
class Rebuilt:
    """What became of the files; `unusable` are keys, each with the reason."""

    completed: int = 0
    unfinished: int = 0
    known: int = 0
    unusable: list[tuple[str, str]] = field(default_factory=list)


def rebuild(catalog: Catalog, store: ObjectStore, *, seen: Callable[[int, int], object]) -> Rebuilt:
    """Put every recording that has a side file, and is not in the catalogue, into it.

    Finished ones are as they were, with token, hashes and expiry; unfinished ones are for the next start to
    repair. What the catalogue knows is left alone, so it can be done again. `seen` is told how many of how
    many files have been looked at. Raises CatalogError, OSError.
    """
    keys = sorted(store.keys())
    done = Rebuilt()
    done.unusable += [(key, "no side file") for key in _bare(keys)]
    sides = [key for key in keys if key.endswith(".json")]
    for number, batch in enumerate(_batches(sides)):
        _rebuild(catalog, store, batch, done)
        seen(number * BATCH + len(batch), len(sides))
    return done


def _bare(keys: Sequence[str]) -> list[str]:
    """The WAV files that nothing beside them tells of."""
    there = set(keys)
    return [key for key in keys if key.endswith(".wav") and f"{key.removesuffix('.wav')}.json" not in there]


def _batches(keys: Sequence[str]) -> Iterator[list[str]]:
    remaining = iter(keys)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _rebuild(catalog: Catalog, store: ObjectStore, keys: Sequence[str], done: Rebuilt) -> None:
    found = []
    for key in keys:
        try:
            found.append(read(store, key))
        except (SideFileError, OSError) as wrong:
            done.unusable.append((key, str(wrong)))
    with catalog.transaction() as tx:
        for row in found:
            _put(tx, row, done)


def read(store: ObjectStore, key: str) -> Recording:
    """The row of a side file whose WAV is as it says. Raises SideFileError, OSError."""
    path = store.path(key)
    if path.lstat().st_size > sidefile.MOST_BYTES:
        raise SideFileError("longer than any side file")
    row = sidefile.read(path.read_bytes(), token=PurePosixPath(key).stem)
    if row.side_path != key:
        raise SideFileError("not where its name says")
    check_header(row)
    if row.state == "completed":
        _check(store, row)
    return row


def check_header(row: Recording) -> None:
    """That its WAV can have the header that it says. Raises SideFileError."""
    try:
        label(row)
    except WavError as wrong:
        raise SideFileError(f"header_bytes: {wrong}") from None


def _check(store: ObjectStore, row: Recording) -> None:
    """That a finished file is there, as long as it was. Its hash is not asked for: that may take hours."""
    try:
        size = store.size(row.path)
    except FileNotFoundError:
        raise SideFileError("its WAV file is missing") from None
    if size != row.size:
        raise SideFileError(f"its WAV file has {size} bytes and not {row.size}")


def _put(tx: Connection, row: Recording, done: Rebuilt) -> None:
    known = rows.get(tx, row.recording_id)
    if known is not None and known.token == row.token:
        done.known += 1
    elif known is not None or rows.by_token(tx, row.token) is not None:
        done.unusable.append((row.side_path, f"the catalogue has another recording {row.recording_id}"))
    else:
        rows.insert(tx, row)
        done.completed += row.state == "completed"
        done.unfinished += row.state == "recording"
