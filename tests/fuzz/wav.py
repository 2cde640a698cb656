"""What the WAV reader and the repair make of any beginning of a file: `python -m tests.fuzz.wav N`.

An input is a file's beginning, from the corpus or a header of ours, with bytes, lengths and chunks changed.
It is read, or refused by WavError and nothing else; and what a repair makes of it is a header that says the
audio there is. The seed makes a run the same again.
"""

import random
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from wavstream import wav
from wavstream.chunks import About, chunks
from wavstream.wav import Header, WavError, WavFormat

CORPUS = Path(__file__).parent / "corpus" / "wav"
FORMATS = [
    WavFormat("pcm16", 8000, 1),
    WavFormat("pcm16", 48_000, 2),
    WavFormat("ulaw", 8000, 1),
    WavFormat("alaw", 16_000, 2),
]
NAMES = [b"RIFF", b"RF64", b"WAVE", b"JUNK", b"ds64", b"fmt ", b"fact", b"bext", b"LIST", b"data"]
SIZES = [0, 1, 4, 16, 18, 27, 28, 2**31, 0xFFFF_FFFE, 0xFFFF_FFFF]


def check(start: bytes, audio: WavFormat, size: int) -> None:
    """One input: a file's first bytes, and the format and the size that it has."""
    with suppress(WavError):
        said = wav.parse(start)
        assert 0 < said.data_offset <= len(start)
        assert said.data_bytes is None or said.data_bytes >= 0
    repair = wav.repair(Header(audio, wav.junk(64)), size, start)
    assert repair.header.format == audio
    assert repair.header.size <= max(audio.header_bytes + 64, wav.MOST_HEADER_BYTES)
    assert 0 <= repair.data_bytes <= size
    stated = wav.running(audio, repair.data_bytes)
    header = repair.header.over(stated)
    assert wav.parse(header) == wav.Parsed(audio, len(header), stated)
    # Whoever is killed after a repair finds the same again.
    grown = max(size, len(header))
    assert wav.repair(repair.header, grown, header) == repair


def inputs(count: int, seed: int) -> Iterator[tuple[bytes, WavFormat, int]]:
    """So many inputs: the corpus as it is, then changed."""
    chance = random.Random(seed)
    seeds = list(_seeds())
    for number in range(count):
        start = seeds[number % len(seeds)]
        if number >= len(seeds):
            for _ in range(chance.randint(1, 4)):
                start = chance.choice(CHANGES)(start, chance)
        start = start[: wav.MOST_HEADER_BYTES]
        yield start, chance.choice(FORMATS), chance.choice([len(start), chance.getrandbits(34)])


def _seeds() -> Iterator[bytes]:
    for path in sorted(CORPUS.iterdir()):
        yield path.read_bytes()
    about = About(recording_id="recording-1", name="a name", started_at=1e9)
    for audio in FORMATS:
        for header in (Header(audio), Header(audio, chunks(audio, about))):
            for data_bytes in (None, 0, 1000 * audio.frame_bytes, 5 * 2**30):
                yield header.over(data_bytes)


def _byte(start: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(start) + 1)
    return start[:place] + bytes([chance.randrange(256)]) + start[place + 1 :]


def _cut(start: bytes, chance: random.Random) -> bytes:
    return start[: chance.randrange(len(start) + 1)]


def _leave_out(start: bytes, chance: random.Random) -> bytes:
    first, last = sorted(chance.choices(range(len(start) + 1), k=2))
    return start[:first] + start[last:]


def _name(start: bytes, chance: random.Random) -> bytes:
    return start.replace(chance.choice(NAMES), chance.choice(NAMES), 1)


def _size(start: bytes, chance: random.Random) -> bytes:
    """Another length for a chunk that is there."""
    place = start.find(chance.choice(NAMES))
    size = struct.pack("<I", chance.choice([*SIZES, chance.getrandbits(12)]))
    return start if place < 0 else start[: place + 4] + size + start[place + 8 :]


def _chunk(start: bytes, chance: random.Random) -> bytes:
    place = 12 + 2 * chance.randrange(60)
    body = chance.randbytes(chance.randrange(40))
    chunk = chance.choice(NAMES) + struct.pack("<I", len(body)) + body
    return start[:place] + chunk + start[place:]


CHANGES: list[Callable[[bytes, random.Random], bytes]] = [_byte, _cut, _leave_out, _name, _size, _chunk]


def run(count: int, seed: int = 0) -> None:
    """So many inputs, the first of which are the corpus. An input that fails is printed with its error."""
    for start, audio, size in inputs(count, seed):
        try:
            check(start, audio, size)
        except Exception as wrong:
            wrong.add_note(f"input: {start.hex()}, {audio}, {size} bytes")
            raise


if __name__ == "__main__":
    wanted = int(sys.argv[1])
    run(wanted)
    sys.stdout.write(f"wav: {wanted} inputs, documented errors only\n")
