"""A wrong setting stops the start with one line that names the variable, the value and what it takes."""

import pytest

from wavstream.process.settings import Address, ListenAddress, ProgramSettings, SettingsError


class Some(ProgramSettings):
    """A program's settings, small."""

    some_http: ListenAddress = Address("127.0.0.1", 8000)
    some_hours: float = 24


def test_the_environment_is_read_and_the_default_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_HTTP", "[::1]:0")
    settings = Some.load()
    assert settings.some_http == Address("::1", 0)
    assert str(settings.some_http) == "[::1]:0"
    assert settings.some_hours == 24


@pytest.mark.parametrize("value", ["8000", "localhost", ":80", "h:", "h:70000", "h:-1", "h:eighty"])
def test_a_wrong_address_is_one_plain_line(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SOME_HTTP", value)
    with pytest.raises(SettingsError) as caught:
        Some.load()
    assert str(caught.value) == f"SOME_HTTP={value}: takes HOST:PORT, for example 127.0.0.1:8080"


def test_a_wrong_number_names_its_variable_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_HOURS", "soon")
    with pytest.raises(SettingsError, match=r"^SOME_HOURS=soon: .*number"):
        Some.load()
