"""Many calls that end in the same instant, in each of the ways that calls end: every byte is in its file."""

import socket

import pytest

from benchmarks import ingest
from benchmarks.ingest import Load

CALLS = 40
"""`make bench` does the same with 200."""


def may_vanish() -> bool:
    """Whether a socket can be closed without a word to its peer: that takes CAP_NET_ADMIN."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, ingest.TCP_REPAIR, 1)
        except PermissionError:
            return False
    return True


@pytest.mark.parametrize("end", ingest.ENDS)
async def test_every_byte_of_calls_that_end_at_once_is_in_its_file(end: str) -> None:
    if end == "vanish" and not may_vanish():
        pytest.skip("a peer that sends no FIN cannot be made here: that takes CAP_NET_ADMIN")
    await ingest.measure(Load("/ws", 1, end, calls=CALLS, seconds=0.4, settle_seconds=0.2))
