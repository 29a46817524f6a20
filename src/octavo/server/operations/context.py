"""What every operation gets first: the server's parts, who asks, and the space it happens in."""

from dataclasses import dataclass, replace
from typing import Self

from octavo.base.clock import Clock
from octavo.base.errors import Forbidden, NotFound
from octavo.server.blobs import BlobStore
from octavo.server.bus import Bus
from octavo.server.domain.permissions import ANYWHERE, Permission, Rights, Scope
from octavo.server.domain.vault import Vault
from octavo.server.feeds.open_feeds import OpenFeeds
from octavo.server.store.store import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the running server that operations use; built once, in `app.py`."""

    store: Store
    bus: Bus
    blobs: BlobStore
    clock: Clock
    vault: Vault
    feeds: OpenFeeds


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how they proved it."""

    user_id: str
    username: str
    rights: Rights = Rights()
    established_with: str = ""  # "API key", "Session cookie"
    user_agent: str = ""
    ip_address: str = ""


#: The server itself, when it acts unasked: first start, health checks, clean-up.
SYSTEM = Caller("Users-0", "system", Rights(is_administrator=True), established_with="system")


@dataclass(frozen=True, slots=True)
class OperationContext:
    """One request's view of the server. `space_id` is "" where no space is meant."""

    parts: Parts
    caller: Caller
    space_id: str = ""

    @property
    def store(self) -> Store:
        """The database."""
        return self.parts.store

    @property
    def bus(self) -> Bus:
        """Wake-ups to the engine and the other nodes."""
        return self.parts.bus

    @property
    def blobs(self) -> BlobStore:
        """Packages, artifacts, old logs."""
        return self.parts.blobs

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.parts.clock

    @property
    def vault(self) -> Vault:
        """Seals and opens secrets."""
        return self.parts.vault

    def in_space(self, space_id: str) -> Self:
        """The same request, looking at another space."""
        return replace(self, space_id=space_id)


def require(context: OperationContext, permission: Permission, scope: Scope = ANYWHERE) -> None:
    """Let the caller pass if they have the permission for what `scope` names; without one, if they have it anywhere.

    Raises:
        Forbidden: they have not; the message names it.
    """
    if not context.caller.rights.allow(permission, context.space_id, scope):
        raise forbidden(permission)


def require_everywhere(context: OperationContext, permission: Permission) -> None:
    """Let the caller pass if they have the permission for all of the space: what they do cannot be limited.

    Raises:
        Forbidden: they have not, or only within limits.
    """
    if not context.caller.rights.allow_everywhere(permission, context.space_id):
        raise forbidden(permission)


def require_sight(context: OperationContext, permission: Permission, scope: Scope = ANYWHERE) -> None:
    """The same for looking: what one may not see is not there.

    Raises:
        NotFound: they have not.
    """
    if not context.caller.rights.allow(permission, context.space_id, scope):
        raise NotFound(
            "Resource is not found or it doesn't exist in the current space context. Please contact your administrator "
            "for more information."
        )


def guard(context: OperationContext, permission: Permission, scope: Scope, *, sight: Permission) -> None:
    """Let the caller do something about what was found.

    Raises:
        NotFound: they may not even see it.
        Forbidden: they see it, but may not do this.
    """
    if not context.caller.rights.allow(permission, context.space_id, scope):
        require_sight(context, sight, scope)
        raise forbidden(permission)


def forbidden(permission: Permission) -> Forbidden:
    """The refusal that names what is missing."""
    return Forbidden(
        f"You do not have permission to perform this action. Please contact your Octavo administrator. "
        f"Missing permission: {permission.value}."
    )
