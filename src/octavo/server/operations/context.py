"""What every operation gets first: the server's parts, who asks, and the space it happens in."""

from dataclasses import dataclass, replace
from typing import Self

from octavo.base.clock import Clock
from octavo.base.errors import Forbidden
from octavo.server.blobs import BlobStore
from octavo.server.bus import Bus
from octavo.server.domain.permissions import Permission
from octavo.server.domain.vault import Vault
from octavo.server.store.store import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the running server that operations use; built once, in `app.py`."""

    store: Store
    bus: Bus
    blobs: BlobStore
    clock: Clock
    vault: Vault


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how they proved it."""

    user_id: str
    username: str
    is_administrator: bool
    established_with: str = ""  # "API key", "Session cookie"
    user_agent: str = ""
    ip_address: str = ""


#: The server itself, when it acts unasked: first start, health checks, clean-up.
SYSTEM = Caller("Users-0", "system", is_administrator=True, established_with="system")


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


def require(context: OperationContext, permission: Permission) -> None:
    """Let the caller pass if they have the permission.

    Raises:
        Forbidden: they have not; the message names it.
    """
    if not context.caller.is_administrator:
        raise Forbidden(
            f"You do not have permission to perform this action. Please contact your Octavo administrator. "
            f"Missing permission: {permission.value}."
        )
