"""The .NET configuration files of a package: transformed by files beside them, then given variables.

Which transform goes with which file: `A.config` (`Web.A.config` to `Web.config`), `X.config => Y.config`,
`*.X.config => *.config`, then by themselves those of `Release`, the environment and the tenant.
Source: script-execution.md §5.11.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from octavo.executor import xdt
from octavo.executor.messages import say, warn
from octavo.executor.scripts import StepRefused
from octavo.executor.text_files import matching_files, read_text_file
from octavo.executor.xml_text import Edit, XmlNode, XmlText, as_declared, escaped, parse_xml, written

_PACKAGE = "Octopus.Action.Package."
_FEATURES = "Octopus.Action.EnabledFeatures"
_TRANSFORMS = "octopus.features.configurationtransforms"
_VARIABLES = "octopus.features.configurationvariables"


@dataclass(frozen=True, slots=True)
class _Pair:
    """A file of transforms and the file that it changes."""

    transform: Path
    target: Path


def transform_configuration(folder: Path, variables: Mapping[str, str]) -> None:
    """Carry out the transforms that the step names, or that are named like its environment, below the folder.

    Raises:
        StepRefused: a file is no XML, or a transform did not go as it should; but if the step does not mind.
    """
    for pair in _pairs(folder, variables):
        if not _flag(variables, "SuppressConfigTransformationLogging"):
            say(f"Transforming {pair.target} by {pair.transform}")
        try:
            warnings = _transform(pair)
        except ValueError as error:
            _refuse_or_warn(
                f"{pair.target} cannot be transformed by {pair.transform}: {error}. Mend one of them.",
                is_ignored=_flag(variables, "IgnoreConfigTransformationErrors"),
            )
            continue
        for each in warnings:
            _refuse_or_warn(
                f"{pair.transform}: {each}. Mend it, or let the step take such warnings for warnings.",
                is_ignored=not _flag(variables, "TreatConfigTransformationWarningsAsErrors", default=True)
                or _flag(variables, "IgnoreConfigTransformationErrors"),
            )


def replace_in_configuration(folder: Path, variables: Mapping[str, str]) -> None:
    """Put variables into settings and connection strings of their names, in all `.config` files but transforms.

    Raises:
        StepRefused: a file cannot be read or written; but if the step does not mind.
    """
    default = _VARIABLES in _features(variables)
    if not _flag(variables, "AutomaticallyUpdateAppSettingsAndConnectionStrings", default=default):
        return
    wanted = {name.lower(): value for name, value in variables.items()}
    transforms = {pair.transform for pair in _pairs(folder, variables)}
    for path in matching_files(folder, "**/*.config"):
        if path in transforms:
            continue
        try:
            if count := _replace(path, wanted):
                say(f"Put {count} variables into {path}")
        except ValueError as error:
            _refuse_or_warn(
                f"Variables cannot be put into {path}: {error}. Mend it.",
                is_ignored=_flag(variables, "IgnoreVariableReplacementErrors"),
            )


def _refuse_or_warn(text: str, *, is_ignored: bool) -> None:
    if not is_ignored:
        raise StepRefused(text)
    warn(text)


def _features(variables: Mapping[str, str]) -> set[str]:
    return {each.strip().lower() for each in variables.get(_FEATURES, "").split(",")}


def _flag(variables: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    said = variables.get(f"{_PACKAGE}{name}", "").strip().lower()
    return said == "true" if said in ("true", "false") else default


# ---- Transforms ------------------------------------------------------------------------------------------------------


def _transform(pair: _Pair) -> list[str]:
    """What it warns of."""
    file = as_declared(read_text_file(pair.target))
    transformation = parse_xml(as_declared(read_text_file(pair.transform)).text)
    before = parse_xml(file.text)
    after = xdt.transform(before, transformation)
    if after.document.data != before.data:
        file.replace(written(file, after.document))
    return list(after.warnings)


def _pairs(folder: Path, variables: Mapping[str, str]) -> list[_Pair]:
    """The transforms in their order, each pair once; none if the step wants none."""
    said = variables.get(f"{_PACKAGE}AdditionalXmlConfigurationTransforms", "")
    is_automatic = _flag(variables, "AutomaticallyRunConfigurationTransformationFiles")
    if not is_automatic and _TRANSFORMS not in _features(variables) and not said.strip():
        return []
    files = list(matching_files(folder, "**/*"))
    found: list[_Pair] = []
    for rule in (each.strip() for each in re.split(r"[,\r\n]", said) if each.strip()):
        pairs = list(_pairs_of(rule, folder, files))
        if not pairs:
            warn(f"No file matches the configuration transform '{rule}'.")
        found += pairs
    if is_automatic:
        names = (
            "Release",
            *(variables.get(f"Octopus.{each}.Name", "") for each in ("Environment", "Deployment.Tenant")),
        )
        found += [pair for name in names if name for pair in _pairs_of(f"{name}.config", folder, files)]
    return list(dict.fromkeys(found))


def _pairs_of(rule: str, folder: Path, files: list[Path]) -> Iterator[_Pair]:
    """The files that a rule brings together."""
    left, arrow, right = (each.strip().replace("\\", "/").removeprefix("./") for each in rule.partition("=>"))
    if not arrow:
        name = left if left.lower().endswith(".config") else f"{left}.config"
        yield from _pairs_of(f"*.{name} => *.config", folder, files)
        base, _, rest = name.partition(".")
        if "." in rest:
            yield from _pairs_of(f"{name} => {base}.config", folder, files)
        return
    known = {path.relative_to(folder).as_posix().lower(): path for path in files}
    expression = re.compile(rf"(?:(.*)/)?{re.escape(right).replace(chr(92) + '*', '([^/]*)', 1)}", re.IGNORECASE)
    for name, path in known.items():
        match = expression.fullmatch(name)
        if not match:
            continue
        star = match[2] if "*" in right else "*"
        for place in dict.fromkeys((name.rpartition("/")[0], "") if "/" in left else (name.rpartition("/")[0],)):
            wanted = f"{place}/{left}".lstrip("/").lower().replace("*", star, 1)
            yield from (_Pair(known[each], path) for each in _like(wanted, known) if known[each] != path)


def _like(wanted: str, known: Mapping[str, Path]) -> list[str]:
    if "*" not in wanted:
        return [wanted] if wanted in known else []
    expression = re.compile(re.escape(wanted).replace(r"\*", "[^/]*"))
    return [each for each in known if expression.fullmatch(each)]


# ---- Variables -------------------------------------------------------------------------------------------------------


def _replace(path: Path, wanted: Mapping[str, str]) -> int:
    """How many found a place."""
    file = as_declared(read_text_file(path))
    document = parse_xml(file.text)
    edits = [edit for node in document.root.walk() for edit in _edits(document, node, wanted)]
    if edits:
        file.replace(written(file, document.edited(edits)))
    return len(edits)


def _edits(document: XmlText, node: XmlNode, wanted: Mapping[str, str]) -> Iterator[Edit]:
    """What the variables make of one of the three sections."""
    if node.local_name == "appSettings":
        yield from _attribute_edits(node, "key", "value", wanted)
    elif node.local_name == "connectionStrings":
        yield from _attribute_edits(node, "name", "connectionString", wanted)
    elif node.local_name == "applicationSettings":
        for each in node.walk():
            name = each.attribute("name") if each.local_name == "setting" else None
            value = next((one for one in each.elements() if one.local_name == "value"), None)
            if name and value and name.value.lower() in wanted:
                yield document.content_edit(value, escaped(wanted[name.value.lower()]))


def _attribute_edits(section: XmlNode, key: str, attribute: str, wanted: Mapping[str, str]) -> Iterator[Edit]:
    for each in section.elements():
        name = each.attribute(key)
        if each.local_name != "add" or not name or name.value.lower() not in wanted:
            continue
        value = escaped(wanted[name.value.lower()], in_attribute=True)
        old = each.attribute(attribute)
        place = each.attributes[-1].end
        yield Edit(old.inner_start, old.inner_end, value) if old else Edit(place, place, f' {attribute}="{value}"')
