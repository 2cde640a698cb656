"""The settings of the server."""

from pathlib import Path

import pytest

from wavstream.process.settings import SettingsError
from wavstream.settings import ServerSettings


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ServerSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.contract("listener-ingest", "listener-http", "v1-orphan")
def test_without_an_environment_it_runs_on_this_machine_alone() -> None:
    settings = ServerSettings.load()
    assert str(settings.wavstream_ingest) == "127.0.0.1:8080"
    assert str(settings.wavstream_http) == "127.0.0.1:8081"
    assert settings.token is None
    assert (settings.recording_retention_hours, settings.wavstream_orphan_seconds) == (24, 60)
    assert settings.catalogue_url == "sqlite:///data/wavstream.db"


@pytest.mark.contract("settings-names")
def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAVSTREAM_TOKEN", "s3cret")
    monkeypatch.setenv("WAVSTREAM_PUBLIC_URL", "https://rec.example/")
    monkeypatch.setenv("RECORDING_RETENTION_HOURS", "0.5")
    monkeypatch.setenv("DATA_DIR", "/var/lib/wavstream")
    settings = ServerSettings.load()
    assert settings.token == "s3cret"
    assert "s3cret" not in repr(settings)
    assert settings.wavstream_public_url == "https://rec.example"
    assert settings.recording_retention_hours == 0.5
    assert settings.catalogue_url == "sqlite:////var/lib/wavstream/wavstream.db"


@pytest.mark.parametrize(
    "variable",
    [
        "WAVSTREAM_TOKEN",
        "WAVSTREAM_PUBLIC_URL",
        "RECORDING_BASE_URL",
        "DATABASE_URL",
        "WAVSTREAM_ACCEL_PREFIX",
    ],
)
def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "")
    assert getattr(ServerSettings.load(), variable.lower()) is None


def test_another_database_is_used_as_it_is_named() -> None:
    settings = ServerSettings.load(database_url="sqlite:////tmp/x.db", data_dir=Path("/d"))
    assert settings.catalogue_url == "sqlite:////tmp/x.db"


@pytest.mark.contract("settings")
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("WAVSTREAM_INGEST", "8080"),
        ("WAVSTREAM_HTTP", "127.0.0.1:x"),
        ("RECORDING_RETENTION_HOURS", "-1"),
        ("RECORDING_RETENTION_HOURS", "inf"),
        ("WAVSTREAM_ORPHAN_SECONDS", "nan"),
        ("WAVSTREAM_CONNECTIONS", "0"),
        ("RECORDING_BASE_URL", "ftp://x"),
        ("WAVSTREAM_ACCEL_PREFIX", "protected"),
        ("WAVSTREAM_ACCEL_PREFIX", "/pro tected"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as wrong:
        ServerSettings.load()
    assert str(wrong.value).startswith(f"{variable}={value}: ")
    assert "\n" not in str(wrong.value)
