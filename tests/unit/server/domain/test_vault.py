"""server/domain/vault.py"""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(st.text())
def test_garbage_cannot_be_opened(text: str) -> None:
    vault = Vault({"k1": new_key()}, "k1")

    for sealed in (text, f"v1.k1.{text}"):
        with pytest.raises(CannotOpen):
            vault.open(sealed, place("proxies", "Proxies-1", "Password"))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_byte_of_a_sealed_secret_can_be_altered(position: int, change: int) -> None:
    vault, where = Vault({"k1": new_key()}, "k1"), place("proxies", "Proxies-1", "Password")
    prefix, _, payload = vault.seal(Sensitive("hunter2"), where).rpartition(".")
    data = bytearray(base64.urlsafe_b64decode(payload))
    data[position % len(data)] ^= change

    with pytest.raises(CannotOpen):
        vault.open(f"{prefix}.{base64.urlsafe_b64encode(data).decode()}", where)


def test_a_secret_moves_to_the_current_key_once() -> None:
    old, where = new_key(), place("proxies", "Proxies-1", "Password")
    sealed = Vault({"k1": old}, "k1").seal(Sensitive("hunter2"), where)
    vault = Vault({"k1": old, "k2": new_key()}, "k2")

    resealed = vault.reseal(sealed, where)

    assert resealed.startswith("v1.k2.")
    assert vault.open(resealed, where) == Sensitive("hunter2")
    assert vault.reseal(resealed, where) == resealed
