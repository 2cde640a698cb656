"""What a recording is called where it is saved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from tests.storage.records import a_recording
from wavstream.downloads.naming import disposition, file_name

# RFC 9110's example, section 5.6.7: Sun, 06 Nov 1994 08:49:37 GMT.
AT = 784111777.9


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("call-0001.wav", "call-0001-19941106T084937Z.wav"),
        ("call-0001", "call-0001-19941106T084937Z.wav"),
        (None, "recording-19941106T084937Z.wav"),
        ("../../etc/passwd", "_.._etc_passwd-19941106T084937Z.wav"),
        ('a\r\nb"c', "a__b_c-19941106T084937Z.wav"),
        (" .. ", "recording-19941106T084937Z.wav"),
        ("x" * 200, "x" * 150 + "-19941106T084937Z.wav"),
        ("Gespräch", "Gespräch-19941106T084937Z.wav"),
    ],
)
def test_a_file_is_called_by_its_name_and_when_it_began(name: str | None, expected: str) -> None:
    assert file_name(a_recording(name=name, started_at=AT)) == expected


def test_a_plain_name_is_said_once() -> None:
    row = a_recording(name="call", started_at=AT)
    assert disposition(row, attachment=False) == 'inline; filename="call-19941106T084937Z.wav"'
    assert disposition(row, attachment=True) == 'attachment; filename="call-19941106T084937Z.wav"'


def test_another_is_said_twice() -> None:
    # U+00E4 is C3 A4 in UTF-8; a percent sign would be taken for an escape by some (RFC 6266, appendix D).
    said = disposition(a_recording(name="Gespräch 5%", started_at=AT), attachment=False)
    assert said == (
        'inline; filename="Gespr_ch 5_-19941106T084937Z.wav"; '
        "filename*=UTF-8''Gespr%C3%A4ch%205%25-19941106T084937Z.wav"
    )


@pytest.mark.parametrize("at", [1e300, -1e300, 1e12])
def test_a_time_that_no_calendar_has_is_a_number(at: float) -> None:
    assert file_name(a_recording(name="call", started_at=at)) == f"call-{at:.0f}.wav"


@given(st.text(max_size=300))
def test_whatever_the_name_others_read_the_same_file_name_and_it_is_one_component(name: str) -> None:
    row = a_recording(name=name.encode(errors="replace").decode(), started_at=AT)
    said = disposition(row, attachment=True)
    assert said.isascii()
    assert said.isprintable()
    kind, options = parse_options_header(said)
    assert (kind, options["filename"]) == ("attachment", file_name(row))
    assert "/" not in file_name(row)
