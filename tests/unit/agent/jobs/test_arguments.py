r"""Source: tentacle-services.md §6.3."""

import pytest

from octavo.agent.jobs.arguments import split_arguments


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("  a \t b ", ["a", "b"]),
        ('"c d" e', ["c d", "e"]),
        ('""', [""]),
        (r"a\b\\c", [r"a\b\\c"]),
        (r"e\"f", ['e"f']),
        (r'"a\\" b', ["a\\", "b"]),
        (r"a\\\"b", ['a\\"b']),
        ('"a""b"', ['a"b']),
        ("'x y' $z *", ["'x", "y'", "$z", "*"]),
        ('a"b c"d', ["ab cd"]),
        ('"open end', ["open end"]),
        ("end\\", ["end\\"]),
    ],
)
def test_a_line_splits_as_the_windows_runtime_does(line: str, words: list[str]) -> None:
    """services 16: the splitter, rule by rule."""
    assert split_arguments([line]) == words


def test_arguments_are_joined_before_they_are_split() -> None:
    """services 16: no quoting is added."""
    assert split_arguments(["a b", '"c d"', r"e\"f"]) == ["a", "b", "c d", 'e"f']
