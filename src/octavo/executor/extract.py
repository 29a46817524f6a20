"""Extracts a package into a folder, trusting nothing in it.

Refused, naming the member: names that leave the folder, devices and pipes, encrypted members, and archives that grow
beyond `ArchiveLimits`. Links are not made (one warning each). Existing files are overwritten, times and the mode's
execute bits are kept. Nothing outside the folder is touched, also when the folder holds links already.

Source: script-execution.md §5.1.
"""

import os
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from octavo.executor.delta import zstd_module

COPY_BYTES = 1_048_576

_TAR_MODES = {
    ".tar": "r:", ".tar.gz": "r:gz", ".tgz": "r:gz", ".tar.bz2": "r:bz2", ".tar.bz": "r:bz2", ".tbz": "r:bz2",
    ".tar.xz": "r:xz", ".txz": "r:xz",
}  # fmt: skip
_ZIPS = (".zip", ".nupkg", ".whl", ".jar", ".war", ".ear", ".rar")


class ExtractionRefused(Exception):
    """The archive is damaged, or would do what packages may not; the message names the member."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may grow to. `ratio`: extracted bytes for each of its bytes, above `ratio_from_bytes`."""

    size_bytes: int = 50 * 2**30
    members: int = 1_000_000
    ratio: int = 1_000
    ratio_from_bytes: int = 100 * 2**20


def extract(
    archive: Path, file_name: str, target: Path, warn: Callable[[str], None], limits: ArchiveLimits = ArchiveLimits()
) -> int:
    """Extract the archive, whose kind `file_name` tells, into `target`; how many files came out.

    Raises:
        ExtractionRefused: see above; `target` may hold a part of the members.
    """
    target.mkdir(parents=True, exist_ok=True)
    extraction = _Extraction(archive, target, warn, limits)
    name = file_name.lower()
    try:
        if name.endswith(_ZIPS):
            extraction.extract_zip(is_nupkg=name.endswith(".nupkg"))
        elif name.endswith((".tar.zst", ".tzst")):
            extraction.extract_zstd_tar(_zstd_of_this_python())
        elif (mode := next((mode for suffix, mode in _TAR_MODES.items() if name.endswith(suffix)), None)) is not None:
            extraction.extract_tar(mode)
        else:
            raise ExtractionRefused(f"{file_name} is no kind of archive that can be extracted.")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, NotImplementedError) as error:
        raise ExtractionRefused(f"{file_name} is damaged or no archive of its kind: {error}.") from error
    return extraction.files


def _zstd_of_this_python() -> Any:
    zstd = zstd_module()
    if zstd is None:
        raise ExtractionRefused(
            "This machine's python3 cannot read zstd. Install Python 3.14 or the package backports.zstd there, or pack "
            "the package as .tar.gz."
        )
    return zstd


def check_zip(archive: Path, limits: ArchiveLimits = ArchiveLimits()) -> None:
    """See that no member's name leaves the folder it would be extracted to; reads only the list of members.

    Raises:
        ExtractionRefused: one does, or the file is no ZIP.
    """
    try:
        with zipfile.ZipFile(archive) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
        raise ExtractionRefused(f"The file is damaged or no ZIP archive: {error}.") from error
    _check_count(len(members), limits)
    for member in members:
        safe_parts(member.filename)


def safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a member's name, `/` or `\\` between them, that stay below the folder.

    Raises:
        ExtractionRefused: they would not.
    """
    normal = name.replace("\\", "/")
    parts = tuple(part for part in normal.split("/") if part not in ("", "."))
    if normal.startswith("/") or ".." in parts or "\0" in name or (parts and len(parts[0]) > 1 and parts[0][1] == ":"):
        raise ExtractionRefused(f"The member {name!r} would be written outside the package's folder.")
    return parts


class _Extraction:
    """One archive being extracted, with what has come out so far."""

    def __init__(self, archive: Path, target: Path, warn: Callable[[str], None], limits: ArchiveLimits) -> None:
        self._archive = archive
        self._target = Path(os.path.realpath(target))
        self._warn = warn
        self._limits = limits
        self._most_bytes = max(archive.stat().st_size * limits.ratio, limits.ratio_from_bytes)
        self._most_bytes = min(self._most_bytes, limits.size_bytes)
        self._written = 0
        self._made: set[Path] = {self._target}
        self.files = 0

    def extract_zip(self, is_nupkg: bool) -> None:
        with zipfile.ZipFile(self._archive) as package:
            members = package.infolist()
            _check_count(len(members), self._limits)
            for member in members:
                if not (is_nupkg and _is_nupkg_metadata(member.filename)):
                    name = unquote(member.filename) if is_nupkg else member.filename
                    self._extract_zip_member(package, member, name)

    def _extract_zip_member(self, package: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
        mode = member.external_attr >> 16
        if member.flag_bits & 1:
            raise ExtractionRefused(f"The member {name!r} is encrypted.")
        if stat.S_ISLNK(mode):
            self._skip_link(name)
        elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ExtractionRefused(f"The member {name!r} is a device or a pipe.")
        elif name.endswith(("/", "\\")):
            self._folder(self._target.joinpath(*safe_parts(name)), name)
        else:
            with package.open(member) as source:
                self._write(source, name, mode, time.mktime((*member.date_time, 0, 0, -1)))

    def extract_zstd_tar(self, zstd: Any) -> None:
        try:
            with zstd.open(self._archive, "rb") as source, tarfile.open(fileobj=source, mode="r|") as package:
                self._extract_members(package)
        except zstd.ZstdError as error:
            raise tarfile.ReadError(str(error)) from error

    def extract_tar(self, mode: str) -> None:
        with tarfile.open(self._archive, mode) as package:  # type: ignore[call-overload]  # the mode is one of ours
            self._extract_members(package)

    def _extract_members(self, package: tarfile.TarFile) -> None:
        for count, member in enumerate(package, 1):
            _check_count(count, self._limits)
            self._extract_tar_member(package, member)
            package.members.clear()  # type: ignore[attr-defined]  # else a long archive's list of members fills the memory

    def _extract_tar_member(self, package: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if member.issym() or member.islnk():
            self._skip_link(member.name)
        elif member.isdir():
            self._folder(self._target.joinpath(*safe_parts(member.name)), member.name)
        elif member.isreg() and (source := package.extractfile(member)) is not None:
            with source:
                self._write(source, member.name, member.mode, member.mtime)
        else:
            raise ExtractionRefused(f"The member {member.name!r} is a device or a pipe.")

    def _skip_link(self, name: str) -> None:
        safe_parts(name)
        self._warn(f"The member {name!r} is a link and was left out.")

    def _write(self, source: IO[bytes], name: str, mode: int, modified_at: float) -> None:
        parts = safe_parts(name)
        if not parts:
            raise ExtractionRefused(f"The member {name!r} has no name.")
        path = self._target.joinpath(*parts)
        self._folder(path.parent, name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, 0o777 if mode & 0o111 else 0o666)
        except OSError as error:
            raise ExtractionRefused(f"The member {name!r} cannot be written: {error.strerror}.") from error
        with open(descriptor, "wb") as file:
            while chunk := source.read(COPY_BYTES):
                self._count(len(chunk), name)
                file.write(chunk)
            file.flush()
            os.utime(file.fileno(), (modified_at, modified_at))
        self.files += 1

    def _count(self, size_bytes: int, name: str) -> None:
        self._written += size_bytes
        if self._written > self._most_bytes:
            raise ExtractionRefused(
                f"The archive grows beyond {self._most_bytes} bytes at the member {name!r}: is it an archive bomb?"
            )

    def _folder(self, folder: Path, name: str) -> None:
        """Make the folder, and see that no link that is there already leads it elsewhere."""
        if folder in self._made:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ExtractionRefused(f"The folder of the member {name!r} cannot be made: {error.strerror}.") from error
        if not Path(os.path.realpath(folder)).is_relative_to(self._target):
            raise ExtractionRefused(
                f"The member {name!r} would be written through a link, outside the package's folder."
            )
        self._made.add(folder)


def _check_count(members: int, limits: ArchiveLimits) -> None:
    if members > limits.members:
        raise ExtractionRefused(f"The archive has more than {limits.members} members.")


def _is_nupkg_metadata(name: str) -> bool:
    """What NuGet itself put there."""
    lower = name.lower()
    return (
        lower.startswith(("_rels/", "package/services/metadata/"))
        or lower == "[content_types].xml"
        or ("/" not in lower and lower.endswith(".nuspec"))
        or lower.endswith(".nupkg.sha512")
    )
