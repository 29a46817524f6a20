"""Which proxy a polling connection goes through. Pure. Source: tentacle-cli.md §4.5, §6.1."""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from octavo.agent.settings import ProxySettings
from octavo.halibut import Proxy


def find_polling_proxy(settings: ProxySettings, address: str, environment: Mapping[str, str]) -> Proxy | None:
    """The configured proxy; else, if that is wanted, the system's (`https_proxy`, minus `no_proxy`); else None."""
    if settings.host:
        password = settings.password.reveal() if settings.password else None
        return Proxy(_bare_host(settings.host), settings.port, settings.user_name, password)
    if not settings.use_default or _is_exempt(urlsplit(address).hostname or "", environment):
        return None
    return _system_proxy(environment)


def _bare_host(text: str) -> str:
    """The host, also when it was written as a URL."""
    return urlsplit(text).hostname or text if "://" in text else text


def _system_proxy(environment: Mapping[str, str]) -> Proxy | None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        text = environment.get(name)
        if not text:
            continue
        parts = urlsplit(text if "://" in text else f"http://{text}")
        if not parts.hostname:
            return None
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return Proxy(parts.hostname, parts.port or 80, user, password)
    return None


def _is_exempt(host: str, environment: Mapping[str, str]) -> bool:
    names = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    suffixes = [name.strip().removeprefix("*").lower() for name in names.split(",") if name.strip()]
    return any(
        not suffix or host == suffix.lstrip(".") or host.endswith(f".{suffix.lstrip('.')}") for suffix in suffixes
    )
