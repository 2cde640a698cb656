"""Lists in pages: how many entries, and where the next page begins. No I/O."""

import base64
import math
from collections.abc import Callable

from daemon.api.answers import Refusal
from daemon.api.queries import MOST_A_PAGE, PAGE

Place = tuple[float, str]
"""Of an entry in a list that is sorted by time and id."""


def limit(text: str | None) -> int:
    """How many entries were asked for. Raises Refusal: 400."""
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= MOST_A_PAGE):
        raise Refusal(400, f"limit takes 1 to {MOST_A_PAGE}")
    return int(text)


def cursor(place: Place) -> str:
    """What `next` says where the page ends with this entry."""
    return base64.urlsafe_b64encode(f"{place[0]!r} {place[1]}".encode()).decode()


def before(text: str | None, *, is_name: Callable[[str], bool]) -> Place | None:
    """The last entry of the page before; `is_name` knows the ids in the list. Raises Refusal: 400."""
    if text is None:
        return None
    try:
        at, _, name = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
        place = float(at), name
    except ValueError:
        place = math.nan, ""
    if not (math.isfinite(place[0]) and is_name(place[1])):
        raise Refusal(400, "cursor takes what `next` of the page before says")
    return place
