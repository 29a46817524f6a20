"""store/secrets.py"""

import base64
from pathlib import Path

import pytest

from octavo.base.errors import ConfigurationError
from octavo.base.sensitive import Sensitive
from octavo.server.store.secrets import Keyring, load_keyring, rotated, save_keyring

KEYRING = rotated(Keyring(()))


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
