"""Packages as files in a folder that the server can read, a share for example. Ours; no other server has it.

Links are not followed, neither to files nor to folders: what is below the folder is served and nothing else. Every
step into a folder is taken from its parent's handle, so that a link put there meanwhile is not followed either.
"""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from octavo.base.errors import Invalid
from octavo.executor.versions import find_version
from octavo.server.feeds.feed import (
    CHUNK_BYTES,
    FeedPackage,
    FeedRefused,
    FeedSettings,
    FeedUnavailable,
    FeedVersion,
    no_such_package,
    no_such_version,
)
from octavo.server.feeds.listed_files import MOST_FILES, ListedFile, files_of, find_folder, packages_in

_INTO_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_INTO_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not blocking: a pipe must not hold us up
_GONE = frozenset({errno.ENOENT, errno.ELOOP, errno.ENXIO})  # or a link or a pipe since it was listed


class FolderFeed:
    """One folder and what is below it.

    Raises:
        Invalid: the path is not absolute.
    """

    def __init__(self, settings: FeedSettings) -> None:
        self._root = Path(settings.uri)
        if not self._root.is_absolute() or ".." in self._root.parts or "\0" in settings.uri:
            raise Invalid("The feed's address must be an absolute path of a folder on the server, without '..'.")

    async def search(self, term: str, skip: int, take: int) -> Sequence[FeedPackage]:
        """The packages in the folder and below whose ids contain the term."""
        return await asyncio.to_thread(self._search, term, skip, take)

    async def list_versions(self, package_id: str) -> Sequence[FeedVersion]:
        """The versions among the files of one folder."""
        found = await asyncio.to_thread(self._files, package_id)
        if not found:
            raise no_such_package(package_id, str(self._root))
        return [version for version, _ in found]

    async def download(self, package_id: str, version: str) -> AsyncIterator[bytes]:
        """The file's bytes, a chunk a thread hop."""
        wanted, found = find_version(version), await asyncio.to_thread(self._files, package_id)
        files = [file for each, file in found if find_version(each.version) == wanted]
        handle = await asyncio.to_thread(self._open, files[0].path) if wanted and files else None
        if handle is None:
            raise no_such_version(package_id, version, str(self._root))
        try:
            while chunk := await asyncio.to_thread(os.read, handle, CHUNK_BYTES):
                yield chunk
        except OSError as error:
            raise self._failure(error) from error
        finally:
            os.close(handle)

    async def close(self) -> None:
        """Nothing is open between calls."""

    def _search(self, term: str, skip: int, take: int) -> list[FeedPackage]:
        with self._failures():
            os.close(os.open(self._root, os.O_RDONLY | os.O_DIRECTORY))  # the walk would find nothing, silently
            return packages_in(islice(self._walk(), MOST_FILES), term, skip, take)

    def _walk(self) -> Iterator[ListedFile]:
        root = self._root.resolve()
        for folder, _, names, handle in os.fwalk(root):
            place = Path(folder).relative_to(root)
            for name in names:
                if found := _find_file(handle, name, (place / name).as_posix()):
                    yield found

    def _files(self, package_id: str) -> list[tuple[FeedVersion, ListedFile]]:
        folder = find_folder(package_id)
        if folder is None:
            return []
        with self._failures(), self._entered(folder) as handle:
            if handle is None:
                return []
            prefix = f"{folder}/" if folder else ""
            listed = [_find_file(handle, name, prefix + name) for name in os.listdir(handle)]  # noqa: PTH208 - by handle
            return files_of([file for file in listed if file], package_id)

    def _open(self, path: str) -> int | None:
        """The file's handle; None when it is no file, or not there any more."""
        folder, _, name = path.rpartition("/")
        with self._failures(), self._entered(folder) as parent:
            try:
                handle = os.open(name, _INTO_FILE, dir_fd=parent) if parent is not None else None
            except OSError as error:
                if error.errno in _GONE:
                    return None
                raise
            if handle is not None and not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                return None
            return handle

    @contextmanager
    def _entered(self, folder: str) -> Iterator[int | None]:
        """The handle of a folder below the root; None when there is none."""
        with ExitStack() as stack:
            handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, handle)
            try:
                for part in folder.split("/") if folder else ():
                    handle = os.open(part, _INTO_FOLDER, dir_fd=handle)
                    stack.callback(os.close, handle)
            except (FileNotFoundError, NotADirectoryError):  # a link to a folder is the latter
                handle = -1
            yield None if handle < 0 else handle

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> FeedRefused | FeedUnavailable:
        if isinstance(error, PermissionError):
            return FeedRefused(
                f"The folder {self._root} may not be read by the server's user. Give it leave to list and read it."
            )
        return FeedUnavailable(
            f"The folder {self._root} cannot be used: {error.strerror}. Is it there, and is its share mounted?"
        )


def _find_file(folder: int, name: str, path: str) -> ListedFile | None:
    """The facts of an ordinary file; None for anything else, and for what is gone."""
    try:
        facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return ListedFile(path, facts.st_size, datetime.fromtimestamp(facts.st_mtime, UTC))
