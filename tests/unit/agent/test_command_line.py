"""The grammar of `tentacle`'s command lines."""

import pytest

from octavo.agent.command_line import (
    InvalidOption,
    Option,
    OptionKind,
    parse_arguments,
    parse_command_name,
    strip_options,
)

SERVER = Option(("server",), "")
FORCE = Option(("f", "force"), "", OptionKind.SWITCH)
HOST = Option(("h", "publicHostName"), "")
PORT = Option(("port",), "", OptionKind.NUMBER)
NO_LISTEN = Option(("noListen",), "", OptionKind.BOOLEAN)
OPTIONS = (SERVER, FORCE, HOST, PORT, NO_LISTEN)


@pytest.mark.parametrize(
    "line",
    [
        ["--server", "http://x"],
        ["--server=http://x"],
        ["--server:http://x"],
        ["/server=http://x"],
        ["-SERVER=http://x"],
    ],
)
def test_all_spellings_of_an_option_are_equal(line: list[str]) -> None:
    """cli 4"""
    parsed = parse_arguments(OPTIONS, line)

    assert (parsed.find_text("server"), parsed.leftovers) == ("http://x", ())


@pytest.mark.parametrize("first", ["version", "--version", "/VERSION", "-Version"])
def test_the_first_argument_names_the_command(first: str) -> None:
    assert parse_command_name(first) == "version"


def test_a_value_is_taken_as_it_is_even_with_a_dash() -> None:
    assert parse_arguments(OPTIONS, ["--server", "--force"]).find_text("server") == "--force"


@pytest.mark.parametrize(("spelling", "on"), [("--force", True), ("-f", True), ("--force+", True), ("--force-", False)])
def test_a_switch_is_turned_on_and_off(spelling: str, on: bool) -> None:
    assert parse_arguments(OPTIONS, [spelling]).is_on("force") is on


def test_a_switch_leaves_the_next_argument_alone() -> None:
    assert parse_arguments(OPTIONS, ["--force", "x"]).leftovers == ("x",)


def test_letters_are_bundled() -> None:
    parsed = parse_arguments(OPTIONS, ["-fhmyhost"])

    assert parsed.is_on("force")
    assert parsed.find_text("publicHostName") == "myhost"


def test_a_bundle_takes_its_value_from_the_next_argument() -> None:
    assert parse_arguments(OPTIONS, ["-fh", "myhost"]).find_text("h") == "myhost"


def test_a_bundle_with_an_unknown_letter_is_refused() -> None:
    with pytest.raises(InvalidOption, match="Cannot bundle unregistered option '-x'"):
        parse_arguments(OPTIONS, ["-fx"])


def test_two_dashes_end_the_options() -> None:
    parsed = parse_arguments(OPTIONS, ["--force", "--", "--server", "x"])

    assert parsed.leftovers == ("--server", "x")


def test_repeated_values_accumulate_and_the_last_one_wins() -> None:
    parsed = parse_arguments(OPTIONS, ["--server=a", "--server=b"])

    assert parsed.list_texts("server") == ("a", "b")
    assert parsed.find_text("server") == "b"


def test_what_nobody_knows_is_left_over() -> None:
    assert parse_arguments(OPTIONS, ["--unknown=x", "y"]).leftovers == ("--unknown=x", "y")


@pytest.mark.parametrize("line", [["--server"], ["--port=many"], ["--noListen=perhaps"], ["-h"]])
def test_a_missing_or_unreadable_value_is_refused(line: list[str]) -> None:
    with pytest.raises(InvalidOption):
        parse_arguments(OPTIONS, line)


def test_common_options_are_taken_out_first() -> None:
    common, rest = strip_options((Option(("console",), "", OptionKind.SWITCH),), ["--server", "x", "--console"])

    assert common.is_on("console")
    assert rest == ["--server", "x"]


def test_common_options_behind_two_dashes_stay() -> None:
    common, rest = strip_options((Option(("console",), "", OptionKind.SWITCH),), ["--", "--console"])

    assert not common.is_on("console")
    assert rest == ["--", "--console"]
