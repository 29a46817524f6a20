r"""Splits a line of arguments as the original agent's runtime does: the rules of the Windows C runtime, no shell.

Blanks and tabs separate; `"…"` groups; before a quote `2n` backslashes are `n` and the quote works, `2n+1` are `n` and
a quote in the text; elsewhere backslashes are themselves; `""` inside quotes is a quote.

Source: tentacle-services.md §6.3.
"""

from collections.abc import Sequence


def split_arguments(arguments: Sequence[str]) -> list[str]:
    """What the script receives as `$1`, `$2`, … when the command carries these arguments."""
    line = " ".join(arguments)
    words: list[str] = []
    position = _skip_blanks(line, 0)
    while position < len(line):
        word, position = _take_word(line, position)
        words.append(word)
        position = _skip_blanks(line, position)
    return words


def _skip_blanks(line: str, position: int) -> int:
    while position < len(line) and line[position] in " \t":
        position += 1
    return position


def _take_word(line: str, position: int) -> tuple[str, int]:
    word: list[str] = []
    is_quoted = False
    while position < len(line):
        backslashes = 0
        while position < len(line) and line[position] == "\\":
            backslashes += 1
            position += 1
        if position < len(line) and line[position] == '"':
            word.append("\\" * (backslashes // 2))
            if backslashes % 2:
                word.append('"')
            elif is_quoted and line[position + 1 : position + 2] == '"':
                word.append('"')
                position += 1
            else:
                is_quoted = not is_quoted
            position += 1
            continue
        word.append("\\" * backslashes)
        if position == len(line) or (not is_quoted and line[position] in " \t"):
            break
        if line[position] != "\\":
            word.append(line[position])
            position += 1
    return "".join(word), position
