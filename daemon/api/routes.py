"""A route: where a view is found, and what the API's document says of it. No I/O."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel
from quart import Response

Tag = Literal["sessions", "commands", "recordings", "operator", "health"]
Security = tuple[str, ...]
"""The security schemes that a call needs, all of them; none: anybody may."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call answers with one status. `shape` None is an answer without a JSON body."""

    words: str
    shape: type[BaseModel] | None = None
    media_types: tuple[str, ...] = ()
    """Of a body that is no JSON."""
    headers: tuple[str, ...] = ()
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What can be asked next with what is in the answer (OpenAPI 3.1 section 4.8.20)."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What there is to know of one call. `body` is the very model that its view parses."""

    operation_id: str
    tag: Tag
    summary: str
    description: str
    answers: Mapping[int, Answer]
    security: Security = ()
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    headers: tuple[str, ...] = ()
    """Request headers beside the security schemes'."""


@dataclass(frozen=True)
class Route:
    """One view at one path. Where the last part of the path stands for several operations, they are named."""

    path: str
    method: str
    view: Callable[..., Awaitable[Response]]
    operation: Operation | Mapping[str, Operation]

    def documented(self) -> Iterable[tuple[str, Operation]]:
        """(path, operation) of each call that the route serves: OpenAPI's parameters hold no slash."""
        if isinstance(self.operation, Operation):
            return [(self.path, self.operation)]
        before = self.path.rpartition("<")[0]
        return [(before + name, operation) for name, operation in self.operation.items()]
