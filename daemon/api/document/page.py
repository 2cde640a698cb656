"""The API's document as a page for people: HTML without any script, made from what programs get. No I/O."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from daemon.api.document.openapi import WEBHOOK, Document


def page(described: Document) -> str:
    """The document as HTML."""
    around = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    around.filters["code"] = _code
    template = around.from_string(
        files("daemon.api.document").joinpath("templates/docs.html").read_text("utf-8")
    )
    calls = list(_calls(described))
    events = [_webhook(described, name, item["post"]) for name, item in described["webhooks"].items()]
    return template.render(
        info=described["info"],
        webhook=WEBHOOK,
        tags=described["tags"],
        calls=calls,
        events=events,
        schemes=described["components"]["securitySchemes"].values(),
    )


@dataclass(frozen=True)
class Body:
    """JSON, or something else, that is sent."""

    kind: str
    name: str
    fields: list["Field"]
    example: str


@dataclass(frozen=True)
class Field:
    """One field of a body, or a parameter."""

    name: str
    kind: str
    required: bool
    words: str


@dataclass(frozen=True)
class Reply:
    """What is answered with one status."""

    status: str
    words: str
    headers: list[str]
    body: Body | None


@dataclass(frozen=True)
class Call:
    """One operation."""

    operation_id: str
    tag: str
    method: str
    path: str
    summary: str
    words: str
    parameters: list[Field]
    body: Body | None
    replies: list[Reply]
    curl: str


@dataclass(frozen=True)
class Event:
    """One webhook."""

    name: str
    words: str
    body: Body


def _calls(described: Document) -> Iterator[Call]:
    for path, item in described["paths"].items():
        for method, told in item.items():
            body = told.get("requestBody")
            yield Call(
                operation_id=told["operationId"],
                tag=told["tags"][0],
                method=method.upper(),
                path=path,
                summary=told["summary"],
                words=told["description"],
                parameters=[_parameter(each) for each in told["parameters"]],
                body=None if body is None else _body(described, body["content"]),
                replies=[_reply(described, *each) for each in told["responses"].items()],
                curl=_curl(described, method.upper(), path, told),
            )


def _parameter(told: Document) -> Field:
    words = f"{told['description']} ({told['in']})"
    return Field(told["name"], _kind(told["schema"]), told.get("required", False), words)


def _reply(described: Document, status: str, told: Document) -> Reply:
    content = told.get("content")
    return Reply(
        status=status,
        words=told["description"],
        headers=sorted(told.get("headers", {})),
        body=None if content is None else _body(described, content),
    )


def _webhook(described: Document, name: str, told: Document) -> Event:
    return Event(name, told["summary"], _body(described, told["requestBody"]["content"]))


def _body(described: Document, content: Mapping[str, Any]) -> Body:
    kind, told = next(iter(content.items()))
    schema = resolved(described, told["schema"])
    if kind != "application/json":
        return Body(kind, "", [], told["example"])
    example = json.dumps(example_of(described, schema), indent=2, ensure_ascii=False)
    return Body(kind, schema.get("title", ""), list(_fields(described, schema)), example)


def _fields(described: Document, schema: Document) -> Iterator[Field]:
    schema = (
        resolved(described, (schema.get("anyOf") or [schema])[0]) if "properties" not in schema else schema
    )
    for name, told in schema.get("properties", {}).items():
        yield Field(name, _kind(told), name in schema.get("required", ()), told.get("description", ""))


def resolved(described: Document, schema: Document) -> Document:
    """A schema itself, where this only refers to it."""
    if "$ref" not in schema:
        return schema
    found: Document = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def example_of(described: Document, schema: Document) -> Any:
    """The fullest example of a schema. Raises LookupError where there is none."""
    schema = resolved(described, schema)
    if "examples" in schema:
        return schema["examples"][-1]
    return example_of(described, schema["anyOf"][0])


def _kind(schema: Document) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return f"{schema.get('type', 'object')}{_bounds(schema)}"


def _bounds(schema: Document) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" {low} to {high}"
    if "maxLength" in schema:
        return f", {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    return "" if low is None else f" from {low}"


def _curl(described: Document, method: str, path: str, told: Document) -> str:
    """A line to try a call with."""
    for each in told["parameters"]:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", each["example"])
    schemes = described["components"]["securitySchemes"]
    names = [schemes[scheme]["name"] for needed in told["security"] for scheme in needed]
    parts = [f"curl {'' if method == 'GET' else f'-X {method} '}http://127.0.0.1:8000{path}"]
    parts += [f"-H '{name}: {name.removeprefix('X-').replace('-', '_').upper()}'" for name in names]
    if "requestBody" in told:
        schema = told["requestBody"]["content"]["application/json"]["schema"]
        parts.append(f"-d '{json.dumps(example_of(described, schema))}'")
    return " \\\n  ".join(parts)


def _code(words: str) -> Markup:
    """Words in which `backticks` are code."""
    pieces = str(escape(words)).split("`")
    return Markup("".join(f"<code>{each}</code>" if place % 2 else each for place, each in enumerate(pieces)))  # noqa: S704 - escaped above
