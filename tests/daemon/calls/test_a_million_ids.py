"""Whatever is kept by session is bounded, however many ids somebody makes up.

A million go through everything that keeps something by id (addresses: `test_limits.py`). The whole way of a
command some thousands go, for each costs a transaction; over HTTP `make attack` does it.
"""

from collections.abc import Iterator

import pytest

from daemon.calls.commands import UnknownSessionError
from daemon.calls.cooldown import Cooldown
from daemon.node import new_session_uuid
from tests.daemon.exchange import exchange
from tests.daemon.inline import InlineCatalog

MILLION = 1_000_000
THOUSANDS = 3_000


def made_up() -> Iterator[str]:
    """Ids of the right form: a million different ones, cheaply."""
    node, _, rest = new_session_uuid("node1").partition("-")
    return (f"{node}-{number:08x}{rest[8:]}" for number in range(MILLION))


async def test_of_the_locks_of_a_million_sessions_none_stays(catalog: InlineCatalog) -> None:
    async with exchange(catalog) as calls:
        for session_uuid in made_up():
            assert not calls.sessions.lock(session_uuid).locked()
        assert len(calls.sessions._locks) == 0
        assert calls.sessions.count == 0


def test_of_the_cooldowns_of_a_million_sessions_those_of_the_last_window_stay() -> None:
    """10,000 a second for 100 s; a window is 2 s: 20,000 are the last two seconds' commands."""
    cooldown = Cooldown()
    for number, session_uuid in enumerate(made_up()):
        cooldown.charge(session_uuid, number / 10_000)
    assert len(cooldown._taken) <= 20_001


async def test_a_command_for_a_session_that_there_is_not_leaves_nothing(catalog: InlineCatalog) -> None:
    async with exchange(catalog) as calls:
        for _ in range(THOUSANDS):
            with pytest.raises(UnknownSessionError):
                await calls.commands.execute(calls.request(new_session_uuid("node1"), "record/start"))
        assert len(calls.sessions._locks) == len(calls.commands._cooldown._taken) == 0
        assert calls.announced == []
