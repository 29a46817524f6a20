"""The page of the command `tentacle` says what the commands are."""

import shlex

import pytest

from docs.tentacle_reference import EXAMPLES, PAGE, render_page
from octavo.agent.command_line import parse_arguments, strip_options
from octavo.agent.program import COMMAND_BY_NAME, COMMON_OPTIONS


def test_the_page_is_what_the_commands_make_of_it() -> None:
    assert PAGE.read_text() == render_page(), "run `make docs`"


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_a_command_line_that_the_command_understands(name: str) -> None:
    program, command, *rest = shlex.split(EXAMPLES[name])
    _, own = strip_options(COMMON_OPTIONS, rest)

    parsed = parse_arguments(COMMAND_BY_NAME[command].options, own)

    assert (program, command) == ("tentacle", name)
    assert parsed.leftovers == () or COMMAND_BY_NAME[command].takes_anything
