"""Packages that are nothing but files with telling names: `folder/Acme.Web.1.2.3.zip` is version 1.2.3 of
`folder/Acme.Web`. Pure; buckets and folders list, this reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from octavo.base.errors import Invalid
from octavo.executor.versions import Version
from octavo.server.feeds.feed import FeedPackage, FeedVersion
from octavo.server.packages.names import EXTENSIONS, PackageName, is_package_id, parse_file_name

MOST_FILES = 100_000  # a search looks at no more


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file; its path is relative, with `/` between the parts."""

    path: str
    size_bytes: int
    modified_at: datetime


def find_folder(package_id: str) -> str | None:
    """The folder where a package's files lie, empty for the topmost; None when this is no id."""
    folder, slash, name = package_id.rpartition("/")
    parts = folder.split("/") if slash else []
    is_inside = all(part.strip() not in ("", ".", "..") and part.isprintable() for part in parts)
    return folder if is_inside and is_package_id(name) else None


def packages_in(files: Iterable[ListedFile], term: str, skip: int, take: int) -> list[FeedPackage]:
    """The packages whose ids contain the term, in the order of their ids."""
    newest: dict[str, Version] = {}
    for file in files:
        if found := _find_package(file.path):
            package_id, name = found
            if term.lower() in package_id.lower():
                newest[package_id] = max(newest.get(package_id, name.version), name.version)
    ordered = sorted(newest, key=lambda package_id: (package_id.lower(), package_id))
    return [FeedPackage(each, latest_version=newest[each].text) for each in ordered[skip : skip + take]]


def files_of(files: Iterable[ListedFile], package_id: str) -> list[tuple[FeedVersion, ListedFile]]:
    """A package's versions, newest first, each with its file; of files of one version the first by extension."""
    found: dict[Version, tuple[PackageName, ListedFile]] = {}
    for file in files:
        parsed = _find_package(file.path)
        if parsed is None or parsed[0] != package_id:
            continue
        name = parsed[1]
        known = found.get(name.version)
        if known is None or _preference(name) < _preference(known[0]):
            found[name.version] = (name, file)
    return [
        (FeedVersion(package_id, name.version.text, name.extension, file.modified_at, file.size_bytes), file)
        for _, (name, file) in sorted(found.items(), key=lambda pair: pair[0], reverse=True)
    ]


def _find_package(path: str) -> tuple[str, PackageName] | None:
    folder, slash, file_name = path.rpartition("/")
    try:
        name = parse_file_name(file_name)
    except Invalid:
        return None
    return folder + slash + name.package_id, name


def _preference(name: PackageName) -> tuple[int, str]:
    return EXTENSIONS.index(name.extension), name.version.text
