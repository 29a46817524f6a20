"""Puts variables into files: `#{Name}` and the rest of the template language, each file in the encoding it has.

What cannot be read as a template, or names nothing, stays as it is. Source: script-execution.md §3.5.8, §5.11.
"""

from collections.abc import Mapping
from pathlib import Path

from octavo.executor.messages import say, warn
from octavo.executor.scripts import StepRefused
from octavo.executor.templates import ParseMode, TemplateError, Variables
from octavo.executor.text_files import matching_files, read_text_file

_PREFIX = "Octopus.Action.SubstituteInFiles."
FEATURE = "octopus.features.substituteinfiles"


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
        *(Path(each.strip()) for each in entries(variables.get("Octopus.Action.AdditionalPaths", ""), ",")),
    ]
    minds_no_match = variables.get(f"{_PREFIX}EnableNoMatchWarning", "").lower() != "false"
    for pattern in entries(variables.get(f"{_PREFIX}TargetFiles", ""), "\n"):
        found = [file for each in folders for file in matching_files(each, pattern)]
        if not found and minds_no_match:
            warn(f"No file matches '{pattern}', in which variables were to be put.")
        for file in found:
            say(f"Putting variables into {file}")
            substitute_file(file, known)


def substitute_file(path: Path, variables: Variables) -> None:
    """Put variables into one file.

    Raises:
        StepRefused: as `substitute_in_files`.
    """
    file = read_text_file(path)
    try:
        evaluation = variables.evaluate(file.text, ParseMode.CONTINUE)
    except TemplateError as error:
        raise StepRefused(f"Variables cannot be put into {path}: {error}") from error
    if evaluation.unresolved:
        what = ", ".join(dict.fromkeys(evaluation.unresolved))
        say(f"Parsing file '{path}' with Octostache returned the following error: nothing is known of {what}")
        if (variables.find("OctopusShouldFailDeploymentOnSubstitutionFails") or "").lower() == "true":
            raise StepRefused(f"{path} names what is not known: {what}.")
    if evaluation.text != file.text:
        file.replace(evaluation.text, variables.find(f"{_PREFIX}OutputEncoding") or "")


def entries(text: str, separator: str) -> list[str]:
    """The entries of a list in a variable, without blanks around them."""
    return [each.strip() for each in text.split(separator) if each.strip()]
