"""What systemd would receive on NOTIFY_SOCKET."""

import socket
from pathlib import Path

import pytest

from wavstream.process.notify import notify


@pytest.mark.parametrize("abstract", [False, True])
def test_a_state_reaches_the_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, abstract: bool) -> None:
    name = f"@wavstream-test-{tmp_path.name}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1", "STATUS=open")
        assert systemd.recv(1024) == b"READY=1\nSTATUS=open"


def test_nobody_asking_and_nobody_listening_are_both_harmless(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
    assert not (tmp_path / "gone").exists()
