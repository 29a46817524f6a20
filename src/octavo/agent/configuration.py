"""An instance's configuration: the XML file, its keys and what each means.

`parse_configuration` and `render_configuration` are pure and byte-compatible with the files that an official agent
writes (byte-order mark, sorted keys, no final line break). `ConfigurationFile` reads and replaces the file.
Source: tentacle-cli §3.2.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree

from octavo.agent.files import write_atomically
from octavo.base.errors import ConfigurationError

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<octopus-settings xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
)


class Key(StrEnum):
    """The settings that we know. Others are kept as they are."""

    HOME = "Octopus.Home"
    APPLICATIONS = "Tentacle.Deployment.ApplicationDirectory"
    PORT = "Tentacle.Services.PortNumber"
    LISTEN_IP = "Tentacle.Services.ListenIP"
    NO_LISTEN = "Tentacle.Services.NoListen"
    TRUSTED_SERVERS = "Tentacle.Communication.TrustedOctopusServers"
    POLLING_CONNECTION_COUNT = "Tentacle.Communication.PollingConnectionCount"
    CERTIFICATE = "Tentacle.Certificate"
    CERTIFICATE_THUMBPRINT = "Tentacle.CertificateThumbprint"
    SQUID = "Octopus.Communications.Squid"


class ProxyKey(StrEnum):
    """The settings of one proxy; each stands under `Octopus.Proxy.` or `Octopus.Server.Proxy.`."""

    USE_DEFAULT = "UseDefaultProxy"
    HOST = "ProxyHost"
    PORT = "ProxyPort"
    USER_NAME = "ProxyUsername"
    PASSWORD = "ProxyPassword"  # noqa: S105 (a setting's name)


class ProxyRole(StrEnum):
    """What a proxy is for: the value is the prefix of its settings."""

    WEB = "Octopus.Proxy."
    POLLING = "Octopus.Server.Proxy."


#: Which environment variable overrides which setting. Source: tentacle-cli §3.2, last paragraph.
OVERRIDES: dict[str, str] = {
    "OCTOPUS_HOME": Key.HOME,
    "OCTOPUS_USE_DEFAULT_PROXY": ProxyRole.WEB + ProxyKey.USE_DEFAULT,
    "OCTOPUS_PROXY_HOST": ProxyRole.WEB + ProxyKey.HOST,
    "OCTOPUS_PROXY_PORT": ProxyRole.WEB + ProxyKey.PORT,
    "OCTOPUS_PROXY_USER": ProxyRole.WEB + ProxyKey.USER_NAME,
    "OCTOPUS_PROXY_PASSWORD": ProxyRole.WEB + ProxyKey.PASSWORD,
    "TENTACLE_SERVICE_PORT": Key.PORT,
    "TENTACLE_LISTEN_IP": Key.LISTEN_IP,
    "TENTACLE_NO_LISTEN": Key.NO_LISTEN,
    "TENTACLE_TRUSTED_SERVERS": Key.TRUSTED_SERVERS,
    "TENTACLE_APPLICATION_DIRECTORY": Key.APPLICATIONS,
    "TENTACLE_CERTIFICATE": Key.CERTIFICATE,
    "TENTACLE_CERTIFICATE_THUMBPRINT": Key.CERTIFICATE_THUMBPRINT,
    "TENTACLE_POLLING_USE_DEFAULT_PROXY": ProxyRole.POLLING + ProxyKey.USE_DEFAULT,
    "TENTACLE_POLLING_CUSTOM_PROXY_HOST": ProxyRole.POLLING + ProxyKey.HOST,
    "TENTACLE_POLLING_CUSTOM_PROXY_PORT": ProxyRole.POLLING + ProxyKey.PORT,
    "TENTACLE_POLLING_CUSTOM_PROXY_USER": ProxyRole.POLLING + ProxyKey.USER_NAME,
    "TENTACLE_POLLING_CUSTOM_PROXY_PASSWORD": ProxyRole.POLLING + ProxyKey.PASSWORD,
}


class Configuration:
    """The settings of one instance: texts by key, keys in any case; overrides are read but never stored."""

    def __init__(self, stored: Mapping[str, str], overrides: Mapping[str, str] | None = None) -> None:
        self._stored = dict(stored)
        self._overrides = {key.lower(): value for key, value in (overrides or {}).items()}

    @property
    def stored(self) -> Mapping[str, str]:
        """What belongs into the file."""
        return self._stored

    def find(self, key: str) -> str | None:
        """A setting's text; None when it is absent or blank, which both mean the default."""
        wanted = key.lower()
        stored = next((value for own, value in self._stored.items() if own.lower() == wanted), "")
        value = self._overrides.get(wanted, stored)
        return value if value.strip() else None

    def find_stored(self, key: str) -> str | None:
        """A setting's text as the file has it, whatever the environment says."""
        return Configuration(self._stored).find(key)

    def find_number(self, key: str) -> int | None:
        """A whole number.

        Raises:
            ConfigurationError: it is something else.
        """
        text = self.find(key)
        try:
            return None if text is None else int(text)
        except ValueError:
            raise ConfigurationError(f"The setting {key} is '{text}', which is not a whole number.") from None

    def is_true(self, key: str, *, default: bool) -> bool:
        """A boolean in any case.

        Raises:
            ConfigurationError: it is something else.
        """
        text = self.find(key)
        if text is None:
            return default
        if text.strip().lower() not in {"true", "false"}:
            raise ConfigurationError(f"The setting {key} is '{text}'; it must be true or false.")
        return text.strip().lower() == "true"

    def set(self, key: str, value: str | float | bool | None) -> None:
        """Change one setting; None makes it the default again."""
        same = next((own for own in self._stored if own.lower() == key.lower()), str(key))
        text = str(value).lower() if isinstance(value, bool) else str(value)
        self._stored[same] = "" if value is None else text


class ConfigurationFile:
    """The file that keeps an instance's settings."""

    def __init__(self, path: Path, overrides: Mapping[str, str] | None = None) -> None:
        self.path = path
        self._overrides = dict(overrides or {})

    def read(self) -> Configuration:
        """The settings in force.

        Raises:
            ConfigurationError: the file is missing, unreadable or not a configuration.
        """
        try:
            return Configuration(parse_configuration(self.path.read_bytes()), self._overrides)
        except OSError as error:
            raise ConfigurationError(
                f"The configuration file {self.path} cannot be read: {error.strerror}. "
                "Run this as the account that owns it, for example with sudo."
            ) from error
        except ValueError as error:
            raise ConfigurationError(f"The configuration file {self.path} is not readable: {error}.") from error

    def write(self, configuration: Configuration) -> None:
        """Replace the file. It holds the private key, so only its owner may read it."""
        write_atomically(self.path, render_configuration(configuration.stored))

    def create_if_missing(self) -> bool:
        """Write an empty configuration unless there is one; whether one was written."""
        if self.path.exists():
            return False
        self.write(Configuration({}))
        return True


def parse_configuration(data: bytes) -> dict[str, str]:
    """The settings in a configuration file; later ones win.

    Raises:
        ValueError: this is no such file.
    """
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 (the operator's own file, not a stranger's)
    except ElementTree.ParseError as error:
        raise ValueError(f"it is not XML ({error})") from error
    if root.tag != "octopus-settings":
        raise ValueError(f"its root is <{root.tag}>, not <octopus-settings>")
    return {item.attrib["key"]: item.text or "" for item in root.iter("set") if "key" in item.attrib}


def render_configuration(settings: Mapping[str, str]) -> bytes:
    """The file for these settings, byte for byte as an official agent on Linux writes it."""
    if not settings:
        return (_HEAD + " />").encode("utf-8-sig")
    lines = [_render(key, settings[key]) for key in sorted(settings, key=str.upper)]
    return "\n".join([_HEAD + ">", *lines, "</octopus-settings>"]).encode("utf-8-sig")


def list_overrides(environment: Mapping[str, str], program_folder: Path) -> dict[str, str]:
    """The settings that the environment, or a `.env` file at or above the program, lays over the file's."""
    values = _read_env_file(program_folder)
    if environment.get("OCTOPUS_CONTRIBUTE_ENV_SETTINGS", "").strip().lower() == "true":
        values |= environment
    return {key: values[name] for name, key in OVERRIDES.items() if values.get(name, "").strip()}


def _render(key: str, value: str) -> str:
    name = _escape(key).replace('"', "&quot;")
    if not value.strip():
        return f'  <set key="{name}" />'
    return f'  <set key="{name}">{_escape(value)}</set>'


def _escape(text: str) -> str:
    """As .NET's writer does it. Not `xml.sax.saxutils`, which imports an HTTP client: 10 MB of an idle agent."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")


def _read_env_file(program_folder: Path) -> dict[str, str]:
    for folder in (program_folder, *program_folder.parents):
        file = folder / ".env"
        if file.is_file():
            pairs = (line.partition("=") for line in file.read_text("utf-8-sig").splitlines() if "=" in line)
            return {name.strip(): value.strip() for name, _, value in pairs if not name.lstrip().startswith("#")}
    return {}
