"""What makes a response conditional (RFC 9110, section 13). No I/O."""

import re
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime

_TAG = re.compile(r'(W/)?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Validators:
    """A representation's strong entity tag, without quotes, and when it changed (seconds since the epoch)."""

    tag: str
    modified: float

    @property
    def headers(self) -> dict[str, str]:
        """`ETag` and `Last-Modified`."""
        return {"ETag": f'"{self.tag}"', "Last-Modified": formatdate(int(self.modified), usegmt=True)}

    def unchanged(self, *, if_none_match: str | None, if_modified_since: str | None) -> bool:
        """Whether a GET or HEAD with these headers is answered 304 (section 13.2.2)."""
        if if_none_match is not None:
            # Weak comparison (section 13.1.2): a tag that is marked as weak counts as well.
            tags = {match[2] for match in _TAG.finditer(if_none_match)}
            return if_none_match.strip() == "*" or self.tag in tags
        since = _seconds(if_modified_since)
        return since is not None and int(self.modified) <= since

    def range_holds(self, if_range: str | None) -> bool:
        """Whether a `Range` is to be obeyed (section 13.1.5): only when the client has parts of just this."""
        if if_range is None:
            return True
        tag = _TAG.fullmatch(if_range.strip())
        if tag is not None:
            return tag[1] is None and tag[2] == self.tag
        return _seconds(if_range) == int(self.modified)


def _seconds(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
