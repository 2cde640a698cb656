"""What makes a request conditional (RFC 9110, section 13). No I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import formatdate, parsedate_to_datetime
from typing import Literal

_TAG = re.compile(r'(W/)?"([^"]*)"')
_DATE = re.compile(
    r"[A-Z][a-z]{2,8}(, [0-9]{2}[ -][A-Z][a-z]{2}[ -][0-9]{2,4} [0-9:]{8} GMT"
    r"| [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4})"
)
"""The three forms of section 5.6.7; the parser behind it takes many others, and some of them by mistake."""

CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")

Verdict = Literal["failed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Validators:
    """A representation's strong entity tag, without quotes, and when it changed (seconds since the epoch)."""

    tag: str
    modified: float

    @property
    def headers(self) -> dict[str, str]:
        """`ETag` and `Last-Modified`."""
        return {"ETag": f'"{self.tag}"', "Last-Modified": formatdate(int(self.modified), usegmt=True)}

    def verdict(self, headers: Mapping[str, str]) -> Verdict | None:
        """What the conditions of a GET or HEAD make of it, in the order of section 13.2.2.

        `failed` is 412, `unchanged` 304; None where it is to be sent.
        """
        if self._has_failed(headers.get("If-Match"), headers.get("If-Unmodified-Since")):
            return "failed"
        unchanged = self.unchanged(
            if_none_match=headers.get("If-None-Match"), if_modified_since=headers.get("If-Modified-Since")
        )
        return "unchanged" if unchanged else None

    def unchanged(self, *, if_none_match: str | None, if_modified_since: str | None) -> bool:
        """Whether a client that has it already is told so. A date counts only where there is no tag."""
        if if_none_match is not None:
            # Weak comparison (section 13.1.2): a tag that is marked as weak counts as well.
            return self._is_among(if_none_match, weak=True)
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

    def _has_failed(self, if_match: str | None, if_unmodified_since: str | None) -> bool:
        if if_match is not None:
            return not self._is_among(if_match, weak=False)  # strong comparison (section 13.1.1)
        since = _seconds(if_unmodified_since)
        return since is not None and int(self.modified) > since

    def _is_among(self, listed: str, *, weak: bool) -> bool:
        tags = {match[2] for match in _TAG.finditer(listed) if weak or match[1] is None}
        return listed.strip() == "*" or self.tag in tags


def _seconds(date: str | None) -> float | None:
    """An HTTP date; one that is none counts as no condition (sections 13.1.3 and 13.1.4)."""
    if date is None or not _DATE.fullmatch(date):
        return None
    try:
        return parsedate_to_datetime(date).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
