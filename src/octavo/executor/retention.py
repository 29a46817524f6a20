"""Removes deployments that nobody wants to keep: their folders, then what the journal says of them.

What runs now always stays: the latest deployment and the latest successful one. A folder that a kept deployment uses
stays as well. Killed in between, the next time goes on. Source: script-execution.md §5.13.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from octavo.executor.journal import Entry, Journal
from octavo.executor.messages import say, warn

UNFINISHED_SECONDS = 24 * 3600
#: How a server tells what to keep, in the variables of a step.
UNIT, QUANTITY = "OctopusRetentionUnit", "OctopusRetentionQuantity"


@dataclass(frozen=True, slots=True)
class Keep:
    """What to keep beside what runs now: deployments younger than so many days, or so many successful ones."""

    days: int | None = None
    releases: int | None = None


def keep_of(variables: Mapping[str, str]) -> Keep | None:
    """What the variables say; None: everything."""
    quantity = variables.get(QUANTITY, "")
    if not quantity.isdigit():
        return None
    return Keep(days=int(quantity)) if variables.get(UNIT, "").lower() == "days" else Keep(releases=int(quantity))


def clean(journal: Journal, policy_set: str, keep: Keep) -> None:
    """Remove what nobody wants to keep of the deployments that follow each other under this name."""
    for entry in entries_to_remove(journal.entries(policy_set), keep, datetime.now(UTC)):
        used = {each.extracted_to for each in journal.all_entries() if each.id != entry.id}
        try:
            if entry.extracted_to not in used:
                _remove_folder(Path(entry.extracted_to))
            journal.remove(entry.id)
            say(f"Removed the deployment of {entry.package_id} {entry.version} from {entry.extracted_to}")
        except OSError as error:
            warn(f"An old deployment could not be removed: {error}. The next one will try again.")


def entries_to_remove(entries: Sequence[Entry], keep: Keep, now: datetime) -> list[Entry]:
    """Which entries, oldest first, are not to be kept."""
    kept = {entry.id for entry in entries[-1:]}
    successful = [entry for entry in entries if entry.was_successful]
    kept |= {entry.id for entry in successful[-1:]}
    if keep.days is not None:
        oldest = now - timedelta(days=keep.days)
        kept |= {entry.id for entry in entries if entry.installed_on > oldest}
    if keep.releases is not None:
        others = [entry for entry in successful if entry is not entries[-1]]
        kept |= {entry.id for entry in others[-keep.releases :]} if keep.releases else set()
    return [entry for entry in entries if entry.id not in kept]


def remove_unfinished(files: Path) -> None:
    """Remove downloads that were cut more than a day ago."""
    for path in files.rglob("*.downloading"):
        if time.time() - path.stat().st_mtime > UNFINISHED_SECONDS:
            path.unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    if not folder.is_absolute() or len(folder.parts) < 3 or folder.is_symlink():
        raise OSError(f"{folder} is no folder of a deployment")
    if folder.exists():
        shutil.rmtree(folder)
