"""Requests as the clients spell them, made into the one spelling that our routes know.

* Routing happens on the raw path: a slash that is encoded inside a segment stays inside it (`refs%2Fheads%2Fmain`).
* `/api/{space}/x`, `/api/spaces/{space}/x` and `/api/x` become `/api/x` plus the space's id or slug in the scope.
* Names of query parameters become lower case, parameters without a value vanish: routes declare lower-case names.
* `X-HTTP-Method-Override` turns the .NET clients' POSTs into the PUT or DELETE they mean.
* One trailing slash after an API path means nothing.

Pure functions, then one thin ASGI class. Source: API conventions, rules 1, 8 and 9, sections 4 and 5.3.
"""

import re
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

SPACE_KEY = "octavo.space"

_SPACE_ID = re.compile(r"spaces-\d+", re.IGNORECASE)
_OVERRIDABLE = frozenset({"PUT", "DELETE", "PATCH"})


@dataclass(frozen=True, slots=True)
class Address:
    """A path without its space, and the space that stood in it: an id, a slug, or None for the default."""

    path: str
    space: str | None


class NormaliseRequests:
    """The ASGI middleware that stands before the router.

    `collections` are the first segments after `/api` that routes know; any other first segment is a space's slug.
    """

    def __init__(self, app: ASGIApp, collections: Collection[str]) -> None:
        self._app = app
        self._collections = frozenset(collections)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the request, then hand it on."""
        if scope["type"] == "http":
            scope = self._normalised(scope)
        await self._app(scope, receive, send)

    def _normalised(self, scope: Scope) -> Scope:
        raw_path = scope.get("raw_path") or scope["path"].encode()
        address = address_of(raw_path.decode("latin-1"), self._collections)
        changed: MutableMapping[str, Any] = dict(scope)
        changed["path"] = address.path
        changed[SPACE_KEY] = address.space
        changed["query_string"] = normal_query(scope["query_string"].decode("latin-1")).encode("latin-1")
        if scope["method"] == "POST":
            changed["method"] = overridden_method(scope["headers"])
        return changed


def address_of(raw_path: str, collections: Collection[str]) -> Address:
    """The path to route on and the space in it.

    Segments are decoded, but an encoded slash stays `%2F`: see `decoded_segment`.
    """
    path = raw_path.partition("?")[0]
    segments = [_decode_but_slashes(segment) for segment in path.split("/")[1:]]
    if not segments or segments[0].lower() != "api":
        return Address("/" + "/".join(segments), None)
    rest = segments[1:]
    if rest and rest[-1] == "":
        rest = rest[:-1]
    space, rest = _split_space(rest, collections)
    return Address("/".join(("/api", *rest)), space)


def decoded_segment(segment: str) -> str:
    """A path segment in full: its encoded slashes too."""
    return segment.replace("%2F", "/")


def normal_query(query: str) -> str:
    """The query with lower-case names and without parameters that have no value."""
    kept = []
    for pair in query.split("&"):
        name, equals, value = pair.partition("=")
        if equals and value:
            kept.append(f"{name.lower()}={value}")
    return "&".join(kept)


def overridden_method(headers: Collection[tuple[bytes, bytes]]) -> str:
    """The method that a POST stands for."""
    for name, value in headers:
        if name == b"x-http-method-override":
            method = value.decode("latin-1").strip().upper()
            return method if method in _OVERRIDABLE else "POST"
    return "POST"


def _decode_but_slashes(segment: str) -> str:
    if "%" not in segment:
        return segment
    return "%2F".join(unquote(part) for part in re.split("%2[fF]", segment))


def _split_space(segments: list[str], collections: Collection[str]) -> tuple[str | None, list[str]]:
    if not segments:
        return None, segments
    first = segments[0]
    if first.lower() == "spaces" and len(segments) > 2 and segments[2].lower() in collections:
        return _space_key(segments[1]), segments[2:]
    if _SPACE_ID.fullmatch(first) or first.lower() not in collections:
        return _space_key(first), segments[1:]
    return None, segments


def _space_key(text: str) -> str:
    return f"Spaces-{int(text[7:])}" if _SPACE_ID.fullmatch(text) else text.lower()
