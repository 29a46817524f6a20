"""store/secrets.py"""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.server.store.secrets import Keyring, Place, load_keyring, reseal, rotated, save_keyring, seal, unseal

KEYRING = rotated(Keyring(()))
PASSWORD = Place("proxies", "Proxies-1", "Password")


@given(st.text())
def test_what_is_sealed_opens_again(text: str) -> None:
    assert unseal(KEYRING, PASSWORD, seal(KEYRING, PASSWORD, Sensitive(text))) == Sensitive(text)


def test_a_sealed_value_names_its_format_and_key_and_never_repeats() -> None:
    one, other = (seal(KEYRING, PASSWORD, Sensitive("hunter2")) for _ in range(2))

    assert one.startswith(f"v1.{KEYRING.active.id}.")
    assert one != other
    assert "hunter2" not in one


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("accounts", "Proxies-1", "Password"),
        Place("proxies", "Proxies-2", "Password"),
        Place("proxies", "Proxies-1", "X"),
    ],
)
def test_a_sealed_value_does_not_open_in_another_place(elsewhere: Place) -> None:
    sealed = seal(KEYRING, PASSWORD, Sensitive("hunter2"))

    with pytest.raises(ConfigurationError, match="altered or moved"):
        unseal(KEYRING, elsewhere, sealed)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_byte_can_be_altered(position: int, change: int) -> None:
    prefix, _, payload = seal(KEYRING, PASSWORD, Sensitive("hunter2")).rpartition(".")
    data = bytearray(base64.urlsafe_b64decode(payload))
    data[position % len(data)] ^= change

    with pytest.raises(ConfigurationError):
        unseal(KEYRING, PASSWORD, f"{prefix}.{base64.urlsafe_b64encode(data).decode()}")


@given(st.text())
def test_garbage_is_refused_in_words(text: str) -> None:
    for sealed in (text, f"v1.{KEYRING.active.id}.{text}"):
        with pytest.raises(ConfigurationError):
            unseal(KEYRING, PASSWORD, sealed)


def test_a_value_under_a_lost_key_names_both_keys() -> None:
    other = rotated(Keyring(()))

    with pytest.raises(
        ConfigurationError, match=f"master key {KEYRING.active.id}, and this server has {other.active.id}"
    ):
        unseal(other, PASSWORD, seal(KEYRING, PASSWORD, Sensitive("hunter2")))


def test_rotation_opens_the_old_and_seals_with_the_new() -> None:
    sealed = seal(KEYRING, PASSWORD, Sensitive("hunter2"))
    newer = rotated(KEYRING)

    resealed = reseal(newer, PASSWORD, sealed)

    assert unseal(newer, PASSWORD, sealed) == unseal(newer, PASSWORD, resealed) == Sensitive("hunter2")
    assert resealed.startswith(f"v1.{newer.active.id}.")
    assert reseal(newer, PASSWORD, resealed) == resealed


def test_the_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_keyring(tmp_path)

    assert load_keyring(tmp_path) == first
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


def test_a_rotated_key_file_keeps_the_old_keys(tmp_path: Path) -> None:
    first = load_keyring(tmp_path)

    save_keyring(tmp_path, rotated(first))

    assert load_keyring(tmp_path).keys[1:] == first.keys


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_keyring(tmp_path)
    (tmp_path / "master.key").chmod(0o640)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_keyring(tmp_path)


def test_the_key_may_come_from_a_setting(tmp_path: Path) -> None:
    key = base64.b64encode(KEYRING.active.key).decode()

    assert load_keyring(tmp_path, Sensitive(key)) == KEYRING
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "short", "####"])
def test_a_setting_that_is_no_key_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="setting master_key"):
        load_keyring(tmp_path, Sensitive(text))


def test_keys_do_not_show() -> None:
    assert repr(KEYRING.active.key) not in repr(KEYRING)
