"""`wavstream call`: straight to an RTP address, and through the API of a system that is up."""

import socket
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import trio

from daemon import speech
from daemon.caller import kinds, sound
from daemon.caller.faults import Faults
from daemon.cli import applications, both, calling, welcome
from daemon.cli.applications import Change
from daemon.cli.both import Plan
from daemon.cli.calling import Order
from daemon.cli.callprepared import Asked, prepared
from daemon.cli.failure import Failed
from daemon.media import rtp
from daemon.media.codecs import PCMA, l16
from tests.daemon.cli.conftest import Run


@pytest.fixture
def far_end() -> Iterator[socket.socket]:
    """A UDP socket that can be called."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        datagrams.settimeout(5)
        yield datagrams


def address(datagrams: socket.socket) -> str:
    host, port = datagrams.getsockname()
    return f"{host}:{port}"


def test_the_callers_own_speech_is_sent_where_no_file_is_named(run: Run, far_end: socket.socket) -> None:
    # 0.4 s of the caller are 20 packets of 320 bytes of L16.
    ran = run("call", "--rtp", address(far_end), "--codec", "l16", "--seconds", "0.4")
    assert ran.status == 0
    assert ran.out.startswith("1 call, 20 packets sent, 0 heard;")
    packets = [rtp.parse(far_end.recv(2048)) for _ in range(20)]
    assert {packet.payload_type for packet in packets} == {96}
    heard = l16(8000).decode(b"".join(packet.payload for packet in packets))
    assert np.array_equal(heard, sound.load(speech.CALLER, 8000)[:3200])


@pytest.mark.contract("program-call")
def test_a_file_is_said_in_another_codec_to_two_addresses(run: Run, far_end: socket.socket) -> None:
    where = address(far_end)
    ran = run(
        "call", str(speech.CALLEE), "--rtp", where, "--rtp", where, "--codec", "PCMA", "--seconds", "0.1"
    )
    assert ran.status == 0
    assert ran.out.startswith("2 calls, 10 packets sent, 0 heard;")
    packets = [rtp.parse(far_end.recv(2048)) for _ in range(10)]
    assert len({packet.ssrc for packet in packets}) == 2
    first = [packet for packet in packets if packet.ssrc == packets[0].ssrc]
    heard = PCMA.decode(b"".join(packet.payload for packet in first))
    assert np.array_equal(heard, PCMA.decode(PCMA.encode(sound.load(speech.CALLEE, 8000)[:800])))


def test_packets_that_nobody_takes_are_told_of(run: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nobody = address(gone)
    ran = run("call", "--rtp", nobody, "--seconds", "0.1")
    assert ran.status == 0
    assert "that nobody took" in ran.out


def test_a_daemon_that_is_not_there_is_said_plainly(run: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nobody = address(gone)
    ran = run("call", "--url", f"http://{nobody}", "--app-id", "demo", "--api-key", "k" * 16)
    assert ran.status == 1
    assert ran.err.splitlines()[-1].startswith("wavstream: the daemon cannot be reached:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--codec", "opus"), "--codec OPUS: --leg rtp takes PCMU"),
        (("--ptime", "15"), "--ptime 15: takes 10, 20"),
        (("--loss", "101"), "--loss 101: takes 0 to 100"),
        (("--gap", "3"), "--gap 3: takes two numbers"),
        (("--gap", "a,b"), "--gap a,b: takes two numbers"),
        (("--legs", "2"), "--legs 2 is for sessions"),
    ],
)
def test_what_does_not_go_together_is_refused_with_status_2(
    run: Run, far_end: socket.socket, arguments: tuple[str, ...], words: str
) -> None:
    ran = run("call", "--rtp", address(far_end), *arguments)
    assert ran.status == 2
    assert ran.err.startswith(f"wavstream: {words}")


def test_g722_that_is_reordered_cannot_be_verified(run: Run) -> None:
    asked = ("--app-id", "a", "--api-key", "k" * 16, "--codec", "g722", "--reorder", "1", "--verify")
    ran = run("call", *asked)
    assert ran.status == 2
    assert ran.err.startswith("wavstream: --verify with --reorder: how G722 sounds")


def test_faults_leave_what_they_should_on_the_wire(run: Run, far_end: socket.socket) -> None:
    # 0.6 s in packets of 10 ms are 60, but for those of the gap from 0.2 s to 0.4 s.
    ran = run("call", "--rtp", address(far_end), "--seconds", "0.6", "--ptime", "10", "--gap", "0.2,0.2")
    assert ran.status == 0
    assert ran.out.startswith("1 call, 40 packets sent, 0 heard;")
    packets = [rtp.parse(far_end.recv(2048)) for _ in range(40)]
    steps = [(packet.timestamp - packets[0].timestamp) % 2**32 // 80 for packet in packets]
    assert steps == [*range(20), *range(40, 60)]


@pytest.mark.contract("program-up", "program-call")
async def test_calls_into_a_system_that_is_up_are_recorded_and_verified(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nursery: trio.Nursery,
) -> None:
    listeners = ("INGEST", "HTTP"), ("HTTP", "RTP", "AUDIOSOCKET", "MEDIA")
    names = [f"WAVSTREAM_{name}" for name in listeners[0]] + [f"DAEMON_{name}" for name in listeners[1]]
    for name in names:
        monkeypatch.setenv(name, "127.0.0.1:0")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    up, api = trio.Event(), ""

    def greeted(_: Path, __: Mapping[str, str], daemon: Mapping[str, str]) -> None:
        nonlocal api
        api = f"http://{daemon['http']}"
        up.set()

    monkeypatch.setattr(welcome, "greet", greeted)
    with trio.fail_after(60):
        nursery.start_soon(both.main, Plan.load())
        change = Change(None, None, None, None, fresh=True)
        key = (await trio.to_thread.run_sync(applications.change, "demo", change)).api_key
        await up.wait()
        talk, _ = prepared(Asked(codec="L16/16000", seconds=1.0))
        order = Order(api, "demo", key or "", 2, record=True, verify=True)
        await trio.to_thread.run_sync(calling.through_api, talk, order)
        said = capsys.readouterr().out
        assert said.count("16000 samples exact") == 2
        assert said.count("/recordings/") == 2
        assert said.endswith("2 of 2 recordings are exact to the sample\n")

        # What is lost on request is silence, to the sample, and the rest is whole.
        faults = Faults(loss=20, burst=2, duplicate=5, seed=1)
        talk, manner = prepared(Asked(seconds=1.0, codec="g722", faults=faults))
        await trio.to_thread.run_sync(calling.through_api, talk, order, manner)
        assert capsys.readouterr().out.count("and silence for") == 2

        # One sample that is not as it was said, and the command fails.
        talk, _ = prepared(Asked(seconds=1.0))
        talk.heard[4000] ^= 1
        with pytest.raises(Failed, match="1 of 1 recordings are not as it was said"):
            await trio.to_thread.run_sync(partial(calling.through_api, talk, order._replace(calls=1)))
        assert "7999 of 8000 samples kept" in capsys.readouterr().out

        await trio.to_thread.run_sync(calling.through_api, talk, order._replace(record=False, verify=False))
        assert "recording_url" not in capsys.readouterr().out
        nursery.cancel_scope.cancel()


def test_the_help_names_every_kind_of_leg(run: Run) -> None:
    told = "".join(run("call", "--help").out.split())  # lines may break at a hyphen
    assert [name for name in kinds.KINDS if name not in told] == []
