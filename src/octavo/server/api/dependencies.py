"""What routes get injected: the operation's context, with who asks and the space they mean.

`SpaceContext` is for resources that live in a space: none given means the default space. `SystemContext` is for mixed
collections (tasks, events, teams): none given means all, `space_id` is "".
"""

from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from octavo.base.errors import NotAuthenticated
from octavo.base.sensitive import Sensitive
from octavo.halibut import Identity
from octavo.server.api.normalisation import SPACE_KEY
from octavo.server.operations.authentication import Authenticator, Visit
from octavo.server.operations.context import Caller, OperationContext, Parts
from octavo.server.operations.credentials import Passwords
from octavo.server.operations.oidc_keys import IssuerKeys
from octavo.server.operations.space_directory import SpaceDirectory, no_space
from octavo.server.packages.deltas import Deltas

_SESSION_COOKIE, _CSRF_COOKIE, _CSRF_HEADER = "OctopusIdentificationToken", "Octopus-Csrf-Token", "x-octopus-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class ApiServices:
    """What the API needs from the running server; built in `app.py`."""

    parts: Parts
    authenticator: Authenticator
    passwords: Passwords
    spaces: SpaceDirectory
    installation_id: str
    identity: Identity
    spool: Path  # for uploads until they are checked
    deltas: Deltas
    external_url: str | None = None
    issuer_keys: IssuerKeys = field(default_factory=IssuerKeys)

    @property
    def session_cookie(self) -> str:
        """The name of the cookie with the session's token."""
        return f"{_SESSION_COOKIE}_{self.installation_id}"

    @property
    def csrf_cookie(self) -> str:
        """The name of the cookie that the client repeats in a header."""
        return f"{_CSRF_COOKIE}_{self.installation_id}"


def services_of(request: Request) -> ApiServices:
    """The services that the application was made with."""
    services: ApiServices = request.app.state.services
    return services


async def current_caller(request: Request) -> Caller:
    """Who asks.

    Raises:
        NotAuthenticated: nobody we know.
    """
    caller = await find_caller(request)
    if caller is None:
        raise NotAuthenticated("You must be logged in to request this resource: send an API key in X-Octopus-ApiKey.")
    return caller


async def find_caller(request: Request) -> Caller | None:
    """Who asks, or None when no credentials were sent.

    Raises:
        NotAuthenticated: credentials were sent, but we do not know them.
    """
    services, headers = services_of(request), request.headers
    visit = Visit(headers.get("user-agent", ""), request.client.host if request.client else "")
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await services.authenticator.by_access_token(Sensitive(bearer.strip()), visit)
    key = headers.get("x-octopus-apikey", "").strip()
    if key:
        return await services.authenticator.by_api_key(Sensitive(key), visit)
    token = session_token(request)
    if token is None:
        return None
    needs_csrf = request.method not in _SAFE_METHODS
    csrf_token = headers.get(_CSRF_HEADER, "") if needs_csrf else None
    return await services.authenticator.by_session(token, csrf_token, visit)


def session_token(request: Request) -> Sensitive | None:
    """The token in the session's cookie."""
    cookie = SimpleCookie(request.headers.get("cookie", "")).get(services_of(request).session_cookie)
    return Sensitive(cookie.value) if cookie and cookie.value else None


async def system_context(request: Request, caller: Annotated[Caller, Depends(current_caller)]) -> OperationContext:
    """The context of a mixed or system collection: `space_id` is "" unless the address names a space."""
    services = services_of(request)
    key = request.scope.get(SPACE_KEY)
    return OperationContext(services.parts, caller, await _space_of(services, caller, key) if key else "")


async def current_context(request: Request, caller: Annotated[Caller, Depends(current_caller)]) -> OperationContext:
    """The context of a space's resources: of the default space unless the address names one."""
    services = services_of(request)
    return OperationContext(services.parts, caller, await _space_of(services, caller, request.scope.get(SPACE_KEY)))


async def _space_of(services: ApiServices, caller: Caller, key: str | None) -> str:
    """The space's id; a space in which one has no rights is not there. The default space everyone may name."""
    space_id = await services.spaces.find(key)
    if key is not None and not caller.rights.sees_space(space_id):
        raise no_space(key)
    return space_id


SpaceContext = Annotated[OperationContext, Depends(current_context)]
SystemContext = Annotated[OperationContext, Depends(system_context)]
