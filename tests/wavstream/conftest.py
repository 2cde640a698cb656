"""What the tests of this folder share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.wavstream.servers import Server, running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A server with default settings, on ports of its own."""
    async with running(tmp_path) as server:
        yield server


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What is logged meanwhile: one dictionary an event."""
    with capture_logs() as entries:
        yield entries
