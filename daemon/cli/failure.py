"""How a subcommand ends badly: by the user's doing (status 2), or by what the work ran into (status 1)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from daemon.groups import leaves, words


class Wrong(typer.TyperException):
    """A wrong argument or setting."""

    exit_code = 2


class Failed(typer.TyperException):
    """The work could not be done."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def wrong(error: object) -> NoReturn:
    """End with status 2 and this error's words, on one line."""
    raise Wrong(" ".join(str(error).split()))


def failed(error: object, status: int = 1) -> NoReturn:
    """End with this status and this error's words, on one line."""
    raise Failed(" ".join(str(error).split()), status)


@contextmanager
def ending(*failing: type[Exception], refusing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """End with one plain line: status 2 at an error of `refusing`, 1 at one of `failing` or an OSError.

    An error that has an `exit_status` ends with that one. Groups are looked into; other exceptions pass.
    """
    expected: tuple[type[Exception], ...] = (OSError, *failing, *refusing)
    first: BaseException | None = None
    try:
        yield
    except* expected as group:
        first = next(leaves(group))
    if first is not None:
        if isinstance(first, refusing):
            wrong(words(first))
        failed(words(first), getattr(first, "exit_status", 1))
