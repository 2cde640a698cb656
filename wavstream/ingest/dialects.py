"""Which dialects there are, by path."""

from storage.recordings import Recording
from wavstream import protocol
from wavstream.ingest import fork, freeswitch
from wavstream.ingest.dialect import Dialect
from wavstream.ingest.fork import Fork
from wavstream.ingest.freeswitch import FreeSwitch
from wavstream.ingest.resumable import Resumable
from wavstream.metrics import Metrics
from wavstream.process.cadence import Cadence
from wavstream.recordings import Recordings
from wavstream.urls import Urls

SWITCHES = frozenset({freeswitch.PATH, *fork.PATHS})
"""Those of switches, which never come back to a recording."""


def by_path(recordings: Recordings, cadence: Cadence, urls: Urls, metrics: Metrics) -> dict[str, Dialect]:
    """All of them."""
    return {
        freeswitch.PATH: FreeSwitch(recordings, cadence),
        **{path: Fork(path, recordings, cadence) for path in fork.PATHS},
        protocol.PATH: Resumable(recordings, cadence, urls, metrics),
    }


def is_resumable(row: Recording) -> bool:
    """Whether a recording's client may come back, by what its dialect wrote into its metadata."""
    dialect = row.metadata.get("dialect")
    return not (isinstance(dialect, str) and dialect in SWITCHES)
