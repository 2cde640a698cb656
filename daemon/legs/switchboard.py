"""Which leg an AudioSocket connection is put through to: the one that its UUID names."""

from uuid import UUID, uuid4

from daemon.legs.audiosocket import AudioSocketLeg
from daemon.legs.leg import Side
from wavstream.process.cadence import Cadence
from wavstream.process.logs import Log
from wavstream.process.settings import Address


class Switchboard:
    """The AudioSocket legs that take connections. `address` is where, once somebody listens there."""

    def __init__(self, cadence: Cadence, address: Address) -> None:
        self.address = address
        self._cadence = cadence
        self._legs: dict[UUID, AudioSocketLeg] = {}

    def open(self, *, side: Side, log: Log, uuid: UUID | None = None) -> AudioSocketLeg:
        """A leg that takes connections until it is closed; without a `uuid`, one is drawn.

        122 random bits: whoever shows them may speak. Raises ValueError where a leg has this one.
        """
        name = uuid or uuid4()
        if name in self._legs:
            raise ValueError(f"a leg has the UUID {name} already")
        leg = AudioSocketLeg(
            side=side, uuid=name, cadence=self._cadence, log=log, closed=lambda: self._legs.pop(name, None)
        )
        self._legs[name] = leg
        return leg

    def find(self, uuid: UUID) -> AudioSocketLeg | None:
        """The leg of that UUID, if it takes connections."""
        return self._legs.get(uuid)
