"""How to reach a service: the address, the thumbprint it must show, and the proxy on the way.

Source: halibut.md §5.3, §9.1.
"""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from octavo.halibut.identity import Thumbprint

_DEFAULT_PORTS = {"https": 443, "poll": 0}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that the dialler asks for a tunnel (CONNECT)."""

    host: str
    port: int
    user_name: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is: `https://host:10933/` of a listening one, `poll://id/` of a polling one."""

    uri: str
    thumbprint: Thumbprint
    proxy: Proxy | None = None

    @property
    def is_polling(self) -> bool:
        """Whether the service fetches its requests from us."""
        return urlsplit(self.uri).scheme.lower() == "poll"

    @property
    def canonical_uri(self) -> str:
        """The URI as peers write it: lower case, default port left out, path `/`. Two that are equal are one."""
        return canonical_uri(self.uri)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to dial.

        Raises:
            ValueError: the URI names no host, or is not `https`.
        """
        parts = urlsplit(self.uri)
        if parts.scheme.lower() != "https" or not parts.hostname:
            raise ValueError(f"«{self.uri}» cannot be dialled: expected https://host:port/.")
        return parts.hostname, parts.port or _DEFAULT_PORTS["https"]


def canonical_uri(uri: str) -> str:
    """`uri` as .NET peers write and compare it (§9.1).

    Raises:
        ValueError: it has no scheme or no host, or another scheme than `https` and `poll`.
    """
    parts = urlsplit(uri.strip())
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"«{uri}» is no endpoint: expected https://host:port/ or poll://id/.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if parts.port and parts.port != _DEFAULT_PORTS[scheme] else ""
    return f"{scheme}://{host}{port}/"
