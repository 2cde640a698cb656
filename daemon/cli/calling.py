"""What `wavstream call` does and shows: a progress bar while it talks, a table of recordings at the end."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import httpx
import trio
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from daemon.caller import campaign
from daemon.caller.campaign import Placed
from daemon.caller.line import Line, LineError
from daemon.caller.lines.rtp import RtpLine
from daemon.caller.manner import PLAIN, Manner
from daemon.caller.pace import Spoken, say
from daemon.caller.talk import Talk
from daemon.caller.verdict import Verdict, judged
from daemon.cli.failure import failed
from daemon.client import ApiError, Client
from wavstream.process.settings import Address, parse_address

EXPECTED = (ApiError, LineError)
REDRAW_PACKETS = 25
"""Between two drawings of the progress bar: half a second."""
WIDTH = 200
"""Columns of the table where the output is no terminal: a recording's URL has to fit."""


class Order(NamedTuple):
    """What was asked for on the command line."""

    url: str
    app_id: str
    api_key: str
    calls: int
    record: bool
    verify: bool


def addresses(values: Sequence[str]) -> list[Address]:
    """The values of --rtp. Raises ValueError."""
    try:
        return [parse_address(value) for value in values]
    except ValueError as error:
        raise ValueError(f"--rtp {error}") from None


def straight(talk: Talk, targets: Sequence[Address], manner: Manner) -> None:
    """Talk to these RTP addresses, without any API."""
    with ExitStack() as open_lines, _progress(talk) as said:
        lines = [open_lines.enter_context(RtpLine(target)) for target in targets]
        plans = manner.plans(talk, len(lines))

        async def talking() -> Spoken:
            return await say(talk, lines, said=said, plans=plans, speed=manner.faults.speed)

        spoken = trio.run(talking)
    _report_sending(lines, spoken)


def through_api(talk: Talk, order: Order, manner: Manner = PLAIN) -> None:
    """Place the calls that were ordered, talk, and show what became of them. Fails where one is not right."""
    placed, verdicts, spoken = trio.run(_campaign, talk, order, manner)
    console = _console()
    console.print(_table(placed, verdicts))
    _report_sending([call.line for call in placed], spoken)
    if order.record:
        _judge(placed, verdicts, console)


async def _campaign(talk: Talk, order: Order, manner: Manner) -> tuple[list[Placed], list[Verdict], Spoken]:
    headers = {"X-App-ID": order.app_id, "X-API-Key": order.api_key}
    measure = Spoken(trio.current_time(), talk.codec.rate)
    async with Client.connect(order.url, headers) as client:
        with _progress(talk) as bar:

            def said(spoken: Spoken) -> None:
                nonlocal measure
                measure = spoken
                bar(spoken)

            work = campaign.record if order.record else campaign.talk_only
            placed = await work(client, talk, order.calls, said, manner=manner, **manner.session(talk))
    async with httpx.AsyncClient(trust_env=False) as http:
        verdicts = [await judged(http, talk, measure, call, manner) for call in placed if order.verify]
    return placed, verdicts, measure


@contextmanager
def _progress(talk: Talk) -> Iterator[Callable[[Spoken], None]]:
    """A bar on standard error that is told of each packet and drawn twice a second."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, TimeElapsedColumn(), console=console, auto_refresh=False, transient=True
    ) as progress:
        bar = progress.add_task("talking", total=talk.seconds)

        def said(spoken: Spoken) -> None:
            if spoken.packets % REDRAW_PACKETS == 0:
                progress.update(bar, completed=spoken.packets * talk.ptime, refresh=True)

        yield said


def _table(placed: Sequence[Placed], verdicts: Sequence[Verdict]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("session", no_wrap=True)
    recorded = any(call.recording for call in placed)
    if recorded:
        table.add_column("seconds", justify="right")
        table.add_column("recording_url", overflow="fold", no_wrap=True)  # to be copied in one piece
    if verdicts:
        table.add_column("compared")
    for number, call in enumerate(placed):
        row = [call.session.session_uuid]
        if recorded:
            view = call.recording
            row += [f"{view.duration:.2f}" if view and view.duration else "-", (view and view.url) or "-"]
        table.add_row(*row, *([verdicts[number].words] if verdicts else []))
    return table


def _report_sending(lines: Sequence[Line], spoken: Spoken) -> None:
    sent, unsent, heard = (sum(getattr(line, name) for line in lines) for name in ("sent", "unsent", "heard"))
    lost = f", {unsent} that nobody took" if unsent else ""
    _console().print(
        f"{len(lines)} {'call' if len(lines) == 1 else 'calls'}, {sent} packets sent{lost}, {heard} heard;"
        f" the latest left {spoken.latest * 1000:.0f} ms after its time",
        highlight=False,
    )


def _judge(placed: Sequence[Placed], verdicts: Sequence[Verdict], console: Console) -> None:
    """The last line: how many are right. Ends with status 1 where one is not."""
    kept = sum(bool(call.recording and call.recording.state == "completed") for call in placed)
    if kept < len(placed):
        failed(f"{len(placed) - kept} of {len(placed)} recordings could not be kept")
    if not verdicts:
        return
    exact = sum(verdict.exact for verdict in verdicts)
    if exact < len(verdicts):
        failed(f"{len(verdicts) - exact} of {len(verdicts)} recordings are not as it was said")
    slips = sum(verdict.slips for verdict in verdicts)
    but = f", but for {slips} single samples that follow the speaker's clock" if slips else " to the sample"
    console.print(f"{exact} of {len(verdicts)} recordings are exact{but}", highlight=False)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDTH)
