"""domain/version_rules.py: channels, next versions, package specifications."""

import pytest

from octavo.base.errors import Invalid
from octavo.executor.versions import parse_version
from octavo.server.domain.version_rules import (
    ChannelRule,
    PackageChoice,
    chosen_version,
    next_version,
    parse_package_choice,
    rule_for,
    rules_of,
    satisfies,
)

DEFAULT = "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.#{Octopus.Version.NextPatch}"


@pytest.mark.parametrize(
    ("template", "known", "expected"),
    [
        (DEFAULT, [], "0.0.1"),
        (DEFAULT, ["1.2.3", "1.10.0", "0.9.9"], "1.10.1"),
        ("2.0.i", ["2.0.7"], "2.0.8"),
        ("1.c.i", ["1.4.7"], "1.4.8"),
        ("", ["1.2.3"], "1.2.4"),
        ("", [], "0.0.1"),
        (DEFAULT + "-#{Octopus.Release.Channel.Name}", ["1.0.0"], "1.0.1-Beta"),
    ],
)
def test_the_next_version(template: str, known: list[str], expected: str) -> None:
    assert next_version(template, known, "Beta") == expected


def test_a_template_that_gives_no_version_is_named() -> None:
    with pytest.raises(Invalid, match="gives 'hello'"):
        next_version("hello", [])


@pytest.mark.parametrize(
    ("version", "is_in"), [("1.0.0", True), ("1.9.0-rc.1", False), ("2.0.0", False), ("0.9.0", False)]
)
def test_channel_rules(version: str, is_in: bool) -> None:
    document = {"Rules": [{"VersionRange": "[1.0,2.0)", "Tag": "^$", "ActionPackages": [{"DeploymentAction": "Step"}]}]}
    rule = rule_for(rules_of(document), "STEP", "")

    assert rule is not None
    assert satisfies(rule, parse_version(version)) is is_in


def test_a_rule_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Invalid, match="cannot be used"):
        satisfies(ChannelRule("[1.0", "", frozenset()), parse_version("1.0"))


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("Step:1.0.0", PackageChoice("Step", "*", "1.0.0")),
        ("Hello=1.0.0-beta", PackageChoice("Hello", "*", "1.0.0-beta")),
        ("Step 1/ref/2.0", PackageChoice("Step 1", "ref", "2.0")),
        ("*:1.0", PackageChoice("*", "*", "1.0")),
        (":1.0", PackageChoice("*", "*", "1.0")),
        (r"a\:b:1.0", PackageChoice("a:b", "*", "1.0")),
    ],
)
def test_package_specifications(text: str, choice: PackageChoice) -> None:
    assert parse_package_choice(text) == choice


@pytest.mark.parametrize("text", ["", "1.0", "a:b:c:1.0", "Step:", "Step:latest"])
def test_what_is_no_package_specification_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="should look like"):
        parse_package_choice(text)


def test_the_most_exact_choice_wins() -> None:
    choices = [PackageChoice("*", "*", "1"), PackageChoice("Step", "*", "2"), PackageChoice("Step", "ref", "3")]

    assert chosen_version(choices, "9", "Step", "ref", "Hello") == "3"
    assert chosen_version(choices, "9", "Step", "", "Hello") == "2"
    assert chosen_version(choices, "9", "Other", "", "Hello") == "1"
    assert chosen_version([], "9", "Other", "", "Hello") == "9"
    assert chosen_version([], "", "Other", "", "Hello") is None
