"""A sign of life of each node: a write whose only purpose is to see that the catalogue takes one."""

from sqlalchemy import Connection, bindparam, insert, select, update

from storage.schema import heartbeats

# Put together once: see `storage.rows`.
_NODE = heartbeats.c.node == bindparam("of")
_UPDATE = update(heartbeats).where(_NODE)
_INSERT = insert(heartbeats)
_LAST = select(heartbeats.c.at).where(_NODE)


def beat(tx: Connection, node: str, at: float) -> None:
    """Note that a node lives. Once committed, it is on the catalogue's disk."""
    if not tx.execute(_UPDATE, {"of": node, "at": at}).rowcount:
        tx.execute(_INSERT, {"node": node, "at": at})


def last(tx: Connection, node: str) -> float | None:
    """When that was noted last."""
    return tx.execute(_LAST, {"of": node}).scalar_one_or_none()
