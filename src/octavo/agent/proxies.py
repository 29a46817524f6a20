"""An agent's two proxies, as its configuration keeps them. Source: tentacle-cli §3.2."""

from octavo.agent.configuration import Configuration, ProxyKey, ProxyRole
from octavo.agent.machine_key import MachineKey
from octavo.agent.settings import ProxySettings

_DEFAULT_PORT = 80


def read_proxy(configuration: Configuration, role: ProxyRole, machine_key: MachineKey) -> ProxySettings:
    """The settings of one proxy.

    Raises:
        ConfigurationError: its password cannot be decrypted here, or a setting is of the wrong type.
    """
    password = configuration.find(role + ProxyKey.PASSWORD)
    return ProxySettings(
        use_default=configuration.is_true(role + ProxyKey.USE_DEFAULT, default=True),
        host=configuration.find(role + ProxyKey.HOST),
        port=configuration.find_number(role + ProxyKey.PORT) or _DEFAULT_PORT,
        user_name=configuration.find(role + ProxyKey.USER_NAME),
        password=None if password is None else machine_key.decrypt(password),
    )
