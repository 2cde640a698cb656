"""What `wavstream up` tells: where everything is, what to try, and what the programs log."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from daemon import programs

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - not bound to: what a bound one is called by
_COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}


def reachable(address: str) -> str:
    """An address that listens everywhere, as this machine reaches it."""
    host, _, port = address.rpartition(":")
    return f"{_EVERYWHERE.get(host, host)}:{port}"


def greet(data_dir: Path, server: Mapping[str, str], daemon: Mapping[str, str]) -> None:
    """Where everything is, and lines to try that work as they stand."""
    api, downloads = f"http://{reachable(daemon['http'])}", f"http://{reachable(server['http'])}"
    media, audiosocket = reachable(daemon["media"]), reachable(daemon["audiosocket"])
    console = Console(highlight=False, soft_wrap=True)
    console.print("[bold]wavstream is up.[/] Ctrl-C ends it.\n")
    for what, where in (
        ("API of the daemon", api),
        ("downloads", downloads),
        ("audio of calls", f"RTP, ws://{media}, AudioSocket {audiosocket}: each call says where"),
        ("audio without a call", f"ws://{reachable(server['ingest'])}/ws"),
        ("data", data_dir.resolve()),
    ):
        console.print(f"  {what:<24}{where}", markup=False)
    console.print("\nIn another terminal, a call that is recorded:\n")
    console.print(_example(own_name(), api, data_dir.resolve()), markup=False)


def _example(wavstream: str, api: str, data_dir: Path) -> str:
    keys = '-H "X-App-ID: $WAVSTREAM_APP_ID" -H "X-API-Key: $WAVSTREAM_API_KEY"'
    return f"""\
  export WAVSTREAM_APP_ID=demo WAVSTREAM_API={api}
  export WAVSTREAM_API_KEY=$(DATA_DIR={shlex.quote(str(data_dir))} {wavstream} app set demo --print-key)
  {wavstream} call --record

Or step by step:

  call() {{ curl -s "$WAVSTREAM_API/api/v1/sessions$1" {keys} "${{@:2}}"; echo; }}
  call "" -d '{{}}'                          # a session: note its session_uuid and RTP port
  SESSION=...                              # the session_uuid
  {wavstream} call --rtp 127.0.0.1:PORT &    # somebody speaks
  call /$SESSION/commands/record/start -d '{{}}'
  call /$SESSION                           # how it stands
  call /$SESSION/recording/file.wav -N --max-time 5 -o live.wav    # listen while it grows
  call /$SESSION/commands/record/stop -d '{{}}'
  call /$SESSION                           # with the recording_url
  call /$SESSION/commands/hangup -d '{{}}'
"""


def own_name() -> str:
    """How this command is called from the user's shell."""
    if shutil.which("wavstream"):
        return "wavstream"
    called = Path(sys.argv[0]).absolute()
    return f"{sys.executable} -m daemon.cli" if called.name == "__main__.py" else shlex.quote(str(called))


class Log:
    """Both programs' logs on standard error: for a person in columns, for a machine as they are."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, line: str) -> None:
        """One line of a program's log."""
        said = programs.parsed(line)
        if not self._console.is_terminal or "event" not in said:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
            return
        time = str(said.get("timestamp", ""))[11:19]
        colour = _COLOURS.get(str(said.get("level")), "default")
        words = escape(programs.plain(line))
        self._console.print(f"[dim]{time}[/] [{colour}]{words}[/]", highlight=False, soft_wrap=True)
