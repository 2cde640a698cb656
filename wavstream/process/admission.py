"""Who may have a connection when there are more who want one than places. No I/O, no clock."""

from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Generic, Protocol, TypeVar

MOST_CONNECTIONS = 1024
"""To one HTTP listener: more than hundreds of followers and a busy application
need. A silent one takes 11 kB, a request 100 kB at its worst: 100 MB together."""
MOST_OF_ONE_ADDRESS = 512
"""Half of the places are kept from any one address. No more: behind a proxy everybody has the same."""

MOST_COMPARED = 32
"""Of those who owe us something, the first that came: to compare all would be most of an attack's work."""


class Guest(Protocol):
    """Somebody who has a place."""

    @property
    def owing_since(self) -> float | None:
        """Since when everything has been waiting for them, in seconds; None while they wait for us."""

    def cut(self) -> None:
        """Send them away. Returns at once."""


G = TypeVar("G", bound=Guest)


class Admission(Generic[G]):
    """The places. When all are taken, whoever has kept us waiting longest goes for a new guest.

    So slow and silent connections keep nobody out: a request that comes at once is answered. And nobody who
    waits for an answer has to go.
    """

    def __init__(self, most: int = MOST_CONNECTIONS, most_of_one: int = MOST_OF_ONE_ADDRESS) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._guests: dict[G, str] = {}  # those who came first are first
        self._by_address: dict[str, dict[G, None]] = {}  # none is empty

    def __len__(self) -> int:
        """How many places are taken."""
        return len(self._guests)

    def __iter__(self) -> Iterator[G]:
        """All who have a place now."""
        return iter(tuple(self._guests))

    def enter(self, address: str, guest: G) -> bool:
        """Give a place to a guest from that address; False where there is none."""
        of_one = self._by_address.get(address, {})
        if len(of_one) >= self._most_of_one:
            has_room = self._make_room(of_one)
        else:
            has_room = len(self._guests) < self._most or self._make_room(self._guests)
        if has_room:
            self._guests[guest] = address
            self._by_address.setdefault(address, {})[guest] = None
        return has_room

    def leave(self, guest: G) -> None:
        """Give a guest's place back; nothing, where they have none."""
        address = self._guests.pop(guest, None)
        if address is None:
            return
        of_one = self._by_address[address]
        del of_one[guest]
        if not of_one:
            del self._by_address[address]

    def _make_room(self, rivals: Iterable[G]) -> bool:
        """Send one of them away, if there is one to send."""
        owing = ((since, guest) for guest in rivals if (since := guest.owing_since) is not None)
        longest = min(islice(owing, MOST_COMPARED), key=itemgetter(0), default=None)
        if longest is None:
            return False
        _, guest = longest
        self.leave(guest)
        guest.cut()
        return True
