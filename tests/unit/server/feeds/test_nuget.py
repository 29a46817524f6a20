"""NuGet's documents, read."""

import pytest

from octavo.executor.versions import parse_version
from octavo.server.feeds.feed import FeedVersion
from octavo.server.feeds.nuget import newest_first, normalised, packages_in, resources_in


def test_the_best_address_of_each_kind_is_taken() -> None:
    kinds = ["RegistrationsBaseUrl/3.4.0", "RegistrationsBaseUrl/3.6.0", "RegistrationsBaseUrl", "Other/9.9.9"]
    index = {"resources": [{"@id": f"/{number}", "@type": kind} for number, kind in enumerate(kinds)]}

    assert resources_in(index, "https://feed.example/v3/index.json") == {
        "RegistrationsBaseUrl": "https://feed.example/1",
        "Other": "https://feed.example/3",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", "1.0.0"),
        ("1.02.3", "1.2.3"),
        ("1.2.3.0", "1.2.3"),
        ("1.2.3.4", "1.2.3.4"),
        ("1.0-RC.1+build", "1.0.0-rc.1"),
    ],
)
def test_addresses_spell_versions_in_one_way(text: str, expected: str) -> None:
    assert normalised(parse_version(text)) == expected


def test_what_is_no_version_is_left_out() -> None:
    versions = [FeedVersion("A", text, ".nupkg") for text in ("1.9", "latest", "1.10", "")]

    assert [each.version for each in newest_first(versions)] == ["1.10", "1.9"]


@pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": [None, 1, {}, {"id": 7}]}])
def test_an_odd_answer_holds_no_packages(answer: dict[str, object]) -> None:
    assert packages_in(answer) == []
