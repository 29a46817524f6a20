"""All routes of the API, found by their first segment.

Some hundred routes tried one after another would cost every request; a look in a table does not. Literal segments match
in any case (conventions, rule 8). Behind it are ordinary FastAPI routes.
"""

import re
from collections.abc import Iterable

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

_CHOSEN = "octavo.route"
_OUTSIDE = "/"  # the group of paths that are not below /api


class RoutesBySegment(BaseRoute):
    """One route that stands for many."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        self._groups: dict[str, list[APIRoute]] = {}
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute):
                    route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
                    self._groups.setdefault(_group_of(route.path), []).append(route)

    @property
    def collections(self) -> frozenset[str]:
        """The segments after `/api` that routes know."""
        return frozenset(group for group in self._groups if group not in {"", _OUTSIDE})

    @property
    def routes(self) -> list[APIRoute]:
        """Every route."""
        return [route for group in self._groups.values() for route in group]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first route that fits; else one that fits but for its method."""
        partial: Scope | None = None
        if scope["type"] != "http":
            return Match.NONE, {}
        for route in self._groups.get(_group_of(scope["path"]), ()):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                return match, {**child_scope, _CHOSEN: route}
            if match is Match.PARTIAL and partial is None:
                partial = {**child_scope, _CHOSEN: route}
        return (Match.PARTIAL, partial) if partial else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the chosen route answer."""
        await scope[_CHOSEN].handle(scope, receive, send)


def _group_of(path: str) -> str:
    segments = path.split("/", 3)
    if len(segments) < 2 or segments[1].lower() != "api":
        return _OUTSIDE
    return segments[2].lower() if len(segments) > 2 else ""
