"""Inputs made from inputs: those of a corpus, and every one that did something new.

`do` says what an input did, in a word or two (a "trace"): one with a trace not seen before joins those that
are changed further. So the deeper states are found without a look into the program. Seeded: a failure comes
again.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 2048
"""Of one input: what needs more is a matter of the tests' own."""
_MOST_KEPT = 2000
"""Inputs that are changed further: with more of them each has its turn too seldom."""
_AWKWARD = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xfe\xff", b"\xff" * 8, b"\x00" * 8, b"\r\n", b'"', b"{}")

Do = Callable[[bytes], Hashable]


def corpus(name: str) -> list[bytes]:
    """The committed inputs of that name, in order."""
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def run(do: Do, seeds: Sequence[bytes], count: int, seed: int = 0) -> int:
    """Try the seeds, then `count` inputs in all; return how many traces there were.

    Whatever `do` raises comes through, with the input as a note.
    """
    known: set[Hashable] = set()
    pool = list(seeds)
    for number, data in enumerate(_inputs(pool, random.Random(seed))):
        if number >= count:
            break
        try:
            trace = do(data)
        except BaseException as wrong:
            wrong.add_note(f"input {number}: {data!r}")
            raise
        if trace not in known:
            known.add(trace)
            if number >= len(seeds) and len(pool) < _MOST_KEPT:
                pool.append(data)
    return len(known)


def _inputs(pool: list[bytes], chance: random.Random) -> Iterator[bytes]:
    yield from tuple(pool)
    while True:
        yield mutated(chance.choice(pool), pool, chance)


def mutated(data: bytes, pool: Sequence[bytes], chance: random.Random) -> bytes:
    """An input like `data`, with one to four changes."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        chance.choice(_CHANGES)(changed, pool, chance)
    return bytes(changed[:MOST_BYTES])


def _flip(data: bytearray, _pool: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, _pool: Sequence[bytes], chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _insert(data: bytearray, _pool: Sequence[bytes], chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = chance.choice(_AWKWARD)


def _drop(data: bytearray, _pool: Sequence[bytes], chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    del data[place : place + chance.randint(1, 16)]


def _repeat(data: bytearray, _pool: Sequence[bytes], chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = data[place : place + chance.randint(1, 64)]


def _splice(data: bytearray, pool: Sequence[bytes], chance: random.Random) -> None:
    other = chance.choice(pool)
    place = chance.randrange(len(other) + 1)
    data[chance.randrange(len(data) + 1) :] = other[place:]


def _cut(data: bytearray, _pool: Sequence[bytes], chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


_CHANGES = (_flip, _set, _insert, _drop, _repeat, _splice, _cut)


def main(name: str, do: Do) -> None:
    """The program: `python -m tests.fuzz.NAME N [--seed SEED]`."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.fuzz.{name}")
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    started = time.perf_counter()
    traces = run(do, corpus(name), given.count, given.seed)
    taken = time.perf_counter() - started
    pace = f"{taken:.0f} s, {given.count / taken:.0f} a second"
    sys.stdout.write(f"{name}: {given.count} inputs ({pace}), {traces} traces\n")
