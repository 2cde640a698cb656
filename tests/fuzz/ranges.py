"""Any text as `Range` and as conditions: what RFC 9110 says (sections 13 and 14), or RangeError, no more.

`python -m tests.fuzz.ranges N [SEED]` tries N inputs, changed at random from those in corpus/ranges.
"""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from wavstream.downloads.ranges import MOST_RANGES, RangeError, Selected, Span, select
from wavstream.downloads.validators import CONDITIONS, Validators

CORPUS = Path(__file__).parent / "corpus/ranges"
SIZES = (0, 1, 80, 500, 16_080, 1 << 32, (1 << 63) - 1)  # the last is the longest file that there can be
WORDS = (*'0123456789-,= \t*"W/', "bytes", "bytes=", "GMT", "\x00", "٣", "é", "9" * 40, "0-", "-1", "0-0,")
TYPE, BOUNDARY = "audio/wav", "b" * 24
VALIDATORS = Validators("abc", 784111777.9)


def corpus() -> list[str]:
    """The committed inputs."""
    return [path.read_text(encoding="utf-8") for path in sorted(CORPUS.iterdir())]


def inputs(seed: int, known: Sequence[str]) -> Iterator[str]:
    """The corpus, and then changes of it, the same ones for the same seed."""
    yield from known
    luck = random.Random(seed)
    while True:
        yield changed(luck, luck.choice(known))


def changed(luck: random.Random, text: str) -> str:
    """A text with some of it cut out, put in, or repeated."""
    for _ in range(1 + int(luck.random() * 4)):
        start = int(luck.random() * (len(text) + 1))
        stop = start + int(luck.random() ** 2 * (len(text) + 1 - start))
        middle = ("", WORDS[int(luck.random() * len(WORDS))], text[start:stop] * 2)[int(luck.random() * 3)]
        text = (text[:start] + middle + text[stop:])[:500]
    return text


def check(text: str, size: int, condition: str) -> None:
    """Hold what is made of one header against the standard. Raises AssertionError, or what should not be."""
    assert VALIDATORS.range_holds(text) in {True, False}
    assert VALIDATORS.verdict({condition: text}) in {None, "failed", "unchanged"}
    try:
        selected = select(text, size, content_type=TYPE, boundary=BOUNDARY)
    except RangeError as wrong:
        words = str(wrong)
    else:
        words = f"bytes */{size}"
        check_selected(selected, size)
    assert words == f"bytes */{size}"


def check_selected(selected: Selected, size: int) -> None:
    """Every part lies within the file; all of them are as long as is said, few, and not too long."""
    spans = [part for part in selected.parts if isinstance(part, Span)]
    lengths = [part.stop - part.start if isinstance(part, Span) else len(part) for part in selected.parts]
    assert all(0 <= span.start < span.stop <= size for span in spans)
    assert sum(lengths) == selected.size
    assert len(spans) <= MOST_RANGES
    assert sum(span.stop - span.start for span in spans) <= 2 * size
    assert selected.content_range is None or len(spans) == 1
    assert (selected.content_type is not None) == (len(spans) > 1)


def run(count: int, seed: int) -> None:
    """Try so many inputs."""
    tried = inputs(seed, corpus())
    for number in range(count):
        text = next(tried)
        try:
            check(text, SIZES[number % len(SIZES)], CONDITIONS[number % len(CONDITIONS)])
        except Exception:
            sys.stderr.write(f"seed {seed}, input {number}: {text!r}\n")
            raise


def main() -> None:
    """See the module."""
    count = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 32)
    began = time.perf_counter()
    run(count, seed)
    sys.stdout.write(f"{count} inputs, {count / (time.perf_counter() - began):,.0f} a second, seed {seed}\n")


if __name__ == "__main__":
    main()
