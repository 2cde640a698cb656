"""What a million recordings in the catalogue cost wavstream: its start, a sweep, a page of the list."""

import logging
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import structlog
import trio
from sqlalchemy import Connection, insert

from storage import recordings
from storage.catalog import Catalog
from storage.objects import DirectoryStore
from storage.schema import recordings as table
from wavstream.service import serve
from wavstream.settings import ServerSettings
from wavstream.sweeper import sweep

ROWS = 1_000_000
BATCH = 10_000
DUE = 200
NOW = 1_000_000_000.0
"""What is due is over by then, a tenth of all is on hold and over, and the rest has its time before it."""
ROUNDS = 20


def rows() -> Iterable[tuple[str, float, str]]:
    """(name, value, unit) of each measurement."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        empty = trio.run(_start, folder / "empty")
        catalog = Catalog.open(f"sqlite:///{_made(folder / 'data')}")
        catalog.migrate()
        _fill(catalog)
        yield "start, no catalogue yet", empty * 1e3, "ms"
        yield f"start, {ROWS:,} recordings", trio.run(_start, folder / "data") * 1e3, "ms"
        store = DirectoryStore(folder / "data/recordings")
        yield "sweep, nothing due", _best(lambda: sweep(catalog, store, NOW - 1)) * 1e3, "ms"
        yield from _pages(catalog)
        began = time.perf_counter()
        swept = sweep(catalog, store, NOW)
        yield f"sweep, {swept.removed} due, rows alone", (time.perf_counter() - began) * 1e3, "ms"
        catalog.close()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder / "wavstream.db"


def _pages(catalog: Catalog) -> Iterable[tuple[str, float, str]]:
    middle = (float(ROWS // 2), "x")
    questions: dict[str, Callable[[Connection], object]] = {
        "page of 100, the newest": lambda tx: recordings.page(tx, limit=101),
        "page of 100, in the middle": lambda tx: recordings.page(tx, limit=101, before=middle),
        "page of 100, completed, in the middle": lambda tx: recordings.page(
            tx, limit=101, state="completed", before=middle
        ),
        "page of 100, failed, of which there are none": lambda tx: recordings.page(
            tx, limit=101, state="failed"
        ),
        "page of one name": lambda tx: recordings.page(tx, limit=101, name="call-7"),
        "page of 100, of an hour": lambda tx: recordings.page(tx, limit=101, since=5000.0, until=8600.0),
        "one by its token": lambda tx: recordings.by_token(tx, f"{7:032x}"),
    }
    for name, question in questions.items():
        yield name, _best(partial(_ask, catalog, question)) * 1e3, "ms"


def _ask(catalog: Catalog, question: Callable[[Connection], object]) -> None:
    with catalog.transaction() as tx:
        question(tx)


def _best(action: Callable[[], object]) -> float:
    """The shortest of some rounds, in seconds: what it costs when nobody else wants the machine."""
    return min(map(_timed, [action] * ROUNDS))


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _fill(catalog: Catalog) -> None:
    for first in range(0, ROWS, BATCH):
        with catalog.transaction() as tx:
            tx.execute(insert(table), [_row(number) for number in range(first, first + BATCH)])


def _row(number: int) -> dict[str, object]:
    held = number % 10 == 0
    due = number % (ROWS // DUE) == 1
    return {
        "recording_id": f"recording-{number:07}",
        "token": f"{number:032x}",
        "name": f"call-{number}",
        "state": "completed",
        "reason": "stopped",
        "sample_rate": 8000,
        "channels": 1,
        "encoding": "pcm16",
        "started_at": float(number),
        "stopped_at": number + 60.0,
        "expires_at": NOW if due else NOW - 100 if held else 10 * NOW + number,
        "duration": 60.0,
        "size": 960_080,
        "sha256": "0" * 64,
        "metadata": {},
        "held_at": 1.0 if held else None,
    }


async def _start(folder: Path) -> float:
    """Seconds until a server listens."""
    settings = ServerSettings.load(
        data_dir=folder, wavstream_ingest="127.0.0.1:0", wavstream_http="127.0.0.1:0"
    )
    stopping = trio.Event()
    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, settings, stopping=stopping))
        seconds = time.perf_counter() - began
        stopping.set()
    return seconds
