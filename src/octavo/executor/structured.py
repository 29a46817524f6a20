"""Puts variables into structured files: where a variable is named like a node's path, the node gets its value.

`ConnectionStrings:0:Name` is the member `Name` of the first entry of `ConnectionStrings`, in any case. Nodes are
replaced, never added; variables of the server's own (`Octopus…`) are left aside. JSON and `.properties` files.
Source: script-execution.md §5.11.
"""

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octavo.executor.messages import say, tell, warn
from octavo.executor.scripts import StepRefused
from octavo.executor.substitute import entries
from octavo.executor.text_files import TextFile, matching_files, read_text_file

_PREFIX = "Octopus.Action.Package.JsonConfigurationVariables"
FEATURE = "octopus.features.jsonconfigurationvariables"
DEEPEST = 200
_UNREADABLE = {".yaml": "YAML", ".yml": "YAML", ".xml": "XML"}
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
#: A string, or what JSON does not allow but such files hold: comments, and commas before a closing bracket.
_LENIENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[}\]])', re.DOTALL)
#: Numbers travel as marked strings, so that they are written as they were read. No file can know the mark.
_MARK = f"octavo-number-{secrets.token_hex(16)}:"


def replaces_structured(variables: Mapping[str, str]) -> bool:
    """Whether the step wants variables put into structured files."""
    features = {each.strip().lower() for each in variables.get("Octopus.Action.EnabledFeatures", "").split(",")}
    return FEATURE in features or variables.get(f"{_PREFIX}Enabled", "").lower() == "true"


def replace_in_structured_files(folder: Path, variables: Mapping[str, str]) -> None:
    """Put variables into the structured files that the step names, below the folder.

    Raises:
        StepRefused: a file is in no format that can be read, or in one that we do not read.
    """
    wanted = {name.lower(): value for name, value in variables.items() if _is_for_files(name)}
    for pattern in entries(variables.get(f"{_PREFIX}Targets", ""), "\n"):
        if (folder / pattern).is_dir():
            warn(f"'{pattern}' is a folder; name the files in it.")
            continue
        found = list(matching_files(folder, pattern))
        if not found:
            warn(f"No file matches '{pattern}', in which variables were to be put.")
        for path in found:
            count = _replace_in(read_text_file(path), variables, wanted)
            text = f"Put {count} variables into {path}"
            say(text) if count else tell(f"No variable is named like a part of {path}.")


def _is_for_files(name: str) -> bool:
    return not name.lower().startswith("octopus") or name.lower().startswith("octopus:")


def _replace_in(file: TextFile, variables: Mapping[str, str], wanted: Mapping[str, str]) -> int:
    extension = file.path.suffix.lower()
    if extension == ".properties":
        return _replace_in_properties(file, variables)
    try:
        document = _read_json(file.text)
    except (ValueError, RecursionError) as error:
        kind = _UNREADABLE.get(extension)
        if kind is not None:
            raise StepRefused(f"{file.path} is {kind}, which Octavo does not change yet. Leave it out.") from error
        raise StepRefused(f"{file.path} cannot be read as JSON: {error}. Mend it, or leave it out.") from error
    replacement = _Replacement(wanted)
    changed = replacement.of(document, "", 0)
    if replacement.count:
        newline = "\r\n" if "\r\n" in file.text else "\n"
        end = newline if file.text.endswith("\n") else ""
        file.replace(_write_json(changed).replace("\n", newline) + end)
    return replacement.count


# ---- JSON ------------------------------------------------------------------------------------------------------------


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
    lenient = _LENIENT.sub(lambda found: found[1] or "", text)
    return json.loads(lenient, parse_int=_marked, parse_float=_marked, parse_constant=_refused)


def _marked(number: str) -> str:
    return _MARK + number


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _write_json(document: Any) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return re.sub(f'"{_MARK}([^"]*)"', r"\1", text)


# ---- Properties ------------------------------------------------------------------------------------------------------


def _replace_in_properties(file: TextFile, variables: Mapping[str, str]) -> int:
    """Exact keys; everything else of the file stays, byte by byte."""
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
