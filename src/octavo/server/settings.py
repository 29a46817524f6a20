"""The server's settings: read once, from a TOML file, then `OCTAVO_*` variables, then the command line.

Later sources win. An unknown key or a value that cannot be right is an error that says where it stands.
docs/reference/configuration.md lists every setting.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set."""

    data: Path = Path("octavo-data")
    listen: Address = Address("127.0.0.1", 8080)
    polling_listen: Address = Address("127.0.0.1", 10943)
    external_url: str | None = None
    database: str | None = None
    bus: str | None = None
    blobs: str | None = None
    node_name: str | None = None
    task_cap: int = 20
    master_key: Sensitive | None = None
    admin_username: str = "admin"
    admin_password: Sensitive | None = None
    admin_api_key: Sensitive | None = None
    source: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def database_url(self) -> str:
        """Where the store is: a file in the data folder unless set."""
        return self.database or f"sqlite:///{self.data.resolve() / 'server.db'}"


def load_settings(
    flags: Mapping[str, str | None], environment: Mapping[str, str], config: Path | None = None
) -> Settings:
    """The settings from all sources.

    Raises:
        ConfigurationError: an unknown key, an unreadable file or a value that cannot be right.
    """
    texts: dict[str, tuple[str, str]] = {}
    for key, value in (_file(config) if config else {}).items():
        texts[key] = (value, f"the file {config}")
    for name, value in environment.items():
        if name.startswith(_PREFIX) and name not in _NOT_SETTINGS:
            texts[name.removeprefix(_PREFIX).lower()] = (value, f"the variable {name}")
    for key, flag in flags.items():
        if flag is not None:
            texts[key] = (flag, f"the option --{key.replace('_', '-')}")
    return _built(texts)


def parse_address(text: str) -> Address:
    """`HOST:PORT`, `[::1]:8080` or `:8080` (every interface)."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"'{text}' is not HOST:PORT, such as 127.0.0.1:8080")
    return Address(host.strip("[]") or "0.0.0.0", int(port))  # noqa: S104 - asked for by leaving the host out


_PREFIX = "OCTAVO_"
_NOT_SETTINGS = ("OCTAVO_CONFIG", "OCTAVO_API_KEY")  # the second is what `tentacle` registers with
_KEYS = tuple(item.name for item in fields(Settings) if item.name != "source")


def _file(path: Path) -> dict[str, str]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"The configuration file {path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"The configuration file {path} is not TOML: {error}.") from error
    return {key.replace("-", "_"): str(value) for key, value in content.items()}


def _built(texts: Mapping[str, tuple[str, str]]) -> Settings:
    values: dict[str, object] = {}
    for key, (text, source) in texts.items():
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise ConfigurationError(f"'{key}' in {source} is not a setting. Known settings: {known}.")
        try:
            values[key] = _PARSERS[key](text)
        except ValueError as error:
            raise ConfigurationError(f"The setting '{key}' in {source} cannot be right: {error}.") from error
    sources = {key: source for key, (_, source) in texts.items()}
    return Settings(**values, source=sources)  # type: ignore[arg-type]  # each parser returns its field's type


def _external_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"'{text}' is not a URL such as https://octavo.example.com/")
    if parts.path.strip("/"):
        raise ValueError(
            f"'{text}' has the path '{parts.path}', but Octavo answers at the host's root only: its clients ask for "
            "/api. Give it a host name of its own"
        )
    if parts.query or parts.fragment:
        raise ValueError(f"'{text}' must end after the host and port")
    return text.rstrip("/") + "/"


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"'{text}' is not a whole number above 0")
    return int(text)


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty")
    return text


_PARSERS: dict[str, Callable[[str], object]] = {
    "data": lambda text: Path(_text(text)),
    "listen": parse_address,
    "polling_listen": parse_address,
    "external_url": _external_url,
    "database": _text,
    "bus": _text,
    "blobs": _text,
    "node_name": _text,
    "task_cap": _positive,
    "master_key": lambda text: Sensitive(_text(text)),
    "admin_username": _text,
    "admin_password": lambda text: Sensitive(_text(text)),
    "admin_api_key": lambda text: Sensitive(_text(text)),
}
