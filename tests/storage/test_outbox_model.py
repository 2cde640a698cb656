"""Whatever is done to the outbox, in whatever order: the head of each line is due, and nothing is stuck."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from storage import outbox
from storage.catalog import Catalog
from tests.storage.records import with_session

SESSIONS = ("node1-s", "node1-t")
STEPS = st.tuples(
    st.sampled_from(["append", "delivered", "skip", "bury", "retry"]), st.sampled_from(SESSIONS)
)


class UndoneError(Exception):
    pass


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    folder: Path = tmp_path_factory.mktemp("outbox")
    catalog = Catalog.open(f"sqlite:///{folder}/catalogue.db")
    catalog.migrate()
    yield catalog
    catalog.close()


class Lines:
    """The outbox as it should be: for each session the pending sequences, and when each of them is due."""

    def __init__(self) -> None:
        self.pending: dict[str, list[tuple[int, float]]] = {session: [] for session in SESSIONS}
        self.appended = dict.fromkeys(SESSIONS, 0)

    def due(self, now: float) -> set[tuple[str, int]]:
        heads = [(session, line[0]) for session, line in self.pending.items() if line]
        return {(session, sequence) for session, (sequence, at) in heads if at <= now}


def step(tx: Connection, lines: Lines, action: str, session: str, now: float) -> None:
    if action == "append":
        outbox.append(tx, session_uuid=session, app_id="app", event="x", fields={}, now=now)
        lines.appended[session] += 1
        lines.pending[session].append((lines.appended[session], now))
        return
    heads = {event.session_uuid: event for event in outbox.due(tx, now=now, limit=10)}
    if session not in heads:
        return
    event_id, line = heads[session].event_id, lines.pending[session]
    if action == "retry":
        outbox.retry(tx, event_id, at=now + 2, error="503")
        line[0] = (line[0][0], now + 2)
        return
    line.pop(0)
    if action == "delivered":
        outbox.delivered(tx, event_id, now)
    elif action == "skip":
        outbox.skip(tx, event_id, now)
    else:
        outbox.bury(tx, event_id, error="410")


@given(st.lists(STEPS, max_size=30))
def test_exactly_the_due_heads_are_due_after_every_step(
    shared: Catalog, steps: list[tuple[str, str]]
) -> None:
    with suppress(UndoneError), shared.transaction() as tx:
        lines = Lines()
        for session in SESSIONS:
            with_session(tx, session)
        for now, (action, session) in enumerate(steps):
            step(tx, lines, action, session, float(now))
            found = outbox.due(tx, now=float(now), limit=10)
            assert {(event.session_uuid, event.sequence) for event in found} == lines.due(now)
            later = [line[0][1] for line in lines.pending.values() if line]
            assert outbox.next_due(tx) == min(later, default=None)
        raise UndoneError  # the next example begins with an empty catalogue
