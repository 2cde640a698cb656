"""What the demonstration shows while the call runs: the sound as it arrives, and how old it is."""

import trio
from rich.console import Group
from rich.live import Live
from rich.text import Text

from daemon.demo import waveform
from daemon.demo.follow import Heard
from daemon.demo.story import Story

REDRAW_SECONDS = 0.25
TELL_SECONDS = 2.0
"""Where the output is no terminal, a line as often as this."""


async def show(story: Story, heard: Heard, began: float, seconds: float) -> None:
    """Show what has been heard of a recording that began at `began` and lasts about so many seconds.

    Runs until cancelled; the picture then stays as it is.
    """
    if story.console.is_terminal:
        with Live(console=story.console, auto_refresh=False) as live:
            while True:
                live.update(_drawn(story, heard, began, seconds), refresh=True)
                await trio.sleep(REDRAW_SECONDS)
    told = began
    while True:
        told += TELL_SECONDS
        await trio.sleep_until(told)
        story.say(_figures(heard, began))


def _figures(heard: Heard, began: float) -> str:
    """How much was heard, and how old the newest of it is."""
    elapsed = trio.current_time() - began
    if not heard.rate:
        return f"{elapsed:4.1f} s into the recording: nothing heard yet"
    length = heard.length / heard.rate
    age = elapsed - length
    return f"{elapsed:4.1f} s into the recording: {length:4.1f} s heard, the newest sample is {age:.2f} s old"


def _drawn(story: Story, heard: Heard, began: float, seconds: float) -> Group:
    """The picture so far, as wide as its share of the whole."""
    total = max(seconds, heard.length / heard.rate if heard.rate else 0.0)
    width = round(story.width * heard.length / heard.rate / total) if heard.rate else 0
    lines = story.waveform(heard.samples, max(1, width))
    return Group(
        *(Text(f"      {line}", style="cyan", no_wrap=True) for line in lines),
        Text(f"      {waveform.ruler(total, story.width)}", style="dim", no_wrap=True),
        Text(f"      {_figures(heard, began)}"),
    )
