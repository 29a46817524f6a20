"""server/domain/vault.py"""

import pytest

from octavo.base.sensitive import Sensitive
from octavo.server.domain.vault import CannotOpen, Vault, new_key, place


def test_a_secret_opens_where_it_was_sealed() -> None:
    vault = Vault({"k1": new_key()}, "k1")
    here = place("proxies", "Proxies-1", "Password")

    assert vault.open(vault.seal(Sensitive("hunter2"), here), here).reveal() == "hunter2"


def test_a_secret_does_not_open_in_another_row() -> None:
    vault = Vault({"k1": new_key()}, "k1")
    sealed = vault.seal(Sensitive("hunter2"), place("proxies", "Proxies-1", "Password"))

    with pytest.raises(CannotOpen, match="Proxies-2"):
        vault.open(sealed, place("proxies", "Proxies-2", "Password"))


def test_an_older_key_still_opens_after_a_rotation() -> None:
    old, here = new_key(), place("proxies", "Proxies-1", "Password")
    sealed = Vault({"k1": old}, "k1").seal(Sensitive("hunter2"), here)

    assert Vault({"k1": old, "k2": new_key()}, "k2").open(sealed, here).reveal() == "hunter2"


def test_an_unknown_key_is_named() -> None:
    sealed = Vault({"k1": new_key()}, "k1").seal(Sensitive("x"), "a|b|c")

    with pytest.raises(CannotOpen, match="k1"):
        Vault({"k2": new_key()}, "k2").open(sealed, "a|b|c")
