"""Deletes workspaces that nobody asked to delete. Source: tentacle-services.md §5.6."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self

from octavo.agent.supervisor.job_folder import JobFolder, is_locked
from octavo.halibut.core.codec import parse_timespan

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CleanerTimes:
    """How often to look, and what counts as old."""

    delay: timedelta = timedelta(hours=2)
    older_than: timedelta = timedelta(days=1)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The defaults, unless the environment sets others (`[d.]hh:mm:ss`).

        Raises:
            ValueError: a value is no time span.
        """
        delay = environment.get("TENTACLE_WORKSPACE_CLEANER_DELAY")
        older_than = environment.get("TENTACLE_WORKSPACE_CLEANER_DELETE_OLDER_THAN")
        return cls(
            delay=parse_timespan(delay) if delay else timedelta(hours=2),
            older_than=parse_timespan(older_than) if older_than else timedelta(days=1),
        )


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Looks through `Work`. `is_alive` knows the jobs of this agent by folder name, `drop` forgets one."""

    work: Path
    times: CleanerTimes
    is_alive: Callable[[str], bool]
    drop: Callable[[str], None]

    async def run(self) -> None:
        """Clean at once and then again and again, until cancelled."""
        while True:
            await self.run_once()
            await asyncio.sleep(self.times.delay.total_seconds())

    async def run_once(self, now: float | None = None) -> None:
        """Delete every workspace that is old at this time (now) and not in use."""
        oldest = (time.time() if now is None else now) - self.times.older_than.total_seconds()
        for path in await asyncio.to_thread(_list_old, self.work, oldest):
            if self.is_alive(path.name):
                continue
            self.drop(path.name)
            await asyncio.to_thread(_delete, path)


def _list_old(work: Path, oldest: float) -> list[Path]:
    return [path for path in work.iterdir() if path.is_dir() and _is_old(JobFolder(path), oldest)]


def _is_old(folder: JobFolder, oldest: float) -> bool:
    """Whether it is a workspace whose log (or script) nobody has written since then, and no supervisor lives in it."""
    for path in (folder.output_log, folder.bootstrap):
        try:
            return path.stat().st_mtime < oldest and not is_locked(folder)
        except FileNotFoundError:
            continue
        except OSError:
            log.warning("a workspace cannot be looked at", extra={"path": str(path)})
            return False
    return False


def _delete(path: Path) -> None:
    try:
        shutil.rmtree(path)
    except OSError as error:
        log.warning("an old workspace could not be deleted: %s", error)
    else:
        log.info("deleted an old workspace", extra={"path": str(path)})
