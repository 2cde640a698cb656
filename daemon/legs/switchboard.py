"""Which leg a connection is put through to: the one that it names."""

from collections.abc import Callable
from typing import Generic, TypeVar

from daemon.legs.connected import ConnectedLeg
from daemon.legs.leg import Side
from daemon.media.wire import Wire
from wavstream.process.cadence import Cadence
from wavstream.process.logs import Log
from wavstream.process.settings import Address

O = TypeVar("O")  # noqa: E741 - what a connection was opened with


class Switchboard(Generic[O]):
    """The legs of one kind that take connections. `address` is where, once somebody listens there."""

    def __init__(
        self, cadence: Cadence, address: Address, *, wire: Callable[[], Wire[O]], draw: Callable[[], str]
    ) -> None:
        """`wire` makes what a leg speaks, `draw` a name at random: whoever shows it may speak."""
        self.address = address
        self._cadence = cadence
        self._wire = wire
        self._draw = draw
        self._legs: dict[str, ConnectedLeg[O]] = {}

    def open(self, *, side: Side, log: Log, name: str | None = None, silence: bool = True) -> ConnectedLeg[O]:
        """A leg that takes connections until it is closed; without a `name`, one is drawn.

        Without `silence` it says nothing.

        Raises ValueError where a leg has this one.
        """
        name = name or self._draw()
        if name in self._legs:
            raise ValueError(f"a leg has the name {name} already")
        leg = ConnectedLeg(
            side=side,
            name=name,
            wire=self._wire(),
            cadence=self._cadence,
            log=log,
            silence=silence,
            closed=lambda: self._legs.pop(name, None),
        )
        self._legs[name] = leg
        return leg

    def find(self, name: str) -> ConnectedLeg[O] | None:
        """The leg of that name, if it takes connections."""
        return self._legs.get(name)
