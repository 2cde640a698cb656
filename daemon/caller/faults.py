"""What goes wrong between a speaker and a recorder, on request: the same again with the same seed. No I/O.

The speaker may send nothing for a while, and its clock may run off; a network may lose packets, delay them,
let one overtake another, and bring one twice.
"""

from dataclasses import dataclass, fields
from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

MOST_JITTER_SECONDS = 1.0
MOST_SKEW_PPM = 10_000.0
"""A hundred times what a cheap crystal does."""
OVERTAKERS = 3
"""A packet is overtaken by one to so many others: 60 ms of sound, inside of any recorder's allowance."""


class Turn(NamedTuple):
    """One packet that leaves."""

    at: float
    """Seconds after sample 0 of the talk was spoken."""
    number: int
    """Which packet of the talk it is."""
    order: int
    """Which one of those that the speaker sent, the lost ones included: RTP's sequence number counts so."""
    marker: bool
    """Whether it begins a talkspurt: the speaker sent nothing just before."""


@dataclass(frozen=True)
class Plan:
    """When each packet of a talk leaves on one line, if it does."""

    turns: tuple[Turn, ...]
    """In the order of leaving."""
    delivered: npt.NDArray[np.bool_]
    """For each packet of the talk, whether it leaves at all."""
    spoken: npt.NDArray[np.bool_]
    """For each, whether the speaker sent it: it may have been lost since."""

    @property
    def sent(self) -> int:
        """How many packets the speaker sent, the lost ones included, each once."""
        return int(np.count_nonzero(self.spoken))


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"--{name} {value:g}: takes {least:g} to {most:g}")


@dataclass(frozen=True, kw_only=True)
class Faults:
    """What is to go wrong. Raises ValueError, in words for the command line, for what cannot be."""

    loss: float = 0.0
    """Percent of packets."""
    burst: float | None = None
    """The mean number of packets lost in a row (Gilbert's model); without it each is lost by itself."""
    reorder: float = 0.0
    """Percent of packets that up to OVERTAKERS others overtake."""
    duplicate: float = 0.0
    """Percent of packets that come twice."""
    jitter: float = 0.0
    """Seconds of delay at most, each as likely. No packet overtakes another by it."""
    skew: float = 0.0
    """Parts per million by which the speaker's clock runs fast."""
    dtx: bool = False
    """Nothing is sent while nobody speaks (discontinuous transmission)."""
    gap: tuple[float, float] | None = None
    """From which second on nothing is sent, and for how many."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("loss", "reorder", "duplicate"):
            _within(name, getattr(self, name), 0, 100)
        _within("jitter", self.jitter * 1000, 0, MOST_JITTER_SECONDS * 1000)
        _within("skew", self.skew, -MOST_SKEW_PPM, MOST_SKEW_PPM)
        if self.gap is not None and (self.gap[0] < 0 or self.gap[1] <= 0):
            raise ValueError("--gap AT,SECONDS: takes a time from 0 on, and a length above 0")
        if self.burst is not None:
            _within("burst", self.burst, 1, 1000)
            if not self.loss:
                raise ValueError("--burst says how --loss comes: give both")
            if self.loss / 100 > self.burst / (self.burst + 1):
                raise ValueError(f"--loss {self.loss:g}: more than bursts of {self.burst:g} can make")

    @property
    def any(self) -> bool:
        """Whether anything goes wrong at all."""
        return bool(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """What goes wrong, by the names of the fields."""
        of = (field.name for field in fields(self) if field.name != "seed")
        return tuple(name for name in of if getattr(self, name))

    @property
    def speed(self) -> float:
        """How many seconds of the speaker's clock go by in one of ours."""
        return 1 + self.skew * 1e-6


NONE = Faults()


def plan(faults: Faults, silent: npt.NDArray[np.bool_], ptime: float, line: int = 0) -> Plan:
    """The plan of one line for a talk, of whose packets (`ptime` seconds each) these are silent.

    Each `line` has chances of its own.
    """
    chance = Random(f"{faults.seed}/{line}")  # noqa: S311 - to be the same again, and no secret
    sends = _sends(faults, silent, ptime)
    spoken = [int(number) for number in np.flatnonzero(sends)]
    lost = _lost(faults, len(spoken), chance)
    turns = [
        Turn(
            (number + 1) * ptime / faults.speed, number, order, order == 0 or spoken[order - 1] != number - 1
        )
        for order, number in enumerate(spoken)
        if not lost[order]
    ]
    delivered = np.zeros(len(silent), np.bool_)
    delivered[[turn.number for turn in turns]] = True
    arriving = _shuffled(faults, _delayed(faults, turns, chance), chance)
    return Plan(tuple(arriving), delivered, sends)


def _sends(faults: Faults, silent: npt.NDArray[np.bool_], ptime: float) -> npt.NDArray[np.bool_]:
    """Which packets the speaker sends."""
    sends: npt.NDArray[np.bool_] = ~silent if faults.dtx else np.ones(len(silent), np.bool_)
    if faults.gap is not None:
        begins = np.arange(len(silent)) * ptime + ptime / 2  # the middle of each, away from any rounding
        first, seconds = faults.gap
        sends = sends & ~((begins >= first) & (begins < first + seconds))
    return sends


def _lost(faults: Faults, count: int, chance: Random) -> list[bool]:
    """Which packets the network loses: one state loses all, the other none; we go to and fro by chance."""
    share = faults.loss / 100
    if not share:
        return [False] * count
    if share == 1:
        return [True] * count
    burst = 1 / (1 - share) if faults.burst is None else faults.burst  # so long are bursts by mere chance
    begins, ends = share / (burst * (1 - share)), 1 / burst
    lost, losing = [], chance.random() < share
    for _ in range(count):
        lost.append(losing)
        losing = chance.random() >= ends if losing else chance.random() < begins
    return lost


def _delayed(faults: Faults, turns: list[Turn], chance: Random) -> list[Turn]:
    """Each packet later by chance, by whole milliseconds, so that many lines still share wake-ups."""
    if not faults.jitter:
        return turns
    most, before, delayed = round(faults.jitter * 1000), 0.0, []
    for turn in turns:
        before = max(before, turn.at + chance.randint(0, most) / 1000)
        delayed.append(turn._replace(at=before))
    return delayed


def _shuffled(faults: Faults, turns: list[Turn], chance: Random) -> list[Turn]:
    """Some packets behind those that came after them, and some twice."""
    leaving: list[tuple[float, bool, int, Turn]] = []
    for place, turn in enumerate(turns):
        held = faults.reorder > 0 and chance.random() * 100 < faults.reorder and place + 1 < len(turns)
        behind = turns[min(place + chance.randint(1, OVERTAKERS), len(turns) - 1)] if held else turn
        late = turn._replace(at=behind.at)
        leaving.append((late.at, held, place, late))
        if faults.duplicate and chance.random() * 100 < faults.duplicate:
            leaving.append((late.at, True, place, late))
    return [turn for *_, turn in sorted(leaving, key=lambda each: each[:3])]
