"""Which node this is, and the names of the sessions that it owns."""

import re
import secrets
import string
import uuid
from pathlib import Path

LENGTH = 5
_NODE_ID = re.compile(r"[A-Za-z0-9]{5}")
SESSION_UUID = re.compile(
    r"[A-Za-z0-9]{5}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)


class NodeError(Exception):
    """This node's name cannot be read or kept. Its text is one line for the operator."""


def node_id(data_dir: Path, given: str | None) -> str:
    """This node's name: the given one, else the one kept in `data_dir`, drawn at random the first time.

    It has to stay the same over restarts: by it the daemon finds the calls that its last run left behind.
    """
    if given is not None:
        return given
    kept = data_dir / "node_id"
    alphabet = string.ascii_letters + string.digits
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not kept.exists():
            drawn = kept.with_suffix(".new")
            drawn.write_text("".join(secrets.choice(alphabet) for _ in range(LENGTH)) + "\n")
            drawn.rename(kept)  # there with its content or not at all
        name = kept.read_text(errors="replace").strip()
    except OSError as wrong:
        raise NodeError(f"{kept}: {wrong.strerror or wrong}") from wrong
    if not _NODE_ID.fullmatch(name):
        raise NodeError(f"{kept} holds {name!r}: takes {LENGTH} of A-Z a-z 0-9")
    return name


def new_session_uuid(node: str) -> str:
    """The name of a new session of this node: `NODE-UUID4` (RFC 9562 section 5.4)."""
    return f"{node}-{uuid.uuid4()}"


def is_session_uuid(text: str) -> bool:
    """Whether `text` has the form of a session's name, of whatever node."""
    return SESSION_UUID.fullmatch(text) is not None
