"""Maven's coordinates and metadata, read."""

import pytest

from octavo.server.feeds.documents import read_xml
from octavo.server.feeds.maven import Coordinates, find_build, find_coordinates, versions_in

SNAPSHOT = read_xml(b"""<metadata><version>1.2-SNAPSHOT</version><versioning>
  <snapshot><timestamp>20260102.030405</timestamp><buildNumber>7</buildNumber></snapshot>
  <snapshotVersions>
    <snapshotVersion><extension>jar</extension><value>1.2-20260102.030405-7</value></snapshotVersion>
    <snapshotVersion><classifier>sources</classifier><extension>jar</extension><value>1.2-x-6</value></snapshotVersion>
    <snapshotVersion><extension>zip</extension><value>../../up</value></snapshotVersion>
  </snapshotVersions></versioning></metadata>""")


@pytest.mark.parametrize(
    ("package_id", "expected"),
    [
        ("com.acme:web", Coordinates("com.acme", "web")),
        ("com.acme:web-app:war", Coordinates("com.acme", "web-app", "war")),
        ("com.acme:web:tar.gz:linux-x64", Coordinates("com.acme", "web", "tar.gz", "linux-x64")),
        ("com.acme", None),
        ("com..acme:web", None),
        ("com.acme:..", None),
        ("com.acme:web:", None),
        ("com/acme:web", None),
        ("a:b:c:d:e", None),
    ],
)
def test_an_id_spells_coordinates(package_id: str, expected: Coordinates | None) -> None:
    assert find_coordinates(package_id) == expected


def test_the_group_is_a_path() -> None:
    assert Coordinates("com.acme", "web.app").folders == ("com", "acme", "web.app")


def test_versions_that_could_lead_elsewhere_are_left_out() -> None:
    metadata = read_xml(
        b"<metadata><versioning><versions><version>1.0</version><version>../1.1</version><version/>"
        b"<version>1.0-rc1</version></versions></versioning></metadata>"
    )

    assert versions_in(metadata) == ["1.0", "1.0-rc1"]


@pytest.mark.parametrize(
    ("packaging", "classifier", "expected"),
    [
        ("jar", "", "1.2-20260102.030405-7"),
        ("jar", "sources", "1.2-x-6"),
        ("war", "", "1.2-20260102.030405-7"),
        ("zip", "", None),
    ],
)
def test_a_snapshot_has_a_build_for_each_file(packaging: str, classifier: str, expected: str | None) -> None:
    assert find_build(SNAPSHOT, packaging, classifier) == expected


def test_metadata_without_builds_names_none() -> None:
    assert find_build(read_xml(b"<metadata><version>1.2-SNAPSHOT</version></metadata>"), "jar", "") is None
