"""Which server, as whom, and through which proxy: what all commands that call the REST API share.

Source: tentacle-cli §4.3, §6.1 (last item).
"""

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from octavo.agent.command_line import Option
from octavo.agent.commands.command import Invocation, switch
from octavo.agent.configuration import ProxyRole
from octavo.agent.proxies import read_proxy
from octavo.agent.settings import ProxySettings
from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive

if TYPE_CHECKING:
    from octavo.client import Client, Credentials

#: Keeps the key out of `ps`, where every account of the machine could read it.
API_KEY_VARIABLE = "OCTAVO_API_KEY"

API_OPTIONS = (
    Option(("server",), "The Octopus Server - e.g., 'http://octopus'"),
    Option(
        ("apiKey",),
        "Your API key; you can get this from the Octopus web portal (or set the environment variable OCTAVO_API_KEY)",
        is_sensitive=True,
    ),
    Option(("bearerToken",), "A Bearer Token which has access to your Octopus instance", is_sensitive=True),
    Option(("u", "username", "user"), "If not using API keys, your username"),
    Option(("p", "password"), "If not using API keys, your password", is_sensitive=True),
    switch(
        "ignoreSslErrors",
        description="Set this flag if your Octopus Server uses HTTPS but this machine does not trust its certificate",
    ),
)


def parse_server_address(invocation: Invocation) -> str:
    """`--server`.

    Raises:
        ConfigurationError: it is missing, or no http(s) address.
    """
    address = invocation.arguments.find_text("server")
    if address is None or not is_http_address(address):
        raise ConfigurationError("Please specify an Octopus Server, e.g., --server=http://your-octopus-server")
    return address


def is_http_address(text: str) -> bool:
    """Whether this is an absolute http or https address with a host."""
    try:
        parts = urlsplit(text.strip())
        return parts.scheme.lower() in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def parse_credentials(invocation: Invocation) -> "Credentials":
    """Exactly one of key, token, and user name with password.

    Raises:
        ConfigurationError: none, several, or half of one.
    """
    from octavo.client import ApiKey, BearerToken, UserNameAndPassword

    arguments = invocation.arguments
    key, token = arguments.find_text("apiKey"), arguments.find_text("bearerToken")
    user_name, password = arguments.find_text("username"), arguments.find_text("password")
    if key is None and token is None and user_name is None and password is None:
        key = invocation.host.environment.get(API_KEY_VARIABLE) or None
    if sum(one is not None for one in (key, token, user_name or password)) > 1:
        raise ConfigurationError("Please specify a Bearer Token, API Key or username and password - not multiple.")
    if key is not None:
        return ApiKey(Sensitive(key))
    if token is not None:
        return BearerToken(Sensitive(token))
    if user_name is not None and password is None:
        raise ConfigurationError("Please specify a password for the specified user account")
    if user_name is None and password is not None:
        raise ConfigurationError("Please specify a username for the specified password")
    if user_name is None or password is None:
        raise ConfigurationError(
            "Please specify an Octopus API key, a Bearer Token or a username and password. You can get an API key "
            "from the Octopus web portal. E.g., --apiKey=API-ABC1234"
        )
    return UserNameAndPassword(user_name, Sensitive(password))


def open_client(invocation: Invocation, *, proxy: ProxySettings) -> "Client":
    """A session with the server that the command line names.

    Raises:
        ConfigurationError: the options do not say which server or who.
    """
    address, credentials = parse_server_address(invocation), parse_credentials(invocation)
    from octavo.client import Client

    return Client(
        address,
        credentials,
        proxy=proxy_url(proxy),
        use_system_proxy=proxy.use_default,
        ignore_tls_errors=invocation.arguments.is_on("ignoreSslErrors"),
    )


def registration_proxy(invocation: Invocation, *, is_polling: bool) -> ProxySettings:
    """The proxy for a registration's calls: the one the agent itself will use."""
    role = ProxyRole.POLLING if is_polling else ProxyRole.WEB
    return read_proxy(invocation.configuration, role, invocation.machine_key)


def other_proxy(invocation: Invocation) -> ProxySettings:
    """The proxy for all other calls: the polling proxy's host, or none."""
    proxy = read_proxy(invocation.configuration, ProxyRole.POLLING, invocation.machine_key)
    return proxy if proxy.host else ProxySettings(use_default=False)


def proxy_url(proxy: ProxySettings) -> str | None:
    """A proxy with its credentials as one address; None when it has no host."""
    if proxy.host is None:
        return None
    user = ""
    if proxy.user_name:
        password = quote(proxy.password.reveal(), safe="") if proxy.password else ""
        user = f"{quote(proxy.user_name, safe='')}:{password}@"
    return f"http://{user}{proxy.host}:{proxy.port}"
