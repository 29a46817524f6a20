"""Versions: what parses, how they are ordered, ranges."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.executor.versions import find_version, newest_first, parse_range, parse_version

NUMBERS = st.integers(0, 10**12)
LABELS = st.from_regex(r"[0-9A-Za-z-]{1,6}", fullmatch=True)


@st.composite
def version_texts(draw: st.DrawFn) -> str:
    text = ".".join(str(number) for number in draw(st.lists(NUMBERS, min_size=1, max_size=4)))
    labels = draw(st.lists(LABELS, max_size=4))
    return text + ("-" + ".".join(labels) if labels else "") + draw(st.sampled_from(["", "+build.7", "+a-b"]))


def reference_key(text: str) -> tuple[object, ...]:
    """The order as FOUNDATIONS §18 states it, by tuples."""
    match = re.fullmatch(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?(?:-([^+]+))?(?:\+.*)?", text)
    assert match is not None
    numbers = tuple(int(number or 0) for number in match.groups()[:4])
    if match[5] is None:
        return (numbers, (1,))
    labels = (((0, int(label), "") if label.isdigit() else (1, 0, label.lower())) for label in match[5].split("."))
    return (numbers, (0, tuple(labels)))


def test_the_sample_order_of_semver_holds() -> None:
    samples = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
               "1.0.0-rc.1", "1.0.0", "1.0.0.1", "1.2", "1.10", "2024.01.05"]  # fmt: skip

    assert all(parse_version(older) < parse_version(newer) for older, newer in itertools.pairwise(samples))


@pytest.mark.parametrize(
    ("one", "other"), [("1.0", "1.0.0"), ("v1.2.3", "1.2.3"), ("1.0.0-RC.1", "1.0.0-rc.1"), ("1.0.0+a", "1.0.0+b")]
)
def test_versions_that_are_equal(one: str, other: str) -> None:
    assert parse_version(one) == parse_version(other)
    assert hash(parse_version(one)) == hash(parse_version(other))


def test_the_original_text_is_kept() -> None:
    assert parse_version(" 2024.01.05-Beta+x ").text == "2024.01.05-Beta+x"


@pytest.mark.parametrize("text", ["", "x", "1.2.3.4.5", "1.0-", "1.0+", "1..0", "1.0-a..b", "1.0\n2", "٣.0", "1" * 257])
def test_texts_that_are_no_versions(text: str) -> None:
    assert find_version(text) is None
    with pytest.raises(ValueError, match="not a version"):
        parse_version(text)


@given(version_texts(), version_texts())
def test_the_sort_key_orders_as_the_reference_does(one: str, other: str) -> None:
    assert (parse_version(one) < parse_version(other)) == (reference_key(one) < reference_key(other))
    assert (parse_version(one) == parse_version(other)) == (reference_key(one) == reference_key(other))


def test_newest_first() -> None:
    versions = [parse_version(text) for text in ("1.0", "2.0-a", "2.0")]

    assert [version.text for version in newest_first(versions)] == ["2.0", "2.0-a", "1.0"]


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.0", ["1.0", "9"], ["1.0-a", "0.9"]),
        ("[1.0]", ["1.0.0"], ["1.0.1"]),
        ("[1.0,2.0)", ["1.0", "1.9", "2.0-a"], ["2.0"]),
        ("(1.0, 2.0]", ["2.0"], ["1.0"]),
        ("(,2.0)", ["0.1"], ["2"]),
        ("[1.0,)", ["1.0", "7"], ["0.9"]),
    ],
)
def test_ranges(text: str, inside: list[str], outside: list[str]) -> None:
    assert all(parse_version(version) in parse_range(text) for version in inside)
    assert not any(parse_version(version) in parse_range(text) for version in outside)


@pytest.mark.parametrize("text", ["", "(1.0)", "[1,2,3]", "[1.0", "[x]"])
def test_texts_that_are_no_ranges(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        parse_range(text)
