"""Packages in an agent's `Files` folder, as every agent of this kind names them: found, and made from an older one.

`find_package` and `apply_package_delta` are the commands that a server asks an agent's executor for; each answers by
service messages and never fails because something is not there. Source: script-execution.md §5.3–5.7.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from octavo.executor.messages import message, say
from octavo.executor.octodiff import OctodiffRefused, apply_delta
from octavo.executor.versions import Version, find_version

MOST_CANDIDATES = 5
_CACHE_NAME = re.compile(r"([^@]+)@([SMOL])([^@]+)@([0-9A-F]{32})(\.[^@]+)(?<!\.downloading)(?<!\.partial)")
_ESCAPED = {character: f"%{ord(character):02X}" for character in '%<>:"/\\|?@'}


@dataclass(frozen=True, slots=True)
class CacheName:
    """What the name of a cached file says. `version_format`: S SemVer, M Maven, O Octopus, L lexicographic."""

    package_id: str
    version: str
    extension: str
    digits: str
    version_format: str = "S"

    def __str__(self) -> str:
        """The file's name."""
        return f"{_escape(self.package_id)}@{self.version_format}{_escape(self.version)}@{self.digits}{self.extension}"


def parse_cache_name(name: str) -> CacheName | None:
    """What the name says; None when it is not of this kind (a download that was cut, say)."""
    found = _CACHE_NAME.fullmatch(name)
    if found is None:
        return None
    package_id, version_format, version, digits, extension = found.groups()
    return CacheName(_unescape(package_id), _unescape(version), extension, digits, version_format)


def find_package(files: Path, package_id: str, version: str, sha1: str, *, exact_only: bool = False) -> int:
    """Say where the package is, or which older versions are here; the exit code: 1 for a version that is none."""
    wanted = find_version(version)
    if wanted is None:
        say(f"'{version}' is not a version.")
        return 1
    cached = [each for each in _cached_packages(files) if each.name.package_id.lower() == package_id.lower()]
    for each in cached:
        if each.version == wanted and _sha1(each.path) == sha1:
            message("calamari-found-package")
            each.tell(sha1)
            return 0
    older = [] if exact_only else sorted((each for each in cached if each.version <= wanted), key=lambda e: e.version)
    if not older:
        say(f"No version of {package_id} is here.")
    for each in older[: -MOST_CANDIDATES - 1 : -1]:
        each.tell(_sha1(each.path))
    return 0


def apply_package_delta(files: Path, basis: Path, basis_sha1: str, delta: Path, new_name: str) -> int:
    """Make a package from an older one and say what came out, or why nothing did; the exit code is always 0."""
    place = files / Path(new_name.replace("\\", "/")).name
    partial = place.with_name(f"{place.name}.partial")
    try:
        if _sha1(basis) != basis_sha1.lower():
            raise OctodiffRefused(f"{basis} is not the file that the delta was made for")
        with open(basis, "rb") as old, open(delta, "rb") as changes, open(partial, "wb") as new:
            sha1 = apply_delta(old, changes, new).hex()
        partial.replace(place)
        message("deltaVerification", remotePath=str(place), hash=sha1, size=str(place.stat().st_size))
    except (OSError, OctodiffRefused) as error:
        message("deltaVerification", error=f"{place.name} was not made: {error}")
    finally:
        partial.unlink(missing_ok=True)
    return 0


@dataclass(frozen=True, slots=True)
class _Cached:
    path: Path
    name: CacheName
    version: Version

    def tell(self, sha1: str) -> None:
        """The message that names it."""
        message(
            "foundPackage",
            id=self.name.package_id,
            version=self.name.version,
            versionFormat="Semver",
            hash=sha1,
            remotePath=str(self.path),
            fileExtension=self.name.extension,
        )


def _cached_packages(files: Path) -> Iterator[_Cached]:
    for folder, _, names in os.walk(files):
        for file_name in sorted(names):
            name = parse_cache_name(file_name)
            version = find_version(name.version) if name is not None and name.version_format == "S" else None
            if name is not None and version is not None:
                yield _Cached(Path(folder) / file_name, name, version)


def _sha1(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def _escape(text: str) -> str:
    return "".join(_ESCAPED.get(character, character) for character in text)


def _unescape(text: str) -> str:
    return re.sub(r"%([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), text)
