"""Real packets of a real Asterisk, and the speech that it played (see tests/data)."""

import base64
import json
from pathlib import Path

import numpy as np
import soundfile

from daemon.media.codecs import Samples

DATA = Path(__file__).parents[2] / "data"


def packets(name: str) -> list[tuple[float, bytes]]:
    """(seconds since the first packet, datagram), in order."""
    lines = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]
    came = [line for line in lines[1:] if line.get("dir") == "in"]
    first = came[0]["t"]  # "about 0": the clock had started some milliseconds before
    return [(line["t"] - first, base64.b64decode(line["b64"])) for line in came]


def speech() -> Samples:
    """32,000 samples at 8 kHz."""
    samples, rate = soundfile.read(DATA / "speech-8k.wav", dtype="int16")
    assert rate == 8000
    return np.asarray(samples, np.int16)
