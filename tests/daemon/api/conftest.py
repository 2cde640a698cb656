"""What makes the tests of the API quick."""

import pytest


@pytest.fixture(autouse=True)
def _quick(cheap_keys: None, short_drain: None) -> None:
    """Each of them authenticates, and many record to nowhere."""
