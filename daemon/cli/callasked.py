"""What is asked for on the command line of `wavstream call`: the options."""

from pathlib import Path
from typing import Annotated

import typer

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", help="A sound file of any rate; without one, a caller of our own speaks."
    ),
]
Callee = Annotated[
    Path | None, typer.Option(help="What the callee says, with --legs 2; otherwise one of our own speaks.")
]
ApiUrl = Annotated[str, typer.Option(envvar="WAVSTREAM_API", help="The daemon's HTTP.")]
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
Leg = Annotated[
    str,
    typer.Option(
        help="rtp, audiosocket, audio-stream (FreeSWITCH), audio-fork (also jambonz), chan-websocket or"
        " chan-websocket-json (Asterisk), twilio, telnyx."
    ),
]
Legs = Annotated[
    int, typer.Option(min=1, max=2, help="2: the callee speaks as well, on the same connection where it can.")
]
CodecName = Annotated[
    str | None, typer.Option(help="PCMU, PCMA, G722, or L16/RATE; a wrong one names those of the leg.")
]
Rate = Annotated[int | None, typer.Option(help="Samples a second, where --codec does not say it.")]
Ptime = Annotated[int | None, typer.Option(help="Milliseconds in a packet, over RTP: 10, 20 ... 60.")]
Record = Annotated[bool, typer.Option("--record", help="Start a recording before talking, stop it after.")]
Verify = Annotated[
    bool, typer.Option("--verify", help="Record, download, compare: exit status 1 if one sample differs.")
]
Loss = Annotated[float, typer.Option(help="Percent of packets to lose.")]
Burst = Annotated[
    float | None,
    typer.Option(help="Lose so many in a row, on average: 1 or more."),
]
Reorder = Annotated[float, typer.Option(help="Percent of packets that others overtake.")]
Duplicate = Annotated[float, typer.Option(help="Percent of packets to send twice.")]
Jitter = Annotated[float, typer.Option(help="Delay packets by up to so many milliseconds.")]
Skew = Annotated[
    float,
    typer.Option(help="The speaker's clock runs fast by so many parts per million."),
]
Dtx = Annotated[bool, typer.Option("--dtx", help="Send nothing while nobody speaks.")]
Gap = Annotated[
    str | None,
    typer.Option(metavar="AT,SECONDS", help="From a second on, send nothing for so long."),
]
Seed = Annotated[int, typer.Option(help="Other faults of the same kinds.")]


def gap(value: str | None) -> tuple[float, float] | None:
    """The value of --gap. Raises ValueError."""
    if value is None:
        return None
    try:
        at, seconds = map(float, value.split(","))
    except ValueError:
        raise ValueError(f"--gap {value}: takes two numbers of seconds, as in 2,0.5") from None
    return at, seconds
