"""Names of package files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.base.errors import Invalid
from octavo.server.packages.names import cache_name, parse_file_name


@pytest.mark.parametrize(
    ("file_name", "package_id", "version", "extension"),
    [
        ("Acme.Web.1.2.3.zip", "Acme.Web", "1.2.3", ".zip"),
        ("Acme.1.2.3.4.tar.gz", "Acme", "1.2.3.4", ".tar.gz"),
        ("app2.0.1.zip", "app2", "0.1", ".zip"),
        ("my_pkg-1.2.3.zip", "my_pkg-1", "2.3", ".zip"),
        ("Foo.7.1.0.0.jar", "Foo", "7.1.0.0", ".jar"),
        ("Hello.1.0.0-beta.1+build.5.NUPKG", "Hello", "1.0.0-beta.1+build.5", ".nupkg"),
        ("a.1.tgz", "a", "1", ".tgz"),
    ],
)
def test_names_are_read(file_name: str, package_id: str, version: str, extension: str) -> None:
    """script-execution 65."""
    name = parse_file_name(file_name)

    assert (name.package_id, name.version.text, name.extension) == (package_id, version, extension)


@pytest.mark.parametrize(
    "file_name",
    [
        "Acme.1.2.3.4.5.zip",
        "Acme.zip",
        "Acme.1.0.0",
        "Acme.1.0.0.exe",
        "",
        "../Acme.1.0.zip",
        "A b.1.0.zip",
    ],
)
def test_names_that_tell_nothing_are_refused(file_name: str) -> None:
    """script-execution 65."""
    with pytest.raises(Invalid, match="does not tell"):
        parse_file_name(file_name)


def test_a_hostile_name_is_refused_quickly() -> None:
    with pytest.raises(Invalid):
        parse_file_name("a-" * 140 + ".zip")


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_cache_names_can_be_taken_apart_again(package_id: str, version: str) -> None:
    """script-execution 65: ids with `@`, `/`, `%`, blanks, unicode."""
    name = cache_name(package_id, version, ".tar.gz", "0" * 32)

    parts = name.split("@")
    assert (len(parts), parts[2]) == (3, "0" * 32 + ".tar.gz")
    assert not set(name) & set('<>:"/\\|?')
    assert _unescape(parts[0]) == package_id
    assert _unescape(parts[1].removeprefix("S")) == version


def _unescape(text: str) -> str:
    for character in '<>:"/\\|?@%':
        text = text.replace(f"%{ord(character):02X}", character)
    return text
