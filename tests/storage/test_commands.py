"""Commands: the first answer is kept under session, command and command_uid."""

import pytest

from storage import commands
from storage.catalog import Catalog, ConflictError
from tests.storage.records import a_command, with_session


def test_a_command_is_found_by_session_command_and_uid(catalog: Catalog) -> None:
    start = a_command()
    stop = a_command(command="record/stop", success=False, error="nothing is being recorded")
    elsewhere = a_command(session_uuid="node1-t", operation_id="third")
    with catalog.transaction() as tx:
        with_session(tx)
        with_session(tx, "node1-t")
        for command in (start, stop, elsewhere):
            commands.insert(tx, command)
        assert commands.find(tx, "node1-s", "record/start", "uid") == start
        assert commands.find(tx, "node1-s", "record/stop", "uid") == stop
        assert commands.find(tx, "node1-t", "record/start", "uid") == elsewhere
        assert commands.find(tx, "node1-s", "record/start", "another") is None


def test_a_repeat_cannot_be_kept_beside_the_first(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        with_session(tx)
        commands.insert(tx, a_command())
    with pytest.raises(ConflictError), catalog.transaction() as tx:
        commands.insert(tx, a_command(operation_id="another"))
