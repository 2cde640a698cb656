"""A listener that cannot be opened, in words that name it."""

from collections.abc import Iterator
from contextlib import contextmanager

from wavstream.process.settings import Address


class ListenError(OSError):
    """An address cannot be listened at: taken, not ours, or not permitted. Its text names it."""


@contextmanager
def naming(address: Address) -> Iterator[None]:
    """Raise the OSError of opening a listener at `address` as a ListenError."""
    try:
        yield
    except OSError as wrong:
        raise ListenError(f"cannot listen at {address}: {wrong.strerror or wrong}") from None
