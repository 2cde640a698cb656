"""What is said in the calls of `wavstream call`, and how, from what was asked for."""

from dataclasses import dataclass
from pathlib import Path

from daemon import speech
from daemon.caller import faults, kinds, sound
from daemon.caller.faults import Faults
from daemon.caller.manner import Manner
from daemon.caller.talk import Talk


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the calls are to be like; None for what is usual."""

    file: Path | None = None
    callee: Path | None = None
    seconds: float | None = None
    leg: str = "rtp"
    legs: int = 1
    codec: str | None = None
    rate: int | None = None
    ptime: int | None = None
    faults: Faults = faults.NONE
    verify: bool = False


def prepared(asked: Asked) -> tuple[Talk, Manner]:
    """What will be said, at the codec's rate, and how: the files, or our own caller and callee.

    Raises SoundError, and ValueError for what does not go together.
    """
    kind = kinds.named(asked.leg)
    codec, payload_type = kind.codec(asked.codec, asked.rate)
    ptime, manner = kind.ptime(asked.ptime), kind.manner(asked.faults)
    if asked.verify and asked.faults.reorder and codec.decoder is not None:
        raise ValueError(
            f"--verify with --reorder: how {codec.name} sounds depends on the order in which it is decoded"
        )
    samples = sound.load(asked.file or speech.CALLER, codec.rate)
    if asked.seconds is not None:
        samples = sound.lasting(samples, round(asked.seconds * codec.rate))
    talk = Talk.of(samples, codec, payload_type, ptime)
    if asked.legs == 2:
        talk = talk.with_callee(sound.load(asked.callee or speech.CALLEE, codec.rate))
    return talk, manner
