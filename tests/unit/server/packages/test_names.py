"""Names of package files."""

import pytest

from octavo.base.errors import Invalid
from octavo.server.packages.names import parse_file_name


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
