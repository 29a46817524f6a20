"""Hands a package over as a file: "Transfer a package". Source: script-execution.md §5.8."""

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from octavo.executor.messages import message, say
from octavo.executor.plan import PackagePlan
from octavo.executor.scripts import StepRefused

_PACKAGE = "Octopus.Action.Package."


def transfer_package(package: PackagePlan, file: Path, variables: Mapping[str, str]) -> int:
    """Copy the package's file to the folder that the step names, in place of one of this name; the exit code.

    Raises:
        StepRefused: the folder is not absolute, or the file's name would leave it.
    """
    folder = Path(os.path.expandvars(variables.get(f"{_PACKAGE}TransferPath", "").strip()))
    name = variables.get(f"{_PACKAGE}OriginalFileName", "").strip() or package.file_name
    if not folder.is_absolute():
        raise StepRefused(f"The folder to transfer the package to, '{folder}', must be an absolute path.")
    if name in (".", "..") or "/" in name or "\0" in name:
        raise StepRefused(f"'{name}' cannot be the name of a file.")
    folder.mkdir(parents=True, exist_ok=True)
    partial, place = folder / f".{secrets.token_hex(8)}.partial", folder / name
    try:
        shutil.copyfile(file, partial)
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)
    say(f"Copied {package.file_name} to {place}")
    outputs = {"Package.DirectoryPath": folder, "Package.FileName": name, "Package.FilePath": place}
    for variable, value in outputs.items():
        message("setVariable", name=variable, value=str(value))
    return 0
