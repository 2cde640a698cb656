"""When a recording's time is over. No I/O; the sweeper then takes it off the disk."""

from storage.recordings import Recording


def expires_at(stopped_at: float, *, retention_hours: float, elsewhere: bool) -> float | None:
    """When a recording that stopped at `stopped_at` is gone; None: never, or another store says.

    Counted from the stop alone, so that neither reading nor a restart can move it. Seconds since the epoch.
    """
    return None if elsewhere or retention_hours == 0 else stopped_at + retention_hours * 3600


def is_expired(recording: Recording, now: float) -> bool:
    """Whether its time is over at `now`, swept or not. On legal hold it never is; off it, at once."""
    return recording.held_at is None and recording.expires_at is not None and recording.expires_at <= now
