"""Source: tentacle-cli.md §4.5."""

from octavo.agent.polling_proxy import find_polling_proxy
from octavo.agent.settings import ProxySettings
from octavo.base.sensitive import Sensitive
from octavo.halibut import Proxy

SERVER = "https://server.example.com:10943"
SYSTEM = {"https_proxy": "http://us%40er:pass@proxy.example.com:3128"}


def test_a_configured_proxy_wins() -> None:
    settings = ProxySettings(host="my.proxy", port=81, user_name="user", password=Sensitive("pass"))

    assert find_polling_proxy(settings, SERVER, SYSTEM) == Proxy("my.proxy", 81, "user", "pass")


def test_the_systems_proxy_is_used_when_wanted() -> None:
    assert find_polling_proxy(ProxySettings(), SERVER, SYSTEM) == Proxy("proxy.example.com", 3128, "us@er", "pass")
    assert find_polling_proxy(ProxySettings(use_default=False), SERVER, SYSTEM) is None
    assert find_polling_proxy(ProxySettings(), SERVER, {}) is None


def test_exempt_hosts_are_dialled_directly() -> None:
    for names in ("server.example.com", ".example.com", "localhost, *.example.com", "*"):
        assert find_polling_proxy(ProxySettings(), SERVER, {**SYSTEM, "no_proxy": names}) is None
    assert find_polling_proxy(ProxySettings(), SERVER, {**SYSTEM, "no_proxy": "other.com"}) is not None
