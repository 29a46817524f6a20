"""server/settings.py"""

from pathlib import Path

import pytest

from octavo.base.errors import ConfigurationError
from octavo.server.settings import Address, Settings, load_settings, parse_address


def test_without_any_source_all_have_their_defaults() -> None:
    settings = load_settings({}, {})

    assert settings == Settings()
    assert (settings.listen, settings.polling_listen) == (Address("127.0.0.1", 8080), Address("127.0.0.1", 10943))


def test_options_win_over_variables_and_these_over_the_file(tmp_path: Path) -> None:
    config = tmp_path / "octavo.toml"
    config.write_text('listen = ":1"\npolling-listen = ":2"\ntask-cap = 7\n')

    settings = load_settings(
        {"listen": ":11", "data": None}, {"OCTAVO_LISTEN": ":12", "OCTAVO_POLLING_LISTEN": ":13"}, config
    )

    assert (settings.listen.port, settings.polling_listen.port, settings.task_cap) == (11, 13, 7)


def test_secrets_never_print() -> None:
    assert "hunter2" not in repr(load_settings({}, {"OCTAVO_ADMIN_PASSWORD": "hunter2"}))


@pytest.mark.parametrize(
    ("flags", "variables", "told"),
    [
        ({"listen": "nowhere"}, {}, "--listen cannot be right: 'nowhere' is not HOST:PORT"),
        ({"polling_listen": "127.0.0.1:99999"}, {}, "HOST:PORT"),
        ({"external_url": "octavo.example.com"}, {}, "is not a URL such as https://octavo.example.com/"),
        ({"external_url": "https://example.com/octavo"}, {}, "the host's root only"),
        ({"external_url": "https://example.com/?a=1"}, {}, "must end after the host"),
        ({}, {"OCTAVO_LISTN": "x"}, "'listn' in the variable OCTAVO_LISTN is not a setting"),
        ({}, {"OCTAVO_TASK_CAP": "many"}, "not a whole number above 0"),
        ({"data": ""}, {}, "it is empty"),
    ],
)
def test_what_cannot_be_right_is_told_with_its_source(
    flags: dict[str, str | None], variables: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        load_settings(flags, variables)

    assert told in str(error.value)


@pytest.mark.parametrize(("content", "told"), [('listne = "x"', "'listne' in the file"), ("= = =", "is not TOML")])
def test_a_wrong_file_is_told(tmp_path: Path, content: str, told: str) -> None:
    config = tmp_path / "octavo.toml"
    config.write_text(content)

    with pytest.raises(ConfigurationError, match=told):
        load_settings({}, {}, config)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_settings({}, {}, tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:80", Address("127.0.0.1", 80)),
        ("[::1]:8080", Address("::1", 8080)),
        (":8080", Address("0.0.0.0", 8080)),
    ],
)
def test_addresses_are_read_and_written(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


def test_the_api_key_of_clients_in_the_environment_is_no_setting() -> None:
    settings = load_settings({}, {"OCTAVO_API_KEY": "API-SECRET"})

    assert settings.admin_api_key is None
