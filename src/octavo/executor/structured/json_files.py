"""Puts variables into JSON files; what the file holds keeps its type where the variable's text allows it.

Written anew with two blanks of indentation; numbers are written as they were read. Source: script-execution.md §5.11.
"""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from octavo.executor.messages import warn
from octavo.executor.text_files import TextFile

DEEPEST = 200
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
#: A string, or a comment, which JSON does not allow but such files hold. What is not closed reaches to the end: each
#: place is read once, however hostile the file.
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*"?)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
#: The same with commas before a closing bracket.
_COMMA = re.compile(r'("(?:[^"\\]|\\.)*"?)|,(?=\s*[}\]])', re.DOTALL)
#: Numbers travel as marked strings, so that they are written as they were read. No file can know the mark.
_MARK = f"octavo-number-{secrets.token_hex(16)}:"


def replace_in_json(file: TextFile, variables: Mapping[str, str]) -> int:
    """Put the variables into the file; how many found a place.

    Raises:
        ValueError: the file is no JSON.
    """
    try:
        document = _read_json(file.text)
        replacement = _Replacement({name.lower(): value for name, value in variables.items()})
        changed = replacement.of(document, "", 0)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    if replacement.count:
        newline = "\r\n" if "\r\n" in file.text else "\n"
        end = newline if file.text.endswith("\n") else ""
        file.replace(_write_json(changed).replace("\n", newline) + end)
    return replacement.count


@dataclass(slots=True)
class _Replacement:
    """Walks through a document and counts what it replaced."""

    wanted: Mapping[str, str]
    count: int = 0

    def of(self, node: Any, path: str, depth: int) -> Any:
        """The node with what variables say."""
        if depth > DEEPEST:
            raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        if path and path.lower() in self.wanted:
            value = self._value(node, path, self.wanted[path.lower()])
            if value is not _UNCHANGED:
                self.count += 1
                return value
        below = f"{path}:" if path else ""
        if isinstance(node, dict):
            return {name: self.of(each, f"{below}{name}", depth + 1) for name, each in node.items()}
        if isinstance(node, list):
            return [self.of(each, f"{below}{number}", depth + 1) for number, each in enumerate(node)]
        return node

    def _value(self, node: Any, path: str, text: str) -> Any:
        """The variable's text as what the node is."""
        if isinstance(node, dict | list):
            try:
                return _read_json(text)
            except ValueError:
                warn(f"The value for {path} is no JSON, but an object or list stands there: it stays as it is.")
                return _UNCHANGED
        if isinstance(node, bool) and text.strip().lower() in ("true", "false"):
            return text.strip().lower() == "true"
        if isinstance(node, str) and node.startswith(_MARK) and _NUMBER.fullmatch(text.strip()):
            return _MARK + text.strip()
        return text


_UNCHANGED = object()


def _read_json(text: str) -> Any:
    if not text.strip():
        return {}
    lenient = _COMMA.sub(_string_only, _COMMENT.sub(_string_only, text))
    return json.loads(lenient, parse_int=_marked, parse_float=_marked, parse_constant=_refused)


def _string_only(found: re.Match[str]) -> str:
    return found[1] or ""


def _marked(number: str) -> str:
    return _MARK + number


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _write_json(document: Any) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return re.sub(f'"{_MARK}([^"]*)"', r"\1", text)
