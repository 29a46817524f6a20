"""Names of package files, as people push them.

Source: script-execution.md §5.1, §5.3.
"""

import re
from dataclasses import dataclass

from octavo.base.errors import Invalid
from octavo.executor.versions import Version, find_version

#: Longest first: `.tar.gz` must not be read as `.gz`.
EXTENSIONS = (
    ".tar.bz2", ".tar.bz", ".tar.gz", ".tar.xz", ".tar.zst", ".tar.z", ".nupkg", ".tgz", ".tbz", ".txz", ".tzst",
    ".tar", ".zip", ".whl", ".jar", ".war", ".ear", ".rar",
)  # fmt: skip

_ID = re.compile(r"\w+(?:[_.-]\w+)*", re.ASCII)
_STEM = re.compile(
    r"(?P<id>\w+(?:[_.-]\w+)*?)\.(?P<version>v?\d+(?:\.\d+){0,3}(?:-[0-9A-Za-z.\-]+)?(?:\+[0-9A-Za-z.\-]+)?)(?=\.|$)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PackageName:
    """What a file name says about the package inside. `extension` begins with a dot, in lower case."""

    package_id: str
    version: Version
    extension: str

    @property
    def file_name(self) -> str:
        """The name as people know it."""
        return f"{self.package_id}.{self.version.text}{self.extension}"


def parse_file_name(file_name: str) -> PackageName:
    """Read `<id>.<version><extension>`; the id is as short as possible.

    Raises:
        Invalid: it is no such name; the message says what one looks like.
    """
    extension = next((known for known in EXTENSIONS if file_name.lower().endswith(known)), "")
    stem = file_name[: len(file_name) - len(extension)]
    match = _STEM.match(stem) if len(file_name) <= 300 else None
    version = find_version(match["version"]) if match is not None and match.end() == len(stem) else None
    if not extension or match is None or version is None:
        raise Invalid(
            f"The file name '{file_name[:300]}' does not tell a package's id and version. "
            f"Name it <id>.<version><extension>, for example Acme.Web.1.2.3.zip; extensions: {', '.join(EXTENSIONS)}."
        )
    return PackageName(match["id"], version, extension)


def is_package_id(text: str) -> bool:
    """Whether a package may be called this: words with `.`, `_` or `-` between them."""
    return len(text) <= 200 and _ID.fullmatch(text) is not None
