"""Maven's order of versions: the examples of its specification, and that it is an order at all."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.maven_versions import MavenVersion

WORDS = ["alpha", "beta", "milestone", "rc", "cr", "snapshot", "final", "ga", "release", "sp", "a", "b", "m", "foo",
         "xyz", "0", "00", "1", "2", "10", ""]  # fmt: skip


@st.composite
def version_texts(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from(WORDS), max_size=5))
    return "".join(word + draw(st.sampled_from([".", "-", ""])) for word in words)


VERSIONS = version_texts().map(MavenVersion)


@pytest.mark.parametrize(
    "ascending",
    [
        "1 1.1",
        "1-snapshot 1 1-sp",
        "1-foo2 1-foo10",
        "1.foo 1-1 1.1",
        "1-ga 1-sp",
        "1-ga.1 1-sp.1",
        "1-sp-1 1-ga-1",
        "1-alpha2snapshot 1-alpha2 1-alpha-123 1-beta-2 1-beta123 1-m2 1-m11 1-rc 1-cr2 1-rc123 1-SNAPSHOT 1 1-sp "
        "1-sp2 1-sp123 1-abc 1-def 1-pom-1 1-1-snapshot 1-1 1-2 1-123",
        "2.0 2.0.a 2-1 2.0.2 2.0.123 2.1.0 2.1-a 2.1b 2.1-c 2.1-1 2.1.0.1 2.2 2.123 11.a2 11.a11 11.b2 11.b11 11.m2 "
        "11.m11 11 11.a 11b 11c 11m",
        "1.0-alpha-1 1.0-beta-1 1.0-SNAPSHOT 1.0 1.0-1 1.1",
        "6.1.0rc3 6.1.0 6.1H.5-beta",
        "20190126.230843 1234567890.12345 123456789012345.1H.5-beta 12345678901234567890.1H.5-beta",
        "0-alpha 0 0-1 0.1 1",
        "2.0.1-xyz 2.0.1-123",
        "3.0.0.Beta2 3.0.0.CR1 3.0.0.Final 3.0.0.SP1 3.0.1.Final",
    ],
)
def test_versions_in_their_order(ascending: str) -> None:
    versions = [MavenVersion(text) for text in ascending.split()]

    assert [(a.text, b.text) for a, b in itertools.combinations(versions, 2) if not (a < b and b > a and a != b)] == []


@pytest.mark.parametrize(
    "alike",
    [
        "1 1.0 1.0.0 1-0 1.0-0 1. 1- 1.ga 1-ga 1.final 1-final 1GA 1RELEASE 1.0.0-0.0.0 01",
        "1-foo 1.foo 1foo 1.0.0-foo 1.0.0-foo.0.0 1-FOO",
        "1-a1 1-alpha-1 1alpha1 1.0.0a1 1-A1",
        "1-b2 1-beta-2",
        "1-m3 1-milestone-3",
        "1-cr 1-rc 1.CR",
        "1-1.foo-bar1baz-.1 1-1.foo-bar-1-baz-0.1",
        "1-0.alpha 1-alpha",
    ],
)
def test_versions_that_are_equal(alike: str) -> None:
    versions = [MavenVersion(text) for text in alike.split()]

    assert [version.text for version in versions if version != versions[0]] == []
    assert len({hash(version) for version in versions}) == 1


@pytest.mark.parametrize("text", ["", "-", "...", "²", "٣", "x" * 5000, "1" * 9000])
def test_any_text_is_a_version(text: str) -> None:
    assert MavenVersion(text) == MavenVersion(f" {text} ")


def test_a_snapshot_is_known_by_its_end() -> None:
    assert MavenVersion("1.0-SNAPSHOT").is_snapshot
    assert not MavenVersion("1.0-SNAPSHOT-1").is_snapshot
    assert not MavenVersion("1.0").is_snapshot


@given(VERSIONS, VERSIONS)
def test_of_two_versions_exactly_one_thing_holds(one: MavenVersion, other: MavenVersion) -> None:
    assert [one < other, one == other, one > other].count(True) == 1
    assert (one == other) == (len({one, other}) == 1)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_has_no_circles(one: MavenVersion, other: MavenVersion, third: MavenVersion) -> None:
    oldest, middle, newest = sorted([one, other, third])

    assert oldest <= middle <= newest
    assert oldest <= newest


@given(VERSIONS, st.sampled_from([".0", "-0", ".ga", "-final", "-", "."]))
def test_null_values_at_the_end_do_not_count(version: MavenVersion, nothing: str) -> None:
    assert MavenVersion(version.text + nothing) == version


@given(VERSIONS, st.sampled_from(["alpha", "beta-2", "rc1", "SNAPSHOT"]))
def test_what_is_before_a_release_is_older_than_it(version: MavenVersion, qualifier: str) -> None:
    assert MavenVersion(f"{version.text}-{qualifier}") < version
