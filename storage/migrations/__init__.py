"""The catalogue's history: each file in `versions` takes the tables one step on; none changes once released.

A new one is written by hand, beside the change in `schema.py`; a test holds the two against each other.
"""

import threading

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

_one_at_a_time = threading.Lock()
"""Alembic keeps the migration under way in module globals."""


class MigrationError(Exception):
    """The tables cannot be brought up to date."""


def upgrade(tx: Connection) -> None:
    """Bring the tables up to the newest version, within the caller's transaction. Raises MigrationError."""
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = tx
    with _one_at_a_time:
        try:
            command.upgrade(config, "head")
        except CommandError as wrong:
            raise MigrationError(f"{wrong} (written by a newer version?)") from wrong
