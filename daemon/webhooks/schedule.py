"""When a webhook is tried again. No I/O, no clock; chance is passed in."""

FIRST_SECONDS = 2.0
LONGEST_SECONDS = 3600.0
"""Never further apart: a receiver that is back after hours hears of it within the hour."""
RETRY_SECONDS = 3 * 24 * 3600.0
"""From the event to its last attempt, where nothing else is set."""
JITTER = 0.2
"""Each delay is up to this part shorter or longer: a receiver that is back is not met by all at once."""


def next_attempt(
    *,
    attempts: int,
    since: float,
    now: float,
    chance: float,
    asked_for: float = 0.0,
    retry_seconds: float = RETRY_SECONDS,
) -> float | None:
    """When to try again after `attempts` that failed, seconds since the epoch; None: never.

    `since` is when the event was stored, or sent again as a dead letter; no attempt comes later than
    `retry_seconds` after it. `chance` is uniform in 0..1; `asked_for` is the receiver's own Retry-After in
    seconds (RFC 9110 section 10.2.3), heeded up to LONGEST_SECONDS.
    """
    delay: float = min(FIRST_SECONDS * 2.0 ** min(attempts - 1, 30), LONGEST_SECONDS)
    delay *= 1 - JITTER + 2 * JITTER * chance
    at = now + max(delay, min(asked_for, LONGEST_SECONDS))
    return at if at - since <= retry_seconds else None
