"""The signs of life of the nodes."""

from storage import heartbeats
from storage.catalog import Catalog


def test_each_node_has_one_that_is_its_last(catalog: Catalog) -> None:
    for node, at in (("node1", 1.0), ("node2", 2.0), ("node1", 3.0)):
        with catalog.transaction() as tx:
            heartbeats.beat(tx, node, at)
    with catalog.transaction() as tx:
        assert [heartbeats.last(tx, node) for node in ("node1", "node2", "node3")] == [3.0, 2.0, None]
