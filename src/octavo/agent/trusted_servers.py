"""The servers that an agent trusts, as the configuration keeps them, and how commands change the list. Pure.

Source: tentacle-cli §3.3, §4.2.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from urllib.parse import urlsplit

from octavo.base.errors import ConfigurationError

#: What official agents draw a subscription id from: no letters or digits that look alike.
_SUBSCRIPTION_LETTERS = "bcdefghjklmnpqrstuvwxyz23456789"
_SUBSCRIPTION_LENGTH = 20


class Style(IntEnum):
    """How agent and server reach each other, as numbers in the configuration and names in the API."""

    NONE = 0
    LISTENING = 1
    POLLING = 2
    KUBERNETES = 11


STYLE_NAMES = {
    Style.NONE: "None",
    Style.LISTENING: "TentaclePassive",
    Style.POLLING: "TentacleActive",
    Style.KUBERNETES: "KubernetesTentacle",
}


@dataclass(frozen=True, slots=True)
class TrustedServer:
    """One trusted certificate; a polled server also has an address and a subscription id."""

    thumbprint: str
    style: Style = Style.LISTENING
    address: str | None = None
    subscription_id: str | None = None
    squid: str | None = None

    def is_same_entry(self, other: "TrustedServer") -> bool:
        """Entries are told apart by thumbprint, in any case, and address."""
        return _key(self) == _key(other)


def find_style(text: str | None) -> Style | None:
    """The style that `TentaclePassive` or `TentacleActive`, in any case, names; None for anything else."""
    names = {STYLE_NAMES[style].lower(): style for style in (Style.LISTENING, Style.POLLING)}
    return names.get((text or "").strip().lower())


def parse_trusted_servers(text: str | None) -> tuple[TrustedServer, ...]:
    """The list in the configuration.

    Raises:
        ConfigurationError: it is no such list.
    """
    try:
        return tuple(_parse(item) for item in json.loads(text or "[]"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            "The list of trusted servers in the configuration is damaged "
            f"({error}). Make it anew: `tentacle configure --reset-trust --trust=THUMBPRINT`."
        ) from error


def render_trusted_servers(servers: Sequence[TrustedServer]) -> str:
    """The list as the configuration keeps it."""
    return json.dumps([as_document(server) for server in servers], separators=(",", ":"), ensure_ascii=False)


def as_document(server: TrustedServer) -> dict[str, str | int | None]:
    """One entry with its documented member names."""
    return {
        "Thumbprint": server.thumbprint,
        "CommunicationStyle": int(server.style),
        "Address": server.address,
        "Squid": server.squid,
        "SubscriptionId": server.subscription_id,
    }


def add_server(servers: Sequence[TrustedServer], added: TrustedServer) -> tuple[TrustedServer, ...]:
    """The list with this entry at its end, in place of an equal one."""
    return (*(server for server in servers if not server.is_same_entry(added)), added)


def replace_thumbprint(servers: Sequence[TrustedServer], old: str, new: str) -> tuple[TrustedServer, ...]:
    """The list with another thumbprint in every entry that has the old one, in any case."""
    return tuple(
        replace(server, thumbprint=as_stored(new)) if server.thumbprint.upper() == as_stored(old) else server
        for server in servers
    )


def keep_addresses(servers: Sequence[TrustedServer], kept: Sequence[str]) -> tuple[TrustedServer, ...]:
    """Only the entries with one of these addresses."""
    wanted = {_normal_address(address) for address in kept if address.strip()}
    return tuple(server for server in servers if _normal_address(server.address or "") in wanted)


def as_stored(thumbprint: str) -> str:
    """A thumbprint as the list keeps it: trimmed, upper case."""
    return thumbprint.strip().upper()


def new_subscription_id() -> str:
    """A fresh id for polling: unguessable, since it names this agent's queue on the server."""
    import secrets

    return "poll://" + "".join(secrets.choice(_SUBSCRIPTION_LETTERS) for _ in range(_SUBSCRIPTION_LENGTH)) + "/"


def poll_server(
    servers: Sequence[TrustedServer], thumbprint: str, address: str, new_id: Callable[[], str] = new_subscription_id
) -> tuple[TrustedServer, ...]:
    """The list after `server-comms --style=TentacleActive`.

    Changes the entry with that address, else one without a style, else adds one. All polling entries with one
    thumbprint are one server cluster and share a subscription id.
    """
    mine = [server for server in servers if server.thumbprint.upper() == as_stored(thumbprint)]
    polling = [server for server in mine if server.style is Style.POLLING and server.subscription_id]
    subscription = polling[0].subscription_id if polling else new_id()
    same_address = [server for server in mine if _normal_address(server.address or "") == _normal_address(address)]
    idle = [server for server in mine if server.style is Style.NONE]
    base = next(iter(same_address or idle), TrustedServer(as_stored(thumbprint)))
    changed = replace(base, style=Style.POLLING, address=address, subscription_id=base.subscription_id or subscription)
    return (*(server for server in servers if server is not base and not server.is_same_entry(changed)), changed)


def listen_to_server(servers: Sequence[TrustedServer], thumbprint: str) -> tuple[TrustedServer, ...]:
    """The list after `server-comms --style=TentaclePassive`."""
    return add_server(servers, TrustedServer(as_stored(thumbprint), Style.LISTENING))


def _parse(item: dict[str, object]) -> TrustedServer:
    return TrustedServer(
        as_stored(str(item["Thumbprint"])),
        _parse_style(item.get("CommunicationStyle")),
        *(_text_or_none(item.get(name)) for name in ("Address", "SubscriptionId", "Squid")),
    )


def _parse_style(value: object) -> Style:
    if isinstance(value, int):
        return Style(value)
    names = {name: style for style, name in STYLE_NAMES.items()}
    return names[str(value)] if value else Style.NONE


def _text_or_none(value: object) -> str | None:
    return str(value) if value else None


def _key(server: TrustedServer) -> tuple[str, str]:
    return server.thumbprint.strip().upper(), _normal_address(server.address or "")


def _normal_address(address: str) -> str:
    """Addresses are equal when scheme, host and port are, whatever their case or last slash."""
    parts = urlsplit(address.strip())
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}".lower() if parts.netloc else address.strip()
