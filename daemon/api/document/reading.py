"""Where the API's document is read: as JSON, and as a page for people, which needs no script.

Both are made once. Neither needs a key: there is nothing in them but what the programs are published with.
"""

import json
from collections.abc import Awaitable, Callable

from quart import Response

from daemon.api.document.openapi import Document
from daemon.api.document.page import page

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}

View = Callable[[], Awaitable[Response]]


def views(described: Document) -> dict[str, View]:
    """The view at each path."""
    text = json.dumps(described, ensure_ascii=False)
    return {
        "/openapi.json": _fixed(text, "application/json"),
        "/docs": _fixed(page(described), "text/html; charset=utf-8"),
    }


def _fixed(text: str, content_type: str) -> View:
    data = text.encode()

    async def view() -> Response:  # noqa: ASYNC124 - Quart takes no other
        return Response(data, content_type=content_type, headers=HEADERS)

    return view
