"""The API described for machines: OpenAPI 3.1, made from the routes and the kinds themselves. Pure.

Every path is shown without a space; each also answers at `/api/{space}/…`. Request bodies are those of the kinds'
models; reading is more forgiving than the description (names in any case, unknown members kept).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from octavo import __version__
from octavo.server.operations.resource_kinds import ResourceKind

Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_OPEN = (
    "/api",
    "/api/capabilities",
    "/api/users/logout",
    "/api/openapi.json",
    "/api/serverstatus/health",
    "/api/users/login",
    "/token/v1",
)
#: Answers that are no JSON: files, logs, pages.
_OTHER_MEDIA: Mapping[str, str] = {
    "/": "text/html",
    "/api/tasks/{task_id}/raw": "text/plain",
    "/api/tasks/{task_id}/log/stream": "text/event-stream",
}
_EMPTY = ("/api/users/logout",)
_TOKEN_EXCHANGE = "/token/v1"  # noqa: S105 - a path; its refusals have a shape of their own (RFC 6749 §5.2)
_BYTES = re.compile(r"/(raw|content)$|/worker-packages/")
_PAGING = (
    ("skip", "How many to leave out.", {"type": "integer", "minimum": 0, "default": 0}),
    ("take", "How many to answer.", {"type": "integer", "minimum": 0, "default": 30}),
    ("ids", "Only these, with commas between them.", {"type": "string"}),
    ("partialName", "Only those with this in their name.", {"type": "string"}),
)


def describe(routes: Iterable[APIRoute], kinds: Iterable[ResourceKind]) -> Json:
    """The OpenAPI document."""
    by_path = {f"/api/{kind.path}": kind for kind in kinds}
    names, schemas = _schemas(by_path.values())
    paths: dict[str, Json] = {}
    for route in routes:
        if not route.include_in_schema:
            continue
        for method in sorted(route.methods or ()):
            path = paths.setdefault(route.path, {})
            path.setdefault(method.lower(), _operation(route, method, by_path, names))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Octavo",
            "version": __version__,
            "description": "Paths stand here without a space, which means the default one; each also answers at "
            "`/api/{space}/…`, where `{space}` is an id or a slug.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Octopus-ApiKey"},
                "AccessToken": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(route: APIRoute, method: str, kinds: Mapping[str, ResourceKind], names: Mapping[str, str]) -> Json:
    collection = "/".join(route.path.split("/")[:3])
    kind = kinds.get(collection)
    rest = route.path.removeprefix(collection)
    is_generic = kind is not None and rest in ("", "/all", "/{key}", "/sortorder")
    text = (route.endpoint.__doc__ or "").strip()
    summary = text.partition("\n")[0] or (_generic_summary(kind, method, rest) if kind else "")
    operation: Json = {
        "operationId": f"{method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', route.path)}",
        "summary": summary,
        "tags": [str(tag) for tag in route.tags] or ["server"],
        "parameters": _parameters(route.path, method),
        "responses": _responses(route.path, method, names[collection] if is_generic and kind else "", rest),
    }
    if is_generic and kind and method in ("POST", "PUT"):
        schema = {"type": "array", "items": {"type": "string"}} if rest == "/sortorder" else _ref(names[collection])
        operation["requestBody"] = _body(schema)
    elif method in ("POST", "PUT") and not _BYTES.search(route.path):
        operation["requestBody"] = _body({}) | {"required": False}
    if route.path not in _OPEN and route.path.startswith("/api"):
        operation["security"] = [{"ApiKey": []}, {"AccessToken": []}]
    return operation


def _generic_summary(kind: ResourceKind, method: str, rest: str) -> str:
    noun = kind.model.noun
    words = {
        ("GET", ""): f"A page of {noun}s.",
        ("GET", "/all"): f"Every {noun}, as a bare list.",
        ("POST", ""): f"A new {noun}.",
        ("GET", "/{key}"): f"One {noun}, by id or slug.",
        ("PUT", "/{key}"): f"Replace a {noun}.",
        ("DELETE", "/{key}"): f"Delete a {noun}.",
        ("PUT", "/sortorder"): f"Give the {noun}s another order.",
    }
    return words.get((method, rest), "")


def _parameters(path: str, method: str) -> list[Json]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)(?::\w+)?\}", path)
    ]
    if method != "GET" or path.endswith("}") or not path.startswith("/api/"):
        return in_path
    return in_path + [
        {"name": name, "in": "query", "description": text, "schema": schema} for name, text, schema in _PAGING
    ]


def _responses(path: str, method: str, name: str, rest: str) -> Json:
    schema: Json = {}
    if name and method != "DELETE" and rest != "/sortorder":
        item = {"allOf": [_ref("Resource"), _ref(f"{name}Members")]}
        schema = {("GET", ""): _page_of(item), ("GET", "/all"): {"type": "array", "items": item}}.get(
            (method, rest), item
        )
    ok: Json = {"description": "Done."}
    if _BYTES.search(path):
        ok["content"] = {"application/octet-stream": {}, "application/json": {"schema": {}}, "text/plain": {}}
    elif path in _OTHER_MEDIA:
        ok["content"] = {_OTHER_MEDIA[path]: {}}
    elif method != "DELETE" and rest != "/sortorder" and path not in _EMPTY:
        ok["content"] = {"application/json": {"schema": schema}}
    refusal = "TokenError" if path == _TOKEN_EXCHANGE else "Error"
    return {
        "2XX": ok,
        "404": {"description": "Not there, or not to be seen.", "content": _json(_ref("NotFound"))},
        "4XX": {"description": "Refused; the message says why.", "content": _json(_ref(refusal))},
        "503": {"description": "Something this needs is away; try again.", "content": _json(_ref("Error"))},
    }


def _page_of(item: Json) -> Json:
    return {"allOf": [_ref("Page"), {"properties": {"Items": {"type": "array", "items": item}}}]}


def _schemas(kinds: Iterable[ResourceKind]) -> tuple[dict[str, str], Json]:
    """The schema names by collection, and all schemas: of each kind what one sends, and what one gets."""
    listed = list(kinds)
    models = list(dict.fromkeys(kind.model for kind in listed))
    sent, in_requests = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template=_REFERENCE
    )
    names = {f"/api/{kind.path}": str(sent[(kind.model, "validation")]["$ref"]).rpartition("/")[2] for kind in listed}
    schemas: Json = dict(in_requests["$defs"])
    for kind in listed:
        name = names[f"/api/{kind.path}"]
        known = schemas[name]["properties"]
        members: Json = {member: {} for member in known} | {"Name": {"type": "string"}, "Id": {"type": "string"}}
        schemas[f"{name}Members"] = {"type": "object", "properties": members, "required": sorted(members)}
    schemas |= {
        "Resource": {
            "type": "object",
            "properties": {"Id": {"type": "string"}, "Links": {"type": "object"}},
            "required": ["Id", "Links"],
        },
        "Page": {
            "type": "object",
            "properties": {
                "ItemType": {"type": "string"},
                "TotalResults": {"type": "integer"},
                "ItemsPerPage": {"type": "integer"},
                "NumberOfPages": {"type": "integer"},
                "LastPageNumber": {"type": "integer"},
                "Items": {"type": "array"},
                "Links": {"type": "object"},
            },
            "required": ["ItemType", "TotalResults", "ItemsPerPage", "NumberOfPages", "Items", "Links"],
        },
        "Error": {
            "type": "object",
            "properties": {
                "ErrorMessage": {"type": "string", "minLength": 1},
                "Errors": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            },
            "required": ["ErrorMessage", "Errors"],
        },
        "TokenError": {
            "type": "object",
            "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
            "required": ["error", "error_description"],
        },
        "NotFound": {
            "type": "object",
            "properties": {"ErrorMessage": {"type": "string", "minLength": 1}, "Errors": {"type": "null"}},
            "required": ["ErrorMessage"],
        },
    }
    return names, schemas


def _ref(name: str) -> Json:
    return {"$ref": _REFERENCE.format(model=name)}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _body(schema: Json) -> Json:
    return {"required": True, "content": _json(schema)}
