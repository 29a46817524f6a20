"""What registering and deregistering mean on the server: which calls, in which order, with which documents.

Nothing here reads or writes the agent's configuration: `commands/registering.py` does.
Source: tentacle-cli §6.3 to §6.7.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from octavo.agent.trusted_servers import STYLE_NAMES, Style
from octavo.base.errors import ConfigurationError, OctavoError
from octavo.client import Client, Resource, ResourceMissing
from octavo.client.uri_templates import expand

_OLD_SERVERS = ("1.", "2.")


class LookupFailed(OctavoError):
    """A machine policy or proxy of that name is not on the server."""


@dataclass(frozen=True, slots=True)
class MachineEndpoint:
    """How the server is to reach this agent; `uri` is `https://host:port/` or `poll://id/`."""

    style: Style
    thumbprint: str
    uri: str


@dataclass(frozen=True, slots=True)
class WorkerRole:
    """The machine works for the server, in these pools (by name, slug or id)."""

    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TargetRole:
    """The machine is deployed to: environments and tenants by name, slug or id."""

    environments: tuple[str, ...]
    roles: tuple[str, ...]
    tenants: tuple[str, ...] = ()
    tenant_tags: tuple[str, ...] = ()
    participation: str = "Untenanted"


@dataclass(frozen=True, slots=True)
class Registration:
    """One machine to be entered on the server."""

    name: str
    endpoint: MachineEndpoint
    role: WorkerRole | TargetRole
    space: str | None = None
    policy: str | None = None
    proxy: str | None = None
    is_forced: bool = False

    @property
    def noun(self) -> str:
        """What users call it."""
        return "worker" if isinstance(self.role, WorkerRole) else "machine"


def register(client: Client, registration: Registration) -> str:
    """Enter the machine on the server, or with force replace the one of that name.

    Returns the thumbprint of the server's communications certificate, which the agent must trust.

    Raises:
        ConfigurationError: the name is taken, or a pool, environment, tenant or tag is unknown; nothing changed.
        LookupFailed: the policy or proxy is unknown; nothing changed.
    """
    version = client.root().text("Version")
    if version.startswith(_OLD_SERVERS):
        raise ConfigurationError(
            f"You cannot register this Tentacle with a {version.partition('.')[0]}.* Octopus Server."
        )
    space = client.space(registration.space)
    thumbprint = get_server_thumbprint(client)
    link = space.link(_collection(registration.role))
    existing = _find_named(client.list(link, name=registration.name), registration.name)
    proxy_id = _find_id(client, space, "Proxies", "proxy name", registration.proxy)
    if existing is not None and not registration.is_forced:
        raise ConfigurationError(
            f"A {registration.noun} named '{registration.name}' already exists in the environment. "
            f"Use the 'force' parameter if you intended to update the existing {registration.noun}."
        )
    policy_id = _find_id(client, space, "MachinePolicies", "machine policy", registration.policy)
    changes: dict[str, object] = {
        "Name": registration.name,
        "Endpoint": _endpoint_document(registration.endpoint, proxy_id),
        **_role_members(client, space, registration.role),
    }
    if existing is None:
        client.create(link, _new_document(space) | {"MachinePolicyId": policy_id} | changes)
    else:
        policy = {} if policy_id is None else {"MachinePolicyId": policy_id}
        client.update(Resource({**existing.members, **policy, **changes}))
    return thumbprint


def deregister(
    client: Client,
    *,
    thumbprint: str,
    space: str | None,
    are_workers: bool,
    may_be_several: bool,
    say: Callable[[str], None],
) -> str:
    """Delete this agent's machines on the server; the server's thumbprint, for a hint.

    Raises:
        ConfigurationError: none matches, or several do and only one may; nothing was deleted.
    """
    machines = find_machines(client, client.space(space), thumbprint, are_workers=are_workers)
    noun = "worker" if are_workers else "machine"
    if not machines:
        raise ConfigurationError(f"No {noun} was found matching this Tentacle's thumbprint.")
    if len(machines) > 1 and not may_be_several:
        raise ConfigurationError(
            f"The {'worker' if are_workers else 'Tentacle'} matches more than one machine on the server. "
            "To deregister all of these machines specify the --multiple flag."
        )
    for machine in machines:
        say(f"Deleting {noun} '{machine.name}' from the Octopus Server...")
        client.delete(machine)
    return get_server_thumbprint(client)


def find_machines(client: Client, space: Resource, thumbprint: str, *, are_workers: bool) -> list[Resource]:
    """The workers or targets of a space that have this thumbprint."""
    link = space.link("Workers" if are_workers else "Machines")
    if expand(link, {"thumbprint": thumbprint}) == expand(link):
        # A server without that filter would answer with every machine: compare below, but never delete blindly.
        candidates = [*client.list(link)]
    else:
        found = client.get_array(link, id="all", thumbprint=thumbprint)
        candidates = [Resource.of(one, link) for one in found]
    return [machine for machine in candidates if _thumbprint(machine) == thumbprint.upper()]


def get_server_thumbprint(client: Client) -> str:
    """The thumbprint that this server shows to agents, in upper case."""
    root = client.root()
    link = root.find_link("CertificateConfiguration") or root.link("Certificates")
    return client.get(link, id="certificate-global").text("Thumbprint").strip().upper()


def _collection(role: WorkerRole | TargetRole) -> str:
    return "Workers" if isinstance(role, WorkerRole) else "Machines"


def _thumbprint(machine: Resource) -> str:
    return (machine.child("Endpoint").find_text("Thumbprint") or "").upper()


def _find_named(candidates: Iterable[Resource], name: str) -> Resource | None:
    wanted = name.strip().lower()
    return next((one for one in candidates if one.name.strip().lower() == wanted), None)


def _find_id(client: Client, space: Resource, link: str, noun: str, name: str | None) -> str | None:
    if name is None:
        return None
    found = _find_named(client.list(space.link(link), partialName=None), name)
    if found is None:
        raise LookupFailed(
            f"Could not find the {noun} named {name} on the Octopus Server. "
            "Ensure it exists and you have permission to access it."
        )
    return found.id


def _endpoint_document(endpoint: MachineEndpoint, proxy_id: str | None) -> dict[str, object]:
    document: dict[str, object] = {
        "CommunicationStyle": STYLE_NAMES[endpoint.style],
        "Thumbprint": endpoint.thumbprint,
        "Uri": endpoint.uri,
    }
    if endpoint.style is Style.LISTENING:
        document["ProxyId"] = proxy_id
    return document


def _new_document(space: Resource) -> dict[str, object]:
    return {"SpaceId": space.find_text("Id"), "IsDisabled": False, "SkipInitialHealthCheck": False, "Links": {}}


def _role_members(client: Client, space: Resource, role: WorkerRole | TargetRole) -> dict[str, object]:
    if isinstance(role, WorkerRole):
        return {"WorkerPoolIds": _resolve(client, space.link("WorkerPools"), role.pools, "worker pool")}
    _check_tenant_tags(client, space, role.tenant_tags)
    return {
        "EnvironmentIds": _resolve_environments(client, space, role.environments),
        "Roles": list(role.roles),
        "TenantIds": _resolve(client, space.link("Tenants"), role.tenants, "tenant") if role.tenants else [],
        "TenantTags": list(role.tenant_tags),
        "TenantedDeploymentParticipation": role.participation,
    }


def _resolve(client: Client, link: str, wanted: Sequence[str], noun: str) -> list[str]:
    """The ids of things that the user named by name, slug or id, in the user's order."""
    items = [*client.list(link)]
    known = _index(items)
    rest = [one for one in wanted if _normal(one) not in known]
    if rest:
        known |= _index(client.list(link, ids=rest))
    return _ids(wanted, known, noun)


def _resolve_environments(client: Client, space: Resource, wanted: Sequence[str]) -> list[str]:
    """As `_resolve`; newer servers list environments of all kinds at another address."""
    space_id = space.find_text("Id")
    if space_id is not None:
        try:
            found = client.get(f"~/api/{space_id}/environments/v2?skip=0&take=2147483647")
        except ResourceMissing:
            pass
        else:
            return _ids(wanted, _index(found.children("Items")), "environment")
    return _resolve(client, space.link("Environments"), wanted, "environment")


def _index(items: Iterable[Resource]) -> dict[str, str]:
    """Ids by id, slug and name; a name goes before a slug, a slug before an id."""
    listed = [*items]
    index: dict[str, str] = {}
    for member in ("Id", "Slug", "Name"):
        index |= {_normal(text): item.id for item in listed if (text := item.find_text(member))}
    return index


def _ids(wanted: Sequence[str], known: dict[str, str], noun: str) -> list[str]:
    missing = [one for one in wanted if _normal(one) not in known]
    if len(missing) == 1:
        raise ConfigurationError(
            f"Could not find the {noun} with name, slug or Id {missing[0]} on the Octopus Server. "
            f"Ensure the {noun} exists and you have permission to access it."
        )
    if missing:
        raise ConfigurationError(
            f"Could not find the {noun}s with names, slugs or Ids: {', '.join(missing)} on the Octopus Server. "
            f"Ensure the {noun}s exist and you have permission to access them."
        )
    return list(dict.fromkeys(known[_normal(one)] for one in wanted))


def _check_tenant_tags(client: Client, space: Resource, wanted: Sequence[str]) -> None:
    if not wanted:
        return
    known = {
        tag.find_text("CanonicalTagName")
        for tag_set in client.list(space.link("TagSets"))
        for tag in tag_set.children("Tags")
    }
    missing = [tag for tag in wanted if tag not in known]
    if missing:
        raise ConfigurationError(
            f"Could not find the tag named {missing[0]} on the Octopus Server. "
            "Write it as Set/Tag, ensure it exists and you have permission to access it."
        )


def _normal(text: str) -> str:
    return text.strip().lower()
