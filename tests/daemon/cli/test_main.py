"""The command line as a whole: help, version, and the two ways of ending badly."""

import subprocess
import sys

import pytest
import typer

from daemon.cli.failure import Failed, Wrong, ending
from daemon.demo import demonstration
from tests.daemon.cli.conftest import Run

COMMANDS = (
    "demo",
    "up",
    "call",
    "verify",
    "rebuild",
    "daemon",
    "server",
    "app",
    "app set",
    "app show",
    "app remove",
    "app list",
    "app letters",
    "app resend",
)


@pytest.mark.contract("program-errors")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    ran = run(*command.split(), "--help")
    assert ran.status == 0
    assert ran.out.startswith(f"Usage: wavstream {command}")
    assert ran.err == ""


def test_without_arguments_the_commands_are_listed(run: Run) -> None:
    ran = run()
    assert ran.status == 0
    for command in COMMANDS[:8]:
        assert f"\n  {command} " in ran.out


def test_the_version_is_shown(run: Run) -> None:
    ran = run("--version")
    assert (ran.status, ran.out) == (0, "wavstream 0.1.0\n")


@pytest.mark.contract("program-errors")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bogus",), "No such command 'bogus'."),
        (("demo", "--bogus"), "No such option: --bogus"),
        (("app",), "Missing command."),
        (("verify",), "Missing argument 'FILE'."),
        (("call", "--calls", "0"), "greater than or equal to 1"),
        (("call", "--calls", "x"), "'--calls'"),
        (("call",), "takes --app-id and --api-key"),
        (("call", "--app-id", "demo"), "takes --app-id and --api-key"),
        (
            ("call", "--rtp", "127.0.0.1:9", "--codec", "g729"),
            "--codec G729: --leg rtp takes PCMU, PCMA, G722, L16/8000",
        ),
        (("call", "--rtp", "127.0.0.1:9", "--verify"), "--rtp goes past the API"),
        (("call", "--rtp", "nonsense"), "--rtp takes HOST:PORT"),
        (
            ("call", "--rtp", "127.0.0.1:9", "--codec", "pcmu", "--rate", "16000"),
            "--codec PCMU at 16000 Hz: --leg rtp takes PCMU, PCMA",
        ),
        (("call", "missing.wav", "--rtp", "127.0.0.1:9"), "missing.wav: no such file"),
        (("verify", "missing.wav"), "missing.wav: no such file"),
        (("verify", "."), ".: not a file"),
    ],
)
def test_a_wrong_argument_ends_with_status_2_and_one_plain_line(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    ran = run(*arguments)
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.startswith("wavstream: ")
    assert words in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.contract("settings", "program-errors")
@pytest.mark.parametrize("command", ["daemon", "server", "up"])
def test_a_wrong_setting_ends_with_status_2_and_one_plain_line(
    run: Run, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAVSTREAM_HTTP" if command != "daemon" else "DAEMON_HTTP", "nowhere")
    ran = run(command)
    assert ran.status == 2
    assert ran.err.startswith("wavstream: ")
    assert "_HTTP=nowhere: takes HOST:PORT" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "line"), [("daemon", "DAEMON_HTTP=127.0.0.1:8000"), ("server", "DATA_DIR=data")]
)
def test_the_settings_of_a_program_are_listed_with_their_defaults(run: Run, command: str, line: str) -> None:
    ran = run(command, "--settings")
    assert ran.status == 0
    assert line in ran.out.splitlines()


@pytest.mark.contract("settings-names")
def test_each_variable_of_the_contract_is_a_setting_of_the_program_that_heeds_it(run: Run) -> None:
    daemon = run("daemon", "--settings").out
    server = run("server", "--settings").out
    for variable, heeded_by in {
        "WAVSTREAM_URL": (daemon,),
        "WAVSTREAM_TOKEN": (daemon, server),
        "WAVSTREAM_PUBLIC_URL": (daemon, server),
        "RECORDING_BASE_URL": (server,),
        "RECORDING_RETENTION_HOURS": (server,),
        "RECORDING_FORMAT": (daemon,),
        "RECORDING_SAMPLE_RATE": (daemon,),
        "RECORDING_CHANNELS": (daemon,),
        "RECORDING_MAX_HOURS": (daemon,),
        "ADMIN_API_KEY": (daemon,),
        "DATA_DIR": (daemon, server),
        "DATABASE_URL": (daemon, server),
        "NODE_ID": (daemon,),
        "ALLOW_HTTP_WEBHOOKS": (daemon,),
        "ALLOW_LOCALHOST_WEBHOOKS": (daemon,),
    }.items():
        for listed in heeded_by:
            assert f"\n{variable}=" in f"\n{listed}", variable


@pytest.mark.parametrize("status", [0, 1])
def test_the_demonstrations_status_is_the_commands(
    run: Run, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(demonstration, "run", lambda _: status)
    assert run("demo").status == status


@pytest.mark.parametrize(
    "interrupt", [KeyboardInterrupt(), BaseExceptionGroup("tasks", [KeyboardInterrupt()]), typer.Abort()]
)
def test_ctrl_c_ends_with_the_status_of_a_shell(
    run: Run, monkeypatch: pytest.MonkeyPatch, interrupt: BaseException
) -> None:
    def broken_off(_: object) -> int:
        raise interrupt

    monkeypatch.setattr(demonstration, "run", broken_off)
    ran = run("demo")
    assert (ran.status, ran.err) == (130, "")


def test_what_nobody_expected_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> int:
        raise ExceptionGroup("tasks", [ZeroDivisionError()])

    monkeypatch.setattr(demonstration, "run", broken)
    with pytest.RaisesGroup(ZeroDivisionError):
        run("demo")


def test_help_does_not_load_the_programs() -> None:
    # Numpy, SQLAlchemy and Quart together take a second; whoever asks for help does not wait for them.
    script = (
        "import sys, daemon.cli.main as _; print({'numpy', 'quart', 'sqlalchemy', 'trio'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "set()\n"


def test_errors_become_one_line_also_out_of_groups() -> None:
    with pytest.raises(Failed, match=r"^the disk is full$"), ending():
        raise ExceptionGroup("outer", [ExceptionGroup("inner", [OSError("the disk\nis full")])])
    with pytest.raises(Wrong, match=r"^KeyError$"), ending(refusing=(KeyError,)):
        raise KeyError
    with pytest.raises(ZeroDivisionError), ending():
        raise ZeroDivisionError
