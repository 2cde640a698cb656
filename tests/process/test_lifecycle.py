"""A real process, real signals: readiness is told, the first signal ends it well, the second at once."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICE = """
import sys, trio
from wavstream.process import lifecycle

class Listening:
    def addresses(self):
        return {"http": "127.0.0.1:1"}

async def serve(*, stopping, task_status):
    task_status.started(Listening())
    await stopping.wait()
    if "stuck" in sys.argv:
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()

if "few" in sys.argv:
    import resource
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))

if "hurry" in sys.argv:
    lifecycle.GRACE_SECONDS = 0.05
lifecycle.run(serve)
"""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(str(tmp_path / "notify"))
        datagrams.settimeout(20)
        yield datagrams


def start(systemd: socket.socket, *words: str) -> subprocess.Popen[str]:
    """The service as a child process; returns once it has said that it is ready."""
    child = subprocess.Popen(
        [sys.executable, "-c", SERVICE, *words],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"NOTIFY_SOCKET": systemd.getsockname()},
    )
    assert systemd.recv(1024) == b"READY=1\nSTATUS=http=127.0.0.1:1"
    return child


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_ends_it_with_status_0(systemd: socket.socket, number: signal.Signals) -> None:
    child = start(systemd)
    child.send_signal(number)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 0
    assert systemd.recv(1024) == b"STOPPING=1"
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["event"] for line in lines] == ["ready", "stopping", "ended"]
    assert lines[0]["http"] == "127.0.0.1:1"


def test_the_second_signal_ends_it_at_once(systemd: socket.socket) -> None:
    child = start(systemd, "stuck")
    child.send_signal(signal.SIGTERM)
    assert systemd.recv(1024) == b"STOPPING=1"
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=20)
    assert child.returncode == 1


def test_what_cannot_be_cancelled_is_dropped_when_the_grace_is_over(systemd: socket.socket) -> None:
    child = start(systemd, "stuck", "hurry")
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 0
    assert json.loads(errors.splitlines()[-1])["event"] == "the grace is over: dropping what is left"


def test_a_program_may_open_as_many_descriptors_as_the_system_grants(systemd: socket.socket) -> None:
    """It is started with 64, as with a shell's 1024, and works with the hard limit."""
    child = start(systemd, "few")
    limits = Path(f"/proc/{child.pid}/limits").read_text(encoding="ascii")
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=20)
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    soft, hard = line.split()[3:5]
    assert soft == hard != "64"
