"""How the demonstration tells what it does: numbered steps, findings that hold or not, webhooks, pictures."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from daemon.demo import waveform
from daemon.media.codecs import Samples

WIDTH = 100
"""Columns where the output is no terminal; also the most that are used of a wide one."""

_GIST = ("command", "cause", "error")
"""The fields of a webhook that tell it from its like."""


class Story:
    """Tells it to a console, and remembers what did not hold."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.step_title = "the beginning"
        self.failures: list[str] = []
        self.held = 0
        self._steps = 0
        self.plain = not console.encoding.lower().startswith("utf")
        """No Unicode can be shown."""

    @property
    def width(self) -> int:
        """Columns for pictures, indented."""
        return min(self.console.width, WIDTH) - 6

    def step(self, title: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.step_title = title
        self.console.print()
        self.console.print(f"[bold cyan]{self._steps}[/]  [bold]{escape(title)}[/]")

    def say(self, words: str) -> None:
        """Something a newcomer wants to know."""
        self._indented(escape(words), style="default")

    def fact(self, name: str, value: object) -> None:
        """A name and its value, in columns."""
        self._indented(f"[dim]{escape(name):<18}[/] {escape(str(value))}")

    def check(self, held: bool, words: str) -> None:
        """A finding on which the exit status depends."""
        if held:
            self.held += 1
            self._indented(f"[green]{'ok' if self.plain else '✓'}[/] {escape(words)}")
        else:
            self.failures.append(words)
            self._indented(f"[bold red]{'NO' if self.plain else '✗ NO:'}[/] {escape(words)}")

    def webhook(self, fields: Mapping[str, Any], *, whole: bool) -> None:
        """A webhook that came: all of it, or only what it is."""
        arrow = "->" if self.plain else "→"
        title = f"{arrow} webhook {fields.get('sequence')}: {fields['event']}"
        more = [] if whole else [str(fields[name]) for name in _GIST if fields.get(name)]
        self._indented(" ".join([f"[magenta]{escape(title)}[/]", *map(escape, more)]))
        if whole:
            for line in json.dumps(fields, indent=2).splitlines():
                self._indented(f"  [dim]{escape(line)}[/]")

    def waveform(self, samples: Samples, width: int) -> list[str]:
        """The lines of a picture; hash signs are coarse, and there are more lines of them."""
        return waveform.picture(samples, width=width, rows=8 if self.plain else 4, plain=self.plain)

    def picture(self, samples: Samples, rate: int) -> None:
        """The waveform, with the seconds under it."""
        for line in self.waveform(samples, self.width):
            self.console.print(f"      [cyan]{line}[/]", no_wrap=True, overflow="crop", highlight=False)
        seconds = waveform.ruler(len(samples) / rate, self.width)
        self.console.print(f"      [dim]{seconds}[/]", no_wrap=True, overflow="crop", highlight=False)

    def _indented(self, markup: str, style: str = "") -> None:
        self.console.print(f"   {markup}", highlight=False, soft_wrap=True, style=style or None)
