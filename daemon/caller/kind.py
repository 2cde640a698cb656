"""What a kind of line is: what can be said on it, and what can go wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daemon.caller.faults import Faults
from daemon.caller.manner import Dial, Manner
from daemon.caller.talk import PTIME_SECONDS
from daemon.media import codecs
from daemon.media.codecs import Codec

PTIMES = range(10, 61, 10)
"""Milliseconds in an RTP packet."""
ANY_FAULT = frozenset({"loss", "burst", "reorder", "duplicate", "jitter", "skew", "dtx", "gap"})
RELIABLE = ANY_FAULT - {"loss", "burst", "reorder", "duplicate"}
"""What can go wrong over TCP, which loses nothing and keeps the order."""
_PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "L16": 96}
"""Of RTP: the static ones (RFC 3551 §6), and the first that means nothing by itself."""


def linear(encoding: str, rate: int) -> Codec:
    """What L16 is on wires that send the low byte first; other encodings are as everywhere."""
    return codecs.in_file("pcm16", rate) if encoding == "L16" else codecs.named(encoding, rate)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What can be said on a line of a kind, and what can go wrong."""

    name: str
    dial: Dial
    encodings: Mapping[str, tuple[int, ...]]
    """The encodings that it takes, and at which rates; the first is the usual one."""
    faults: frozenset[str] = RELIABLE
    timed: bool = False
    """Whether each packet says when it was spoken."""
    breathes: bool = True
    """Whether its rate is known only once it was heard."""
    both: bool = False
    """Whether one line can carry caller and callee."""
    any_ptime: bool = False
    codec_of: Callable[[str, int], Codec] = codecs.named
    """From an encoding and a rate, how samples are written on its wire."""

    def codec(self, asked: str | None, rate: int | None) -> tuple[Codec, int]:
        """What `--codec` and `--rate` mean: `L16/16000` says both. And its RTP payload type.

        Raises ValueError.
        """
        name, _, its_rate = (asked or next(iter(self.encodings))).upper().partition("/")
        rates = self.encodings.get(name, ())
        wanted = its_rate or str(rate or "")
        if wanted == "8000" and name == "G722":
            wanted = ""  # so SDP has it
        chosen = wanted or str(next(iter(rates), ""))
        if chosen not in map(str, rates):
            words = f" at {wanted} Hz" if wanted else ""
            raise ValueError(f"--codec {name}{words}: --leg {self.name} takes {self._takes()}")
        return self.codec_of(name, int(chosen)), _PAYLOAD_TYPES[name]

    def manner(self, faults: Faults) -> Manner:
        """How calls are spoken into it. Raises ValueError for what cannot go wrong there."""
        for name in faults.names:
            if name not in self.faults:
                takes = ", ".join(f"--{each}" for each in sorted(self.faults))
                raise ValueError(f"--{name}: not on --leg {self.name}, which takes {takes}")
        return Manner(
            dial=self.dial,
            faults=faults,
            breathes=self.breathes,
            timed=self.timed,
            over_tcp="loss" not in self.faults,
            both=self.both,
        )

    def ptime(self, milliseconds: int | None) -> float:
        """The seconds of a packet. Raises ValueError."""
        if milliseconds is None or milliseconds / 1000 == PTIME_SECONDS:
            return PTIME_SECONDS
        if not self.any_ptime:
            raise ValueError(f"--ptime {milliseconds}: --leg {self.name} takes 20")
        if milliseconds not in PTIMES:
            raise ValueError(f"--ptime {milliseconds}: takes {', '.join(map(str, PTIMES))}")
        return milliseconds / 1000

    def _takes(self) -> str:
        return ", ".join(
            name if len(rates) == 1 else ", ".join(f"{name}/{rate}" for rate in rates)
            for name, rates in self.encodings.items()
        )
