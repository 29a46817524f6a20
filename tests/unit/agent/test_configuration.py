"""The configuration file and its settings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.agent.configuration import (
    Configuration,
    ConfigurationFile,
    Key,
    list_overrides,
    parse_configuration,
    render_configuration,
)
from octavo.base.errors import ConfigurationError

XML_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


def test_a_file_is_written_byte_for_byte_like_an_official_one() -> None:
    """cli 5: byte-order mark, sorted keys, lower-case booleans, no final line break."""
    settings = {"Tentacle.Services.NoListen": "true", "Octopus.Home": "/etc/octopus/W1", "Octopus.Proxy.ProxyHost": ""}

    assert render_configuration(settings) == (
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n'
        b'<octopus-settings xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xmlns:xsd="http://www.w3.org/2001/XMLSchema">\n'
        b'  <set key="Octopus.Home">/etc/octopus/W1</set>\n'
        b'  <set key="Octopus.Proxy.ProxyHost" />\n'
        b'  <set key="Tentacle.Services.NoListen">true</set>\n'
        b"</octopus-settings>"
    )


@given(st.dictionaries(XML_TEXT.filter(str.strip), XML_TEXT))
def test_what_is_written_is_read_again(settings: dict[str, str]) -> None:
    read = parse_configuration(render_configuration(settings))

    assert read == {key: value if value.strip() else "" for key, value in settings.items()}


def test_keys_match_in_any_case_and_are_not_doubled() -> None:
    configuration = Configuration({"octopus.HOME": "/a"})

    configuration.set(Key.HOME, "/b")

    assert configuration.stored == {"octopus.HOME": "/b"}


def test_a_blank_setting_is_the_default() -> None:
    assert Configuration({Key.PORT: " "}).find_number(Key.PORT) is None


@pytest.mark.parametrize(("text", "expected"), [("True", True), ("false", False), ("", True)])
def test_booleans_are_read_in_any_case(text: str, expected: bool) -> None:
    assert Configuration({Key.NO_LISTEN: text}).is_true(Key.NO_LISTEN, default=True) is expected


def test_a_setting_of_the_wrong_type_is_named() -> None:
    with pytest.raises(ConfigurationError, match="PortNumber is 'many'"):
        Configuration({Key.PORT: "many"}).find_number(Key.PORT)


def test_overrides_are_read_and_never_stored() -> None:
    configuration = Configuration({Key.PORT: "1"}, {Key.PORT: "2"})

    assert configuration.find_number(Key.PORT) == 2
    assert configuration.stored == {Key.PORT: "1"}


def test_the_environment_counts_only_when_asked_to(tmp_path: Path) -> None:
    environment = {"TENTACLE_SERVICE_PORT": "7"}

    assert list_overrides(environment, tmp_path) == {}
    assert list_overrides(environment | {"OCTOPUS_CONTRIBUTE_ENV_SETTINGS": "True"}, tmp_path) == {Key.PORT: "7"}


def test_the_environment_wins_over_an_env_file_above_the_program(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# ours\nTENTACLE_SERVICE_PORT=8\nOCTOPUS_HOME=/x\n")
    environment = {"TENTACLE_SERVICE_PORT": "7", "OCTOPUS_CONTRIBUTE_ENV_SETTINGS": "true"}

    assert list_overrides(environment, tmp_path / "bin") == {Key.PORT: "7", Key.HOME: "/x"}


def test_a_written_file_is_private_and_keeps_the_mode_it_is_given(tmp_path: Path) -> None:
    file = ConfigurationFile(tmp_path / "new" / "t.config")
    file.create_if_missing()
    first_mode = file.path.stat().st_mode & 0o777
    file.path.chmod(0o640)

    file.write(Configuration({Key.HOME: "/x"}))

    assert (first_mode, file.path.stat().st_mode & 0o777) == (0o600, 0o640)
    assert [one.name for one in file.path.parent.iterdir()] == ["t.config"]


@pytest.mark.parametrize("data", [b"", b"<a", b"<other/>"])
def test_a_damaged_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.config").write_bytes(data)

    with pytest.raises(ConfigurationError, match=r"t\.config is not readable"):
        ConfigurationFile(tmp_path / "t.config").read()
