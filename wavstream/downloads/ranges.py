"""Which bytes a request asks for (RFC 9110, section 14). No I/O."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_RANGES = 16
"""More in one request come from no player; such a header is ignored, as RFC 9110 section 14.2 allows."""

# No file is longer than 40 digits can say, and int() of a longer text would be work for nothing.
_SPEC = re.compile(r"([0-9]{0,40})-([0-9]{0,40})")


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `start` up to, not including, `stop`; never empty."""

    start: int
    stop: int

    def __len__(self) -> int:
        """How many bytes."""
        return self.stop - self.start


class RangeError(Exception):
    """No range lies within the representation: the answer is 416."""


@dataclass(frozen=True, slots=True)
class Selected:
    """What to send: `parts` in order, each a span of the representation or bytes as they are; `size` in all.

    `content_range` is the header of a single range, `content_type` that of several.
    """

    parts: tuple[Span | bytes, ...]
    size: int
    content_range: str | None = None
    content_type: str | None = None


def spans(header: str | None, size: int) -> list[Span] | None:
    """The spans that a `Range` header asks for out of `size` bytes; None where all is to be sent.

    A header that is malformed, in other units than bytes, or greedy counts as none. Raises RangeError.
    """
    specs = _specs(header)
    if specs is None:
        return None
    found = [span for first, last in specs if (span := _span(first, last, size)) is not None]
    if not found:
        raise RangeError(f"bytes */{size}")
    # Ranges that overlap could make a small request cost any amount of sending.
    return None if sum(len(span) for span in found) > 2 * size else found


def _specs(header: str | None) -> list[tuple[str, str]] | None:
    unit, equals, listed = (header or "").partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    texts = [text for item in listed.split(",") if (text := item.strip())]
    matches = [_SPEC.fullmatch(text) for text in texts]
    if not matches or len(matches) > MOST_RANGES:
        return None
    specs = [(match[1], match[2]) for match in matches if match]
    return specs if len(specs) == len(matches) and all(_is_valid(*spec) for spec in specs) else None


def _is_valid(first: str, last: str) -> bool:
    if not first:
        return bool(last)
    return not last or int(first) <= int(last)


def _span(first: str, last: str, size: int) -> Span | None:
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    return Span(start, stop) if start < stop else None


def select(header: str | None, size: int, *, content_type: str, boundary: str) -> Selected:
    """What a request with that `Range` header is sent of `size` bytes.

    Several ranges make a `multipart/byteranges` (RFC 9110, section 14.6) with `boundary` between its parts.
    Raises RangeError, whose text is the `Content-Range` of the 416.
    """
    found = spans(header, size)
    if found is None:
        return Selected((Span(0, size),) if size else (), size)
    if len(found) == 1:
        return Selected((found[0],), len(found[0]), content_range=_content_range(found[0], size))
    parts = tuple(_multipart(found, size, content_type=content_type, boundary=boundary))
    return Selected(
        parts, sum(len(part) for part in parts), content_type=f"multipart/byteranges; boundary={boundary}"
    )


def _content_range(span: Span, size: int) -> str:
    return f"bytes {span.start}-{span.stop - 1}/{size}"


def _multipart(
    found: Sequence[Span], size: int, *, content_type: str, boundary: str
) -> Iterable[Span | bytes]:
    for number, span in enumerate(found):
        start = "\r\n" if number else ""
        content_range = _content_range(span, size)
        yield (
            f"{start}--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range}\r\n\r\n"
        ).encode()
        yield span
    yield f"\r\n--{boundary}--\r\n".encode()
