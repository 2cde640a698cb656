"""When recordings expire."""

import pytest

from tests.storage.records import a_recording
from wavstream import retention

STOPPED = 1_000_000.0


@pytest.mark.contract("url-retention", "url-elsewhere")
@pytest.mark.parametrize(
    ("hours", "elsewhere", "expected"),
    [
        (24, False, STOPPED + 86_400),
        (0.5, False, STOPPED + 1800),
        (0, False, None),  # for ever
        (24, True, None),  # the other store's policy rules
    ],
)
def test_a_recording_expires_so_long_after_its_stop(
    hours: float, elsewhere: bool, expected: float | None
) -> None:
    assert retention.expires_at(STOPPED, retention_hours=hours, elsewhere=elsewhere) == expected


@pytest.mark.contract("url-gone")
def test_it_is_expired_from_that_very_instant_on() -> None:
    assert not retention.is_expired(a_recording(expires_at=STOPPED), STOPPED - 0.001)
    assert retention.is_expired(a_recording(expires_at=STOPPED), STOPPED)
    assert not retention.is_expired(a_recording(expires_at=None), 1e12)


@pytest.mark.contract("url-hold")
def test_on_hold_it_never_is() -> None:
    assert not retention.is_expired(a_recording(expires_at=STOPPED, held_at=1.0), 1e12)
