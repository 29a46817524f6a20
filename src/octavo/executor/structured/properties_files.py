"""Puts variables into `.properties` files: exact keys; everything else of the file stays, byte by byte.

Source: script-execution.md §5.11.
"""

import re
from collections.abc import Iterator, Mapping

from octavo.executor.text_files import TextFile


def replace_in_properties(file: TextFile, variables: Mapping[str, str]) -> int:
    """Put the variables into the file; how many found a place."""
    pieces, count = [], 0
    for line in _logical_lines(file.text):
        found = re.fullmatch(r"(\s*)((?:\\.|[^\\\s=:#!])(?:\\.|[^\\\s=:])*)(\s*[=:]?\s*)(.*?)(\r?\n?)", line, re.DOTALL)
        key = re.sub(r"\\(.)", r"\1", found[2], flags=re.DOTALL) if found else ""
        if found and key in variables and not key.startswith("Octopus"):
            separator = found[3] or "="
            pieces.append(f"{found[1]}{found[2]}{separator}{_escaped(variables[key])}{found[5]}")
            count += 1
        else:
            pieces.append(line)
    if count:
        file.replace("".join(pieces))
    return count


def _logical_lines(text: str) -> Iterator[str]:
    """Lines with those that a backslash joins to them."""
    pending = ""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        pending += line
        is_comment = pending.lstrip()[:1] in ("#", "!")
        slashes = re.search(r"(\\*)\r?\n?$", line)
        if is_comment or slashes is None or len(slashes[1]) % 2 == 0:
            yield pending
            pending = ""
    if pending:
        yield pending


def _escaped(value: str) -> str:
    text = value.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    text = re.sub(r"^ ", r"\\ ", text)
    encoded = text.encode("utf-16-be")
    units = [int.from_bytes(encoded[place : place + 2]) for place in range(0, len(encoded), 2)]
    return "".join(chr(unit) if unit < 0xFF else f"\\u{unit:04X}" for unit in units)
