"""Whatever is done to the outbox, in whatever order: the head of each line is due, and nothing is stuck."""

from collections.abc import Iterator
from contextlib import suppress
from math import inf
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from storage import letters, outbox
from storage.catalog import Catalog
from tests.storage.records import with_session

SESSIONS = ("node1-s", "node1-t")
ACTIONS = ["append", "delivered", "skip", "bury", "retry", "resend", "drop"]
BEGINNING = 3
"""Events of each session to begin with, so that a few steps suffice for something to be seen."""
STEPS = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(SESSIONS), st.integers(0, 3))


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
        self.pending: dict[str, dict[int, float]] = {session: {} for session in SESSIONS}
        self.dead: dict[str, list[int]] = {session: [] for session in SESSIONS}
        self.ids: dict[str, list[str]] = {session: [] for session in SESSIONS}
        """The event of sequence 1, of 2, and so on."""
        self.begun: set[tuple[str, int]] = set()
        """What has been at the head of its line: an attempt of it may be under way."""

    def heads(self) -> list[tuple[str, int, float]]:
        firsts = [(session, min(line.items())) for session, line in self.pending.items() if line]
        return [(session, sequence, at) for session, (sequence, at) in firsts]

    def due(self, now: float) -> set[tuple[str, int]]:
        return {(session, sequence) for session, sequence, at in self.heads() if at <= now}

    def event_id(self, session: str, sequence: int) -> str:
        return self.ids[session][sequence - 1]


def append(tx: Connection, lines: Lines, session: str, now: float) -> None:
    stored = outbox.append(tx, session_uuid=session, app_id="app", event="x", fields={}, now=now)
    lines.ids[session].append(stored.event_id)
    lines.pending[session][len(lines.ids[session])] = now


def attempt(tx: Connection, lines: Lines, action: str, session: str, now: float, which: int) -> None:
    """What becomes of an attempt. Its event may be the head no more: an earlier one was sent again."""
    begun = [sequence for sequence in lines.pending[session] if (session, sequence) in lines.begun]
    if not begun:
        return
    sequence = begun[which % len(begun)]
    event_id = lines.event_id(session, sequence)
    if action == "retry":
        assert outbox.retry(tx, event_id, at=now + 2, error="503")
        lines.pending[session][sequence] = now + 2
        return
    del lines.pending[session][sequence]
    if action == "delivered":
        assert outbox.delivered(tx, event_id, now)
    elif action == "skip":
        assert outbox.skip(tx, event_id, now)
    else:
        assert outbox.bury(tx, event_id, error="410")
        lines.dead[session].append(sequence)


def dead_letter(tx: Connection, lines: Lines, action: str, session: str, now: float, which: int) -> None:
    if not lines.dead[session]:
        return
    sequence = lines.dead[session].pop(which % len(lines.dead[session]))
    event_id = lines.event_id(session, sequence)
    if action == "drop":
        assert letters.drop(tx, event_id, now)
    else:
        assert letters.resend(tx, event_id, now)
        lines.pending[session][sequence] = now
    assert not letters.resend(tx, event_id, now)
    assert not letters.drop(tx, event_id, now)


def step(tx: Connection, lines: Lines, action: str, session: str, now: float, which: int) -> None:
    if action == "append":
        append(tx, lines, session, now)
    elif action in {"resend", "drop"}:
        dead_letter(tx, lines, action, session, now, which)
    else:
        attempt(tx, lines, action, session, now, which)


def check(tx: Connection, lines: Lines, now: float) -> None:
    lines.begun |= {(session, sequence) for session, sequence, _ in lines.heads()}
    found = outbox.due(tx, now=now, limit=10)
    assert sorted((event.session_uuid, event.sequence) for event in found) == sorted(lines.due(now))
    ever = outbox.due(tx, now=inf, limit=10)
    assert [(event.session_uuid, event.sequence) for event in ever] == [
        (session, sequence)
        for session, sequence, _ in sorted(lines.heads(), key=lambda head: (head[2], head[0]))
    ]
    assert outbox.next_due(tx) == min((at for *_, at in lines.heads()), default=None)
    dead = {(event.session_uuid, event.sequence) for event in letters.page(tx, limit=100)}
    assert dead == {(session, sequence) for session in SESSIONS for sequence in lines.dead[session]}
    assert outbox.backlog(tx)[0] == sum(map(len, lines.pending.values()))


@settings(max_examples=200)
@given(st.lists(STEPS, max_size=25))
def test_exactly_the_due_heads_are_due_after_every_step(
    shared: Catalog, steps: list[tuple[str, str, int]]
) -> None:
    with suppress(UndoneError), shared.transaction() as tx:
        lines = Lines()
        for session in SESSIONS:
            with_session(tx, session)
            for _ in range(BEGINNING):
                append(tx, lines, session, 0.0)
        for now, (action, session, which) in enumerate(steps):
            step(tx, lines, action, session, float(now), which)
            check(tx, lines, float(now))
        raise UndoneError  # the next example begins with an empty catalogue
