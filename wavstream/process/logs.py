"""Structured logs: one JSON object a line where a machine reads, coloured text where a person does."""

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any, cast

import structlog

from wavstream.process.floods import Floodgate

Log = structlog.stdlib.BoundLogger


class _Lines(structlog.WriteLogger):
    """Writes a module's lines to standard error."""

    def __init__(self, name: str) -> None:
        super().__init__(sys.stderr)
        self.name = name


class _Thinned:
    """Holds back warnings that name a peer, who may cause any number of them, and libraries' of any kind."""

    def __init__(self) -> None:
        self._gate = Floodgate()

    def __call__(self, _logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A processor of structlog's."""
        if "peer" not in line or method not in {"warning", "error"}:
            return line
        held = self._gate.passing(str(line["event"]), time.monotonic())
        if held is None:
            raise structlog.DropEvent
        return {**line, "unlogged": held} if held else line

    def filter(self, record: logging.LogRecord) -> bool:
        """A filter of the standard library's."""
        return self._gate.passing(f"{record.name} {record.msg}", time.monotonic()) is not None


def configure(level: str = "info") -> None:
    """Set up logging for the whole process, our own and the libraries', to standard error."""
    person = sys.stderr.isatty()
    thinned = _Thinned()
    facts: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *(() if person else (structlog.processors.format_exc_info,)),
    ]
    # A plain traceback: the pretty one, with everybody's locals, can take minutes, and the calls would wait.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = console if person else structlog.processors.JSONRenderer()
    # Our own lines, a dozen a call, go straight out: by way of the standard library each costs twice as much.
    structlog.configure(
        processors=[thinned, *facts, renderer],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(thinned)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=facts,
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def get(name: str) -> Log:
    """The logger of a module; `name` is its `__name__`."""
    return cast("Log", structlog.get_logger(name))
