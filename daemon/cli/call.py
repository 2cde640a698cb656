"""`wavstream call`: a caller in real time, one or many at once."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.failure import ending, wrong

CODECS = {"pcmu": ("PCMU", 0), "pcma": ("PCMA", 8), "g722": ("G722", 9), "l16": ("L16", 96)}
"""The values of --codec: the codec, and its RTP payload type (96: the first that means nothing by itself)."""

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", help="A sound file of any rate; without one, a caller of our own speaks."
    ),
]
Url = Annotated[str, typer.Option(envvar="WAVSTREAM_API", help="The daemon's HTTP.")]
AppId = Annotated[
    str, typer.Option(envvar="WAVSTREAM_APP_ID", help="The application that registers the calls.")
]
ApiKey = Annotated[str, typer.Option(envvar="WAVSTREAM_API_KEY", help="Its API key.")]
Rtp = Annotated[
    list[str] | None,
    typer.Option(help="HOST:PORT: talk to it without the API; several times for several calls."),
]
Calls = Annotated[int, typer.Option(min=1, max=2000, help="How many calls at once.")]
Seconds = Annotated[
    float | None,
    typer.Option(min=0.02, max=14400, help="Talk so long: say the file again and again, or cut it."),
]
CodecName = Annotated[str, typer.Option(help="pcmu, pcma, g722, or l16.")]
Rate = Annotated[int, typer.Option(help="Samples a second, for l16: 8000 or 16000.")]
Record = Annotated[bool, typer.Option("--record", help="Start a recording before talking, stop it after.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Record, download, compare: exit status 1 if one sample differs.")
]


def call(
    file: File = None,
    *,
    url: Url = "http://127.0.0.1:8000",
    app_id: AppId = "",
    api_key: ApiKey = "",
    rtp: Rtp = None,
    calls: Calls = 1,
    seconds: Seconds = None,
    codec: CodecName = "pcmu",
    rate: Rate = 8000,
    record: Record = False,
    verify: Verify = False,
) -> None:
    """Place a call and talk in real time, over RTP: in a new session, or straight to an address.

    With --record it says at the end where each recording is; with --verify, whether it is right.
    """
    from daemon.caller.sound import SoundError
    from daemon.cli import calling
    from daemon.media import codecs

    if codec.lower() not in CODECS:
        wrong(f"--codec {codec}: takes {', '.join(CODECS)}")
    if not rtp and not (app_id and api_key):
        wrong("takes --app-id and --api-key (or WAVSTREAM_APP_ID and WAVSTREAM_API_KEY), or --rtp HOST:PORT")
    if rtp and (record or verify or calls > 1):
        wrong("--rtp goes past the API: give it once for each call; no --calls, --record or --verify")
    with ending(*calling.EXPECTED, refusing=(SoundError, ValueError)):
        name, payload_type = CODECS[codec.lower()]
        talk = calling.prepared(file, codecs.named(name, rate), payload_type, seconds)
        targets = calling.addresses(rtp or [])
    with ending(*calling.EXPECTED):
        if targets:
            calling.straight(talk, targets)
        else:
            order = calling.Order(url, app_id, api_key, calls, record=record or verify, verify=verify)
            calling.through_api(talk, order)
