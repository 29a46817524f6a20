"""What a server makes at its very first start, and reads at every later one.

All in one transaction: a server that was killed in the middle starts as if for the first time, and of two nodes that
start at once only one does the work (the other waits for its installation id, then finds everything there).
"""

import asyncio
import uuid
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.halibut import Identity, new_identity
from octavo.server.domain.roles import ADMINISTRATORS_TEAM, BUILT_IN_ROLES, EVERYONE_TEAM
from octavo.server.domain.vault import CannotOpen, place
from octavo.server.operations.context import SYSTEM, OperationContext, Parts
from octavo.server.operations.credentials import API_KEY, Passwords, new_api_key, new_token
from octavo.server.operations.kinds.spaces import SPACES
from octavo.server.operations.kinds.teams import TEAMS
from octavo.server.operations.kinds.user_roles import USER_ROLES
from octavo.server.operations.resources import create_within
from octavo.server.operations.users import UserDocument, add_api_key, add_user
from octavo.server.store.settings import find_setting, set_setting, set_setting_once
from octavo.server.store.users import list_users

_INSTALLATION, _CERTIFICATE = "installation-id", "server-certificate"
_KEY_PLACE = place("settings", _CERTIFICATE, "PrivateKey")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The first administrator as the settings ask for one; what is None is made up."""

    username: str
    password: Sensitive | None = None
    api_key: Sensitive | None = None


@dataclass(frozen=True, slots=True)
class Administrator:
    """The first administrator, with the secrets that are told once."""

    username: str
    password: Sensitive
    api_key: Sensitive
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Installation:
    """What the server knows about itself. `created` is the new administrator, at the first start only."""

    installation_id: str
    identity: Identity
    created: Administrator | None


async def prepare_installation(parts: Parts, passwords: Passwords, wanted: Wanted) -> Installation:
    """Make what is missing, and return what is there.

    Raises:
        ConfigurationError: the master key does not open this database's secrets.
    """
    context = OperationContext(parts, SYSTEM)
    async with parts.store.reading() as connection:
        is_first = await find_setting(connection, _INSTALLATION) is None
        has_users = bool(await list_users(connection))
    identity = await asyncio.to_thread(new_identity, "Octopus Server") if is_first else None
    administrator = None if has_users else await _administrator(passwords, wanted)
    async with parts.store.writing() as connection:
        mine = str(uuid.uuid4())
        installation_id = await set_setting_once(connection, _INSTALLATION, mine)
        if identity and installation_id == mine:
            await _make_first_things(context, connection, identity)
        if administrator and await list_users(connection):
            administrator = None  # another node was faster
        if administrator:
            await _store_administrator(context, connection, administrator)
        stored = await find_setting(connection, _CERTIFICATE)
    return Installation(installation_id, _opened(parts, stored), administrator)


async def _make_first_things(context: OperationContext, connection: AsyncConnection, identity: Identity) -> None:
    sealed = context.vault.seal(Sensitive(identity.private_key_pem.decode()), _KEY_PLACE)
    certificate = {"Certificate": identity.certificate_pem.decode(), "PrivateKey": sealed}
    await set_setting(connection, _CERTIFICATE, certificate)
    for team_id, name in ((ADMINISTRATORS_TEAM, "Octopus Administrators"), (EVERYONE_TEAM, "Everyone")):
        await create_within(context, connection, TEAMS, {"Name": name}, {"IsBuiltIn": True}, resource_id=team_id)
    for role in BUILT_IN_ROLES:
        document = {
            "Name": role.name,
            "Description": role.description,
            "GrantedSpacePermissions": list(role.space_permissions),
            "GrantedSystemPermissions": list(role.system_permissions),
        }
        await create_within(context, connection, USER_ROLES, document, {"IsBuiltIn": True}, resource_id=role.id)
    space = {"Name": "Default", "SpaceManagersTeams": [ADMINISTRATORS_TEAM]}
    await create_within(context, connection, SPACES, space, owned={"IsDefault": True})


async def _administrator(passwords: Passwords, wanted: Wanted) -> Administrator:
    key = wanted.api_key or new_api_key()
    if not API_KEY.fullmatch(key.reveal()):
        raise ConfigurationError(
            "OCTAVO_ADMIN_API_KEY must be 'API-' and then upper-case letters and digits only: the clients refuse to "
            "send anything else. Leave it out and a key is made for you."
        )
    password = wanted.password or new_token()
    return Administrator(wanted.username, password, key, await passwords.hash(password))


async def _store_administrator(
    context: OperationContext, connection: AsyncConnection, administrator: Administrator
) -> None:
    document = UserDocument(username=administrator.username, is_administrator=True)
    user = await add_user(context, connection, document, administrator.password_hash)
    await add_api_key(context, connection, user, "First administrator", secret=administrator.api_key)


def _opened(parts: Parts, stored: dict[str, str]) -> Identity:
    try:
        private_key = parts.vault.open(stored["PrivateKey"], _KEY_PLACE)
    except CannotOpen as error:
        raise ConfigurationError(
            "The server's certificate cannot be opened with this master key: the database was made with another one. "
            "Put that server's master.key back into the data folder."
        ) from error
    return Identity(stored["Certificate"].encode(), private_key.reveal().encode())
