"""Puts variables into structured files: where a variable is named like a node's path, the node gets its value.

`ConnectionStrings:0:Name` is the member `Name` of the first entry of `ConnectionStrings`, in any case; in XML a name is
an XPath. Nodes are replaced, never added; variables of the server's own (`Octopus…`) are left aside. The extension says
which formats are tried, and in which order. Source: script-execution.md §5.11.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from octavo.executor.messages import say, tell, warn
from octavo.executor.scripts import StepRefused
from octavo.executor.structured.json_files import replace_in_json
from octavo.executor.structured.properties_files import replace_in_properties
from octavo.executor.structured.xml_files import replace_in_xml
from octavo.executor.structured.yaml_files import replace_in_yaml
from octavo.executor.substitute import entries
from octavo.executor.text_files import TextFile, matching_files, read_text_file

_PREFIX = "Octopus.Action.Package.JsonConfigurationVariables"
FEATURE = "octopus.features.jsonconfigurationvariables"
_ONLY_JSON = "Octopus.Action.StructuredConfigurationFallbackFlag"

_Format = Callable[[TextFile, Mapping[str, str]], int]
_FORMATS: dict[str, _Format] = {
    "JSON": replace_in_json,
    "XML": replace_in_xml,
    "YAML": replace_in_yaml,
    "properties": replace_in_properties,
}
_TRIED = {
    ".json": ("JSON",),
    ".yaml": ("JSON", "YAML"),
    ".yml": ("JSON", "YAML"),
    ".xml": ("JSON", "XML"),
    ".properties": ("JSON", "properties"),
}


def replaces_structured(variables: Mapping[str, str]) -> bool:
    """Whether the step wants variables put into structured files."""
    features = {each.strip().lower() for each in variables.get("Octopus.Action.EnabledFeatures", "").split(",")}
    return FEATURE in features or variables.get(f"{_PREFIX}Enabled", "").lower() == "true"


def replace_in_structured_files(folder: Path, variables: Mapping[str, str]) -> None:
    """Put variables into the structured files that the step names, below the folder.

    Raises:
        StepRefused: a file is in no format that can be read.
    """
    only_json = variables.get(_ONLY_JSON, "").strip().lower() == "true"
    wanted = {name: value for name, value in variables.items() if _is_for_files(name)}
    for pattern in entries(variables.get(f"{_PREFIX}Targets", ""), "\n"):
        if (folder / pattern).is_dir():
            warn(f"'{pattern}' is a folder; name the files in it.")
            continue
        found = list(matching_files(folder, pattern))
        if not found:
            warn(f"No file matches '{pattern}', in which variables were to be put.")
        for path in found:
            formats = ("JSON",) if only_json else _TRIED.get(path.suffix.lower(), tuple(_FORMATS))
            count = _replace_in(read_text_file(path), formats, wanted)
            text = f"Put {count} variables into {path}"
            say(text) if count else tell(f"No variable is named like a part of {path}.")


def _is_for_files(name: str) -> bool:
    return not name.lower().startswith("octopus") or name.lower().startswith("octopus:")


def _replace_in(file: TextFile, formats: tuple[str, ...], wanted: Mapping[str, str]) -> int:
    """Put variables into the file, in the first of the formats that it can be read in; how many found a place."""
    reasons = []
    for name in formats:
        try:
            return _FORMATS[name](file, wanted)
        except ValueError as error:
            reasons.append(f"as {name}: {error}")
    raise StepRefused(f"{file.path} cannot be read {'; '.join(reasons)}. Mend it, or leave it out.")
