"""The journal of a machine's deployments, in the file that such agents share: what was put where, and how it ended.

Read, changed and replaced under a lock, so that two executors lose no entry and a crash leaves the file before or the
file after. Source: script-execution.md §7.1, §7.3.
"""

import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from octavo.executor.messages import warn

_PREVIOUS = "Octopus.Tentacle.Previous"
_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Entry:
    """One deployment of a package. `policy_set` tells those apart that follow each other."""

    policy_set: str
    package_id: str
    version: str
    extracted_to: str
    custom_folder: str
    was_successful: bool
    deployed_from: str = ""
    environment_id: str = ""
    tenant_id: str = ""
    project_id: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    installed_on: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def is_there(self) -> bool:
        """Whether the folders that it speaks of still exist."""
        return all(Path(place).is_dir() for place in (self.extracted_to, self.custom_folder) if place)


class Journal:
    """The journal in this file; None: nothing is known and nothing kept."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def entries(self, policy_set: str) -> list[Entry]:
        """The set's entries, oldest first."""
        return [entry for entry in self.all_entries() if policy_set and entry.policy_set == policy_set]

    def all_entries(self) -> list[Entry]:
        """The entries of every set, oldest first."""
        if self._file is None:
            return []
        with self._locked():
            return [_as_entry(element) for element in self._read()]

    def add(self, entry: Entry) -> None:
        """Write a new entry behind the others."""
        self._change(lambda root: root.append(_as_element(entry)))

    def remove(self, entry_id: str) -> None:
        """Forget an entry."""

        def remove_entry(root: ElementTree.Element) -> None:
            for element in [each for each in root if each.get("Id") == entry_id]:
                root.remove(element)

        self._change(remove_entry)

    def _change(self, change: Callable[[ElementTree.Element], object]) -> None:
        if self._file is None:
            return
        with self._locked():
            root = self._read()
            change(root)
            partial = self._file.with_name(f"{self._file.name}.{secrets.token_hex(4)}.partial")
            try:
                ElementTree.ElementTree(root).write(partial, encoding="utf-8", xml_declaration=True)
                partial.replace(self._file)
            finally:
                partial.unlink(missing_ok=True)

    def _read(self) -> ElementTree.Element:
        assert self._file is not None  # noqa: S101 - both callers have seen to it
        if not self._file.exists():
            return ElementTree.Element("Deployments")
        try:
            return ElementTree.parse(self._file).getroot()  # noqa: S314 - our own file, behind our own account
        except ElementTree.ParseError as error:
            kept = self._file.with_suffix(".damaged")
            self._file.replace(kept)
            warn(f"The deployment journal cannot be read ({error}). It was put aside as {kept}, and a new one begun.")
            return ElementTree.Element("Deployments")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        assert self._file is not None  # noqa: S101 - as above
        import fcntl

        self._file.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{self._file}.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def journal_of(variables: Mapping[str, str]) -> Journal:
    """The machine's journal, unless the agent has none or the step wants none."""
    named = os.environ.get("TentacleJournal")  # noqa: SIM112 - the agent spells it so
    is_unwanted = variables.get("Octopus.Action.SkipJournal", "").lower() == "true"
    return Journal(Path(named) if named and not is_unwanted else None)


def previous_variables(entries: list[Entry]) -> dict[str, str]:
    """What a step may ask of what was installed before; empty where nothing was."""
    latest = entries[-1] if entries else None
    successful = next((entry for entry in reversed(entries) if entry.was_successful), None)
    return {
        **_installation(f"{_PREVIOUS}Installation", latest),
        **_installation(f"{_PREVIOUS}SuccessfulInstallation", successful),
    }


def _installation(prefix: str, entry: Entry | None) -> dict[str, str]:
    return {
        f"{prefix}.PackageVersion": entry.version if entry else "",
        f"{prefix}.PackageFilePath": entry.deployed_from if entry else "",
        f"{prefix}.OriginalInstalledPath": entry.extracted_to if entry else "",
        f"{prefix}.CustomInstallationDirectory": entry.custom_folder if entry else "",
    }


def _as_element(entry: Entry) -> ElementTree.Element:
    attributes = {
        "Id": entry.id,
        "EnvironmentId": entry.environment_id,
        "TenantId": entry.tenant_id,
        "ProjectId": entry.project_id,
        "InstalledOn": entry.installed_on.strftime(_TIME),
        "RetentionPolicySet": entry.policy_set,
        "ExtractedTo": entry.extracted_to,
        "CustomInstallationDirectory": entry.custom_folder,
        "WasSuccessful": str(entry.was_successful),
    }
    element = ElementTree.Element("Deployment", attributes)
    package = {"PackageId": entry.package_id, "PackageVersion": entry.version, "DeployedFrom": entry.deployed_from}
    ElementTree.SubElement(element, "Package", package)
    return element


def _as_entry(element: ElementTree.Element) -> Entry:
    package = element.find("Package")
    of_package = package.attrib if package is not None else element.attrib  # older journals have no child
    return Entry(
        policy_set=element.get("RetentionPolicySet", ""),
        package_id=of_package.get("PackageId", ""),
        version=of_package.get("PackageVersion", ""),
        extracted_to=element.get("ExtractedTo", ""),
        custom_folder=element.get("CustomInstallationDirectory", ""),
        was_successful=element.get("WasSuccessful", "").lower() == "true",
        deployed_from=of_package.get("DeployedFrom", ""),
        environment_id=element.get("EnvironmentId", ""),
        tenant_id=element.get("TenantId", ""),
        project_id=element.get("ProjectId", ""),
        id=element.get("Id", ""),
        installed_on=_time_of(element.get("InstalledOn", "")),
    )


def _time_of(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.now(UTC)  # whatever that is, it is not known to be old
