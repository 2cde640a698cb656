"""The daemon's settings: each wrong value is one line with the variable, the value and what it takes."""

from pathlib import Path

import pytest

from daemon.settings import DaemonSettings
from wavstream.process.settings import Address, SettingsError


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DaemonSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.contract(
    "listener-daemon-http", "listener-daemon-rtp", "listener-daemon-audiosocket", "listener-daemon-media"
)
def test_without_any_it_listens_on_this_machine_and_records_to_nowhere() -> None:
    settings = DaemonSettings.load()
    assert settings.daemon_http == Address("127.0.0.1", 8000)
    assert settings.daemon_rtp == "127.0.0.1:20000-29998"
    assert settings.daemon_audiosocket == Address("127.0.0.1", 9092)
    assert settings.audiosocket_app is None
    assert settings.daemon_media == Address("127.0.0.1", 8001)
    assert settings.media_app is None
    assert settings.media_token is None
    assert settings.wavstream_url is None
    assert settings.admin_api_key is None
    assert settings.catalog_url == "sqlite:///data/daemon.db"


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DaemonSettings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert DaemonSettings.load() == DaemonSettings()
    assert DaemonSettings.load().admin_api_key is None


@pytest.mark.contract("settings-names")
def test_each_comes_from_the_variable_of_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WAVSTREAM_URL", "ws://media:8080")
    monkeypatch.setenv("WAVSTREAM_PUBLIC_URL", "https://media/")
    monkeypatch.setenv("ALLOW_HTTP_WEBHOOKS", "true")
    monkeypatch.setenv("RECORDING_SAMPLE_RATE", "16000")
    settings = DaemonSettings.load()
    assert settings.catalog_url == f"sqlite:///{tmp_path}/daemon.db"
    assert settings.wavstream_url == "ws://media:8080/v1/stream"
    assert settings.wavstream_public_url == "https://media"
    assert settings.allow_http_webhooks is True
    assert settings.recording_sample_rate == 16000


@pytest.mark.parametrize("path", ["", "/"])
def test_a_stream_url_without_a_path_means_the_protocols_own(path: str) -> None:
    assert DaemonSettings.load(wavstream_url=f"wss://m:1{path}").wavstream_url == "wss://m:1/v1/stream"


def test_a_stream_url_with_a_path_stays_as_it_is() -> None:
    assert DaemonSettings.load(wavstream_url="ws://m/elsewhere").wavstream_url == "ws://m/elsewhere"


def test_a_database_may_be_named() -> None:
    assert DaemonSettings.load(database_url="sqlite:////tmp/x.db").catalog_url == "sqlite:////tmp/x.db"


@pytest.mark.contract("settings")
@pytest.mark.parametrize(
    ("variable", "value", "takes"),
    [
        ("DAEMON_HTTP", "8000", "takes HOST:PORT"),
        ("DAEMON_HTTP", "127.0.0.1:65536", "takes HOST:PORT"),
        ("DAEMON_RTP", "127.0.0.1", "takes HOST:LOW-HIGH"),
        ("DAEMON_RTP", "127.0.0.1:20000", "takes HOST:LOW-HIGH"),
        ("DAEMON_RTP", "127.0.0.1:300-200", "takes HOST:LOW-HIGH"),
        ("DAEMON_RTP", "127.0.0.1:20001-20001", "takes a range with an even port"),
        ("DAEMON_RTP", "127.0.0.1:20000-70000", "takes HOST:LOW-HIGH"),
        ("WAVSTREAM_URL", "http://m:8080", "takes ws://HOST:PORT"),
        ("WAVSTREAM_URL", "ws://", "takes ws://HOST:PORT"),
        ("WAVSTREAM_URL", "ws://m:0", "takes ws://HOST:PORT"),
        ("WAVSTREAM_URL", "ws://m:99999", "Port out of range"),
        ("WAVSTREAM_PUBLIC_URL", "media:8081", "takes http://HOST:PORT"),
        ("WAVSTREAM_PUBLIC_URL", "http://media?x=1", "takes http://HOST:PORT"),
        ("RECORDING_FORMAT", "mp3", "'pcm16', 'ulaw' or 'alaw'"),
        ("RECORDING_SAMPLE_RATE", "7999", "greater than or equal to 8000"),
        ("RECORDING_CHANNELS", "3", "'mono' or 'stereo'"),
        ("RECORDING_REPLAY_SECONDS", "0", "greater than or equal to 1"),
        ("DATABASE_URL", "daemon.db", "takes a database URL"),
        ("NODE_ID", "abc", "String should match pattern"),
        ("ALLOW_HTTP_WEBHOOKS", "perhaps", "valid boolean"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_wrong_value_is_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, takes: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as wrong:
        DaemonSettings.load()
    line = str(wrong.value)
    assert line.startswith(f"{variable}={value}: ")
    assert takes in line
    assert "\n" not in line


def test_a_wrong_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_TOKEN", "tooshort")
    with pytest.raises(SettingsError) as wrong:
        DaemonSettings.load()
    assert str(wrong.value) == "MEDIA_TOKEN=***: takes 16 characters at least"


def test_an_empty_operators_key_would_let_everybody_in() -> None:
    with pytest.raises(SettingsError, match=r"^ADMIN_API_KEY="):
        DaemonSettings.load(admin_api_key="")
