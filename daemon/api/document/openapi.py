"""The API's document, OpenAPI 3.1: made by quart-schema from the types that validate and answer. No I/O.

It is made on an application of its own, which serves nothing: quart-schema looks at an application's routes,
and the one that serves should pay nothing for that.
"""

import inspect
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import quart_schema
from pydantic import BaseModel
from quart import Quart
from quart_schema import APIKeySecurityScheme, DataSource, Info, OpenAPIProvider, QuartSchema, Tag
from typing_extensions import override
from werkzeug.routing.converters import BaseConverter
from werkzeug.routing.rules import Rule

from daemon.api import examples
from daemon.api.document.events import EVENTS
from daemon.api.guard import APP_ID
from daemon.api.routes import Answer, Operation, Route
from daemon.node import SESSION_UUID

Document = dict[str, Any]

TITLE = "wavstream"
DESCRIPTION = (
    "Records telephone calls on command. Every answer that is not a success is"
    ' `{"success": false, "error": "words a person can act on"}`; a path that there is not is 404, a method'
    " that a path does not take is 405. Times are seconds since the epoch, durations seconds, sizes bytes."
)
TAGS = {
    "sessions": "Calls.",
    "commands": "What is done to a call.",
    "recordings": "What is kept of a call.",
    "operator": "Applications, and who may be one.",
    "health": "For supervisors.",
}
SECURITY = {
    "application_id": ("X-App-ID", "The application's name."),
    "application_key": ("X-API-Key", "One of the application's keys."),
    "operator_key": ("X-Admin-API-Key", "The operator's key, ADMIN_API_KEY."),
}
PATH_PARAMETERS: dict[str, Document] = {
    "session_uuid": {
        "description": "The call's name.",
        "schema": {"type": "string", "pattern": f"^{SESSION_UUID.pattern}$"},
        "example": examples.SESSION_UUID,
    },
    "recording_id": {
        "description": "The recording's name, a UUID.",
        "schema": {"type": "string", "format": "uuid"},
        "example": examples.RECORDING_ID,
    },
    "app_id": {
        "description": "The application's name.",
        "schema": {"type": "string", "pattern": f"^{APP_ID.pattern}$"},
        "example": examples.APP_ID,
    },
    "event_id": {
        "description": "The webhook's id.",
        "schema": {"type": "string"},
        "example": examples.EVENT_ID,
    },
}
REQUEST_HEADERS = {
    "Range": ("The bytes wanted (RFC 9110 section 14.2).", "bytes=0-1023"),
    "If-Range": ("Heed `Range` only where this is the file's ETag.", '"0b9d8a4e"'),
    "If-None-Match": ("The ETag of the file that the client has.", '"0b9d8a4e"'),
    "If-Modified-Since": ("When the client had the file.", "Thu, 01 Jan 2026 00:00:00 GMT"),
}
RESPONSE_HEADERS = {
    "RateLimit": ("How many requests are left, for how many seconds.", '"app";r=5999;t=60'),
    "RateLimit-Policy": ("How many requests there are in how many seconds.", '"app";q=6000;w=60'),
    "Retry-After": ("Seconds to wait before asking again.", "2"),
    "ETag": ("Names the file's content.", '"0b9d8a4e"'),
    "Last-Modified": ("When the file was last written.", "Thu, 01 Jan 2026 00:00:00 GMT"),
    "Accept-Ranges": ("`bytes`, where ranges can be had.", "bytes"),
    "Content-Range": ("The bytes in the answer, of how many.", "bytes 0-1023/480044"),
}
BODIES: dict[str, Document] = {
    "audio/wav": {"schema": {"type": "string", "format": "binary"}, "example": "RIFF…"},
    "multipart/byteranges": {"schema": {"type": "string", "format": "binary"}, "example": "--…"},
    "text/plain": {
        "schema": {"type": "string"},
        "example": "# TYPE wavstream_sessions gauge\nwavstream_sessions 3.0\n",
    },
}
"""Those that are no JSON."""
WEBHOOK = (
    "A POST to the application's `webhook_url`, signed after Standard Webhooks 1.0: `webhook-id`,"
    " `webhook-timestamp`, `webhook-signature`. Sent at least once; a call's in the order of `sequence`."
)
OPERATIONS = "documented operations"
"""Under this the stand-in application keeps them, by endpoint."""


def document(routes: Iterable[Route]) -> Document:
    """The document about these routes, as JSON's values."""
    app = Quart(TITLE, static_folder=None)
    for route in routes:
        for path, operation in route.documented():
            endpoint = operation.operation_id
            app.add_url_rule(path, endpoint, _stand_in(operation), methods=[route.method])
            app.extensions.setdefault(OPERATIONS, {})[endpoint] = operation
    described = QuartSchema(
        app,
        openapi_path=None,
        openapi_provider_class=_Provider,
        conversion_preference="pydantic",
        info=Info(title=TITLE, version=version("wavstream"), description=DESCRIPTION),
        tags=[Tag(name=name, description=words) for name, words in TAGS.items()],
        security_schemes={
            scheme: APIKeySecurityScheme(in_="header", name=header)
            for scheme, (header, _) in SECURITY.items()
        },
    )
    made: Document = described.openapi_provider.schema()
    return made


def _stand_in(operation: Operation) -> Callable[[], str]:
    """In a view's place, with what quart-schema reads from views."""

    def view() -> str:
        return ""  # nobody calls it

    view.__doc__ = f"{operation.summary}\n{operation.description}"
    view.__name__ = operation.operation_id
    shapes: dict[int, tuple[Any, Any]] = {
        status: (answer.shape, None) for status, answer in operation.answers.items() if answer.shape
    }
    quart_schema.document(querystring=operation.query, request=operation.body, responses=shapes)(view)
    quart_schema.security_scheme(
        [{scheme: [] for scheme in operation.security}] if operation.security else []
    )(view)
    return quart_schema.tag([operation.tag])(view)


class _Provider(OpenAPIProvider):
    """What quart-schema makes of the types, with what its decorators have no words for."""

    @override
    def schema(self) -> Document:
        made = super().schema()
        for scheme, (_, words) in SECURITY.items():
            made["components"]["securitySchemes"][scheme]["description"] = words
        schemas = made["components"]["schemas"]
        made["webhooks"] = {name: self._webhook(name, shape, schemas) for name, shape in EVENTS.items()}
        return made

    @override
    def build_paths(self, rule: Rule) -> tuple[Document, Document]:
        paths, components = super().build_paths(rule)
        operation = self._app.extensions[OPERATIONS][rule.endpoint]
        for methods in paths.values():
            for described in methods.values():
                _complete(described, operation)
        return paths, components

    @override
    def build_path_parameter(self, name: str, converter: BaseConverter) -> Document:
        return super().build_path_parameter(name, converter) | PATH_PARAMETERS[name]

    @override
    def build_request_body(self, model: type[Any], source: DataSource) -> tuple[Document, Document]:
        body, components = super().build_request_body(model, source)
        return _by_name(body, components)

    @override
    def build_response_object(
        self, model: type[Any], headers_model: type[Any] | None
    ) -> tuple[Document, Document]:
        answer, components = super().build_response_object(model, headers_model)
        return _by_name(answer, components)

    @override
    def operation_id(self, method: str, path: str, func: Callable[..., Any]) -> str:
        return func.__name__

    def _webhook(self, event: str, shape: type[BaseModel], schemas: Document) -> Document:
        body, components = self.build_request_body(shape, DataSource.JSON)
        schemas.update(components)
        described = {
            "operationId": f"webhook.{event}",
            "summary": inspect.getdoc(shape),
            "description": WEBHOOK,
            "requestBody": body | {"required": True},
            "responses": {
                "2XX": {"description": "It has arrived."},
                "410": {
                    "description": "The application takes no more webhooks: none is sent there any more."
                },
            },
        }
        return {"post": described}


def _by_name(body: Document, components: Document) -> tuple[Document, Document]:
    """The same with the body's schema among the components, and referred to."""
    content = body["content"]["application/json"]
    schema = content["schema"]
    if "title" not in schema or "$ref" in schema:
        return body, components
    content["schema"] = {"$ref": f"#/components/schemas/{schema['title']}"}
    return body, components | {schema["title"]: schema}


def _complete(described: Document, operation: Operation) -> None:
    """Say of an operation what quart-schema's decorators have no words for."""
    described["parameters"] += [_header_parameter(name) for name in operation.headers]
    if "requestBody" in described:
        needed = any(field.is_required() for field in (operation.body or BaseModel).model_fields.values())
        described["requestBody"]["required"] = needed
    for status, answer in operation.answers.items():
        described["responses"][str(status)] = described["responses"].pop(status, {}) | _around(answer)
    described["responses"] = dict(sorted(described["responses"].items()))


def _around(answer: Answer) -> Document:
    """An answer but for its JSON."""
    around: Document = {"description": answer.words}
    if answer.media_types:
        around["content"] = {each: BODIES[each] for each in answer.media_types}
    if answer.headers:
        around["headers"] = {name: _header(*RESPONSE_HEADERS[name]) for name in answer.headers}
    if answer.links:
        around["links"] = {name: dict(link) for name, link in answer.links.items()}
    return around


def _header_parameter(name: str) -> Document:
    return {"name": name, "in": "header", "required": False, **_header(*REQUEST_HEADERS[name])}


def _header(words: str, example: str) -> Document:
    return {"description": words, "schema": {"type": "string"}, "example": example}
