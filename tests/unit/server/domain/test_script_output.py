"""From an agent's entries to stored lines."""

import base64
from itertools import pairwise

from octavo.server.domain.script_effects import SetFailureText
from octavo.server.domain.script_output import ScriptOutput
from octavo.server.domain.task_log import Entry, Line

TIME = "2026-01-02T03:04:05.000+00:00"


def entries(*texts: str, source: str = "stdout") -> list[Entry]:
    return [Entry(source, TIME, text) for text in texts]


def message(name: str, /, **attributes: str) -> str:
    encoded = "".join(f" {key}='{base64.b64encode(value.encode()).decode()}'" for key, value in attributes.items())
    return f"##octopus[{name}{encoded}]"


def test_plain_lines_get_the_level_of_their_stream() -> None:
    batch = ScriptOutput().feed([*entries("a"), *entries("b", source="stderr"), *entries("c", source="debug")], 1)

    assert [(line.category, line.text) for line in batch.lines] == [("Info", "a"), ("Error", "b"), ("Verbose", "c")]
    assert batch.next_sequence == 3


def test_lines_that_are_stored_already_are_dropped() -> None:
    resumed = ScriptOutput(stored=2)

    batch = resumed.feed(entries("a", "b", "c"), 1)

    assert [line.text for line in batch.lines] == ["c"]
    assert batch.next_sequence == 3


def test_modes_and_requests_act_and_leave_no_line() -> None:
    output = ScriptOutput()

    first = output.feed(entries(message("stdout-warning"), "a", message("resultMessage", message="why")), 1)
    second = output.feed(entries("b"), 4)

    assert first.lines == [Line("Warning", TIME, "a")]
    assert first.effects == [SetFailureText("why")]
    assert [line.category for line in second.lines] == ["Warning"]


def test_a_sensitive_output_is_hidden_from_the_next_line_on_also_on_stderr() -> None:
    """script-execution 64"""
    announced = message("setVariable", name="A", value="hunter22", sensitive="True")
    batch = ScriptOutput().feed([*entries(announced, "a hunter22"), *entries("b hunter22", source="stderr")], 1)

    assert [line.text for line in batch.lines] == ["a ********", "b ********"]


def test_a_secret_that_stderr_announces_is_hidden_on_both_streams() -> None:
    """script-execution 12: and the message itself leaves no line."""
    announced = entries(message("mask", value="hunter22"), "a hunter22", source="stderr")

    batch = ScriptOutput().feed([*announced, *entries("b hunter22")], 1)

    assert [(line.category, line.text) for line in batch.lines] == [("Error", "a ********"), ("Info", "b ********")]


def test_a_secret_is_hidden_from_the_line_that_follows_its_announcement() -> None:
    output = ScriptOutput()

    batch = output.feed(entries(message("mask", value="hunter22"), "my hunter22!"), 1)

    assert [line.text for line in batch.lines] == ["my ********!"]


def test_the_cursor_never_passes_a_line_that_is_held_back() -> None:
    output = ScriptOutput()
    output.feed(entries(message("mask", value="first\nsecond")), 1)

    held = output.feed([*entries("first"), *entries("other", source="stderr")], 2)
    released = output.feed(entries("third"), 4)

    assert (list(held.lines), held.next_sequence) == ([], 1)
    assert [line.text for line in released.lines] == ["first", "other", "third"]
    assert released.next_sequence == 4


def test_the_end_releases_what_was_held_back() -> None:
    output = ScriptOutput()
    output.feed(entries(message("mask", value="first\nsecond"), "first"), 1)

    last = output.feed((), 3, is_last=True)

    assert [line.text for line in last.lines] == ["first"]
    assert last.next_sequence == 2


def test_however_the_log_is_cut_into_answers_the_lines_are_the_same() -> None:
    log = entries("a", message("stdout-verbose"), "b", message("mask", value="secret-value"), "secret-value", "c")
    whole = list(ScriptOutput().feed(log, 1, is_last=True).lines)

    for cut in range(len(log) + 1):
        output, parts = ScriptOutput(), list[Line]()
        for start, end in pairwise([0, cut, len(log)]):
            parts += output.feed(log[start:end], start + 1).lines
        assert parts == whole
