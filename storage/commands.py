"""The answers given to commands, so that a repeat gets the first one again."""

from dataclasses import dataclass

from sqlalchemy import Connection

from storage.rows import Rows
from storage.schema import commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What became of one command; `error` says why where `success` is false.

    Its key is session, command and command_uid together.
    """

    session_uuid: str
    command: str
    command_uid: str
    operation_id: str
    success: bool
    error: str | None = None
    created_at: float


_rows = Rows(commands, Command)


def find(tx: Connection, session_uuid: str, command: str, command_uid: str) -> Command | None:
    """The command that came first under this key."""
    return _rows.one(tx, session_uuid=session_uuid, command=command, command_uid=command_uid)


def insert(tx: Connection, command: Command) -> None:
    """Keep a command. Raises ConflictError (at the transaction's edge) for a repeat or an unknown session."""
    _rows.insert(tx, command)
