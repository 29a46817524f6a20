"""The parser of a script's output."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octavo.server.domain.service_messages import LABEL, Level, Line, OutputReader, ServiceMessage, Stream

XML_NAMES = st.from_regex(r"[a-z][a-z0-9_.\-]{0,8}", fullmatch=True)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_message(name: str, /, **attributes: str) -> str:
    return f"{LABEL}{name}" + "".join(f" {key}='{encoded(value)}'" for key, value in attributes.items()) + "]"


def read(text: str, stream: Stream = Stream.STDOUT) -> list[Line | ServiceMessage]:
    return OutputReader().read_line(stream, text)


def test_a_message_is_read_and_its_line_is_not_logged() -> None:
    """script-execution 1: `Foo`=`Bar` arrives, the line does not."""
    assert read("##octopus[setVariable name='Rm9v' value='QmFy']") == [
        ServiceMessage("setVariable", {"name": "Foo", "value": "Bar"})
    ]


def test_order_quotes_and_case_of_attributes_do_not_matter() -> None:
    """script-execution 2: the name's case does."""
    assert read("##octopus[setvariable VALUE=\"QmFy\"   Name='Rm9v' ]") == [
        ServiceMessage("setvariable", {"value": "Bar", "name": "Foo"})
    ]


def test_text_around_messages_is_logged_as_lines_of_its_own() -> None:
    """script-execution 3: and two messages on a line both act."""
    line = f"before {a_message('mask', value='x')}between{a_message('mask', value='y')}after"

    assert read(line) == [
        Line(Level.INFO, "before "),
        ServiceMessage("mask", {"value": "x"}),
        Line(Level.INFO, "between"),
        ServiceMessage("mask", {"value": "y"}),
        Line(Level.INFO, "after"),
    ]


def test_an_unclosed_message_is_text() -> None:
    """script-execution 4."""
    assert read("##octopus[mask value='") == [Line(Level.INFO, "##octopus[mask value='")]


@pytest.mark.parametrize(
    "body",
    [
        "",
        " mask",
        "9x",
        "mask value=eA==",
        "mask value='e'",
        "mask value='é'",
        "mask a='' a=''",
        "mask a=''b=''",
        "m /",
    ],
)
def test_a_malformed_message_becomes_a_warning(body: str) -> None:
    """script-execution 4."""
    assert read(f"a{LABEL}{body}]b") == [
        Line(Level.INFO, "a"),
        Line(Level.WARNING, f"Could not parse '{LABEL}{body}]'"),
        Line(Level.INFO, "b"),
    ]


def test_an_empty_value_is_a_value() -> None:
    """script-execution 6."""
    assert read("##octopus[setVariable name='Rm9v' value='']") == [
        ServiceMessage("setVariable", {"name": "Foo", "value": ""})
    ]


@pytest.mark.parametrize(
    "value", ["line\nbreak\r\n", "'\"]", "🐙", "x" * 2**20], ids=["lines", "quotes", "emoji", "MiB"]
)
def test_awkward_values_survive(value: str) -> None:
    """script-execution 7."""
    assert read(a_message("setVariable", name="A", value=value)) == [
        ServiceMessage("setVariable", {"name": "A", "value": value})
    ]


def test_a_mode_holds_for_its_stream_until_the_next_switch() -> None:
    """script-execution 8."""
    reader = OutputReader()

    assert reader.read_line(Stream.STDOUT, "##octopus[stdout-verbose]") == []
    assert reader.read_line(Stream.STDOUT, "a") == [Line(Level.VERBOSE, "a")]
    assert reader.read_line(Stream.STDOUT, "") == [Line(Level.VERBOSE, "")]
    assert reader.read_line(Stream.STDERR, "b") == [Line(Level.ERROR, "b")]
    assert reader.read_line(Stream.STDOUT, "c##octopus[stdout-default]d") == [
        Line(Level.VERBOSE, "c"),
        Line(Level.INFO, "d"),
    ]


def test_ignored_lines_are_dropped_but_their_messages_act() -> None:
    """script-execution 9."""
    reader = OutputReader()
    reader.read_line(Stream.STDOUT, "##octopus[stdout-ignore]")

    assert reader.read_line(Stream.STDOUT, "a") == []
    assert reader.read_line(Stream.STDOUT, "a" + a_message("mask", value="x")) == [
        ServiceMessage("mask", {"value": "x"})
    ]


@pytest.mark.parametrize(
    ("switch", "level"),
    [("warning", Level.WARNING), ("error", Level.ERROR), ("highlight", Level.HIGHLIGHT), ("wait", Level.WAIT)],
)
def test_stdout_has_more_modes(switch: str, level: Level) -> None:
    """script-execution 10: `stdout-error` is only a level; nothing here fails a step."""
    reader = OutputReader()
    reader.read_line(Stream.STDOUT, f"##octopus[stdout-{switch}]")

    assert reader.level(Stream.STDOUT) is level


def test_progress_on_stderr_is_verbose() -> None:
    """script-execution 11."""
    reader = OutputReader()
    reader.read_line(Stream.STDERR, "##octopus[stderr-progress]")

    assert reader.read_line(Stream.STDERR, "10 %") == [Line(Level.VERBOSE, "10 %")]


def test_messages_on_stderr_are_read_too() -> None:
    """script-execution 12."""
    assert read(a_message("mask", value="secret"), Stream.STDERR) == [ServiceMessage("mask", {"value": "secret"})]


def test_a_new_script_starts_in_the_default_modes() -> None:
    """script-execution 15."""
    OutputReader().read_line(Stream.STDOUT, "##octopus[stdout-verbose]")

    assert read("a") == [Line(Level.INFO, "a")]


def test_a_hostile_line_is_read_in_linear_time() -> None:
    line = LABEL * 200_000 + "]" + "##octopus[a " + " " * 1_000_000 + "x]"

    assert [type(item) for item in read(line)] == [Line, Line]


@given(st.text())
def test_no_line_breaks_the_reader(text: str) -> None:
    read(text.replace("\n", ""))


@given(XML_NAMES, st.dictionaries(XML_NAMES, st.text()))
def test_every_message_comes_back(name: str, attributes: dict[str, str]) -> None:
    if not name.startswith(("stdout-", "stderr-")):
        assert read(a_message(name, **attributes)) == [ServiceMessage(name, attributes)]
