"""Puts variables into files: `#{Name}` and the rest of the template language, each file in the encoding it has.

What cannot be read as a template, or names nothing, stays as it is. Source: script-execution.md §3.5.8, §5.11.
"""

import codecs
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from octavo.executor.messages import say, warn
from octavo.executor.scripts import StepRefused
from octavo.executor.templates import ParseMode, TemplateError, Variables

_PREFIX = "Octopus.Action.SubstituteInFiles."
FEATURE = "octopus.features.substituteinfiles"
#: Longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def substitutes(variables: Mapping[str, str]) -> bool:
    """Whether the step wants variables put into files."""
    features = {each.strip().lower() for each in variables.get("Octopus.Action.EnabledFeatures", "").split(",")}
    return FEATURE in features or variables.get(f"{_PREFIX}Enabled", "").lower() == "true"


def substitute_in_files(folder: Path, variables: Mapping[str, str]) -> None:
    """Put variables into the files that the step names, below the folder and what else it names.

    Raises:
        StepRefused: a file cannot be written back in its encoding, or something stayed and the step minds.
    """
    known = Variables(variables)
    folders = [
        folder,
        *(Path(each.strip()) for each in _list(variables.get("Octopus.Action.AdditionalPaths", ""), ",")),
    ]
    minds_no_match = variables.get(f"{_PREFIX}EnableNoMatchWarning", "").lower() != "false"
    for pattern in _list(variables.get(f"{_PREFIX}TargetFiles", ""), "\n"):
        found = [file for each in folders for file in matching_files(each, pattern)]
        if not found and minds_no_match:
            warn(f"No file matches '{pattern}', in which variables were to be put.")
        for file in found:
            say(f"Putting variables into {file}")
            substitute_file(file, known)


def substitute_file(file: Path, variables: Variables) -> None:
    """Put variables into one file.

    Raises:
        StepRefused: as `substitute_in_files`.
    """
    raw = file.read_bytes()
    mark, encoding = _encoding_of(raw)
    try:
        text = raw[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise StepRefused(
            f"{file} begins as {encoding} does, but is not: {error}. Leave it out, or mend it."
        ) from error
    try:
        evaluation = variables.evaluate(text, ParseMode.CONTINUE)
    except TemplateError as error:
        raise StepRefused(f"Variables cannot be put into {file}: {error}") from error
    if evaluation.unresolved:
        what = ", ".join(dict.fromkeys(evaluation.unresolved))
        say(f"Parsing file '{file}' with Octostache returned the following error: nothing is known of {what}")
        if (variables.find("OctopusShouldFailDeploymentOnSubstitutionFails") or "").lower() == "true":
            raise StepRefused(f"{file} names what is not known: {what}.")
    if evaluation.text != text:
        _replace(file, mark, encoding, evaluation.text, variables.find(f"{_PREFIX}OutputEncoding") or "")


def matching_files(folder: Path, pattern: str) -> Iterator[Path]:
    """The files below the folder whose path the pattern describes: `*`, `?`, `**`, `[abc]`, `{a,b}`, in any case."""
    matcher = re.compile(_as_expression(pattern.replace("\\", "/").removeprefix("./")), re.IGNORECASE | re.DOTALL)
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            file = Path(parent) / name
            if matcher.fullmatch(file.relative_to(folder).as_posix()) and not file.is_symlink():
                yield file


def _as_expression(pattern: str) -> str:
    """The pattern as a regular expression; a bracket that is never closed stands for itself."""
    pieces = re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|\{[^{}]*\}|.", pattern, re.DOTALL)
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if piece in known:
        return known[piece]
    if len(piece) > 1 and piece[0] == "[":
        inside = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inside[1:]}]" if inside[0] == "!" and len(inside) > 1 else f"[{inside.replace('^', chr(92) + '^')}]"
    if len(piece) > 1:
        return f"(?:{'|'.join(_as_expression(each) for each in piece[1:-1].split(','))})"
    return re.escape(piece)


def _encoding_of(raw: bytes) -> tuple[bytes, str]:
    """The byte order mark (empty: none) and the encoding: by the mark, else UTF-8 if it is, else Windows-1252."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return mark, encoding
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return b"", "latin-1" if _has_gaps(raw) else "cp1252"
    return b"", "utf-8"


def _has_gaps(raw: bytes) -> bool:
    """Whether it holds one of the five bytes that mean nothing in Windows-1252."""
    return any(byte in raw for byte in b"\x81\x8d\x8f\x90\x9d")


def _replace(file: Path, mark: bytes, encoding: str, text: str, wanted: str) -> None:
    """Write it back in one move, with its mode; in another encoding when the step wants one."""
    if wanted:
        mark, encoding = b"", wanted
    try:
        data = mark + text.encode(encoding)
    except (UnicodeEncodeError, LookupError) as error:
        raise StepRefused(
            f"{file} cannot be written in {encoding}: {error}. Keep it in UTF-8, or name another encoding in "
            f"{_PREFIX}OutputEncoding."
        ) from error
    partial = file.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        partial.write_bytes(data)
        partial.chmod(file.stat().st_mode & 0o7777)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def _list(text: str, separator: str) -> Iterable[str]:
    return [each.strip() for each in text.split(separator) if each.strip()]
