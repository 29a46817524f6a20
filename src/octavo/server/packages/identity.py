"""What a pushed file is: its id and version from its name, or, for a `.nupkg`, from the `.nuspec` inside.

Also where an archive that would climb out of its folder is refused, before anything is stored.
Source: script-execution.md §5.1, §5.3.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from octavo.base.errors import Invalid
from octavo.executor.extract import ExtractionRefused, check_zip
from octavo.executor.versions import find_version
from octavo.server.packages.names import PackageName, is_package_id, parse_file_name

MOST_NUSPEC_BYTES = 1_048_576
_ZIP_EXTENSIONS = frozenset({".zip", ".nupkg", ".whl", ".jar", ".war", ".ear"})


@dataclass(frozen=True, slots=True)
class PackageIdentity:
    """A package's name and what it says about itself."""

    name: PackageName
    title: str | None = None
    description: str | None = None
    release_notes: str | None = None


def identify(file_name: str, file: Path) -> PackageIdentity:
    """What the file is; reads a ZIP's list of members, so call it in a thread.

    Raises:
        Invalid: the name tells no id and version, the archive is damaged or a member would climb out of its folder.
    """
    name = parse_file_name(file_name)
    if name.extension not in _ZIP_EXTENSIONS:
        return PackageIdentity(name)
    try:
        check_zip(file)
        return _from_nuspec(name, file) if name.extension == ".nupkg" else PackageIdentity(name)
    except ExtractionRefused as refused:
        raise Invalid(f"The package {name.file_name} was refused: {refused}") from refused
    except (ElementTree.ParseError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
        raise Invalid(f"The package {name.file_name} has a damaged .nuspec: {error}") from error


def _from_nuspec(name: PackageName, file: Path) -> PackageIdentity:
    with zipfile.ZipFile(file) as package:
        specs = [m for m in package.infolist() if "/" not in m.filename and m.filename.lower().endswith(".nuspec")]
        if not specs:
            return PackageIdentity(name)
        with package.open(specs[0]) as source:
            text = source.read(MOST_NUSPEC_BYTES + 1)
    if len(text) > MOST_NUSPEC_BYTES or b"<!DOCTYPE" in text.upper():
        raise Invalid(f"The .nuspec in {name.file_name} is too large or has a document type, which is not allowed.")
    root = ElementTree.fromstring(text)  # noqa: S314 - bounded, and without a document type there are no entities
    values = {element.tag.rpartition("}")[2].lower(): (element.text or "").strip() for element in root.iter()}
    version = find_version(values.get("version", ""))
    if version is None or not is_package_id(values.get("id", "")):
        raise Invalid(f"The .nuspec in {name.file_name} has no valid id or no valid version.")
    return PackageIdentity(
        PackageName(values["id"], version, ".nupkg"),
        values.get("title") or None,
        values.get("description") or None,
        values.get("releasenotes") or None,
    )
