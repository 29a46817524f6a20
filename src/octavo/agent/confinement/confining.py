"""Makes a job's command line, account and environment fit its level. Files and accounts are made here.

Root: `sandbox` is an account's sandbox, so that what only root may read stays unread. An ordinary account: the sandbox
alone keeps jobs apart.
"""

import os
import pwd
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

from octavo.agent.confinement.accounts import Account, Accounts, account_name
from octavo.agent.confinement.levels import ConfinementLevel
from octavo.agent.confinement.sandbox import SandboxView, sandboxed
from octavo.agent.supervisor.job_folder import JobFolder


@dataclass(frozen=True, slots=True)
class Confined:
    """How to start a job at its level."""

    command: tuple[str, ...]
    account: Account | None
    environment: Mapping[str, str]
    user: str


class Confiner:
    """Prepares jobs for their level. Blocking: call it in a thread."""

    def __init__(self, home: Path, view: SandboxView | None, accounts: Accounts | None) -> None:
        self._home, self._view, self._accounts = home, view, accounts

    def confine(self, level: ConfinementLevel, folder: JobFolder, owner: str, command: Sequence[str]) -> Confined:
        """Hand the folder to the job's account and wrap its command as the level asks.

        Raises:
            AccountNotMade, OSError: the account or its folder could not be made.
        """
        match level:
            case ConfinementLevel.NONE:
                return Confined(tuple(command), None, {}, _own_name())
            case ConfinementLevel.ACCOUNT:
                account, owner_folder = self._open_owner_folder(owner)
                return self._as_owner(tuple(command), account, owner_folder, folder)
            case ConfinementLevel.SANDBOX:
                if self._view is None:
                    raise ValueError("this agent was told of no bubblewrap")
                account, owner_folder = self._open_owner_folder(owner)
                wrapped = sandboxed(self._view, folder, owner_folder, command)
                return self._as_owner(wrapped, account, owner_folder, folder)
            case _:
                assert_never(level)

    def _as_owner(
        self, command: tuple[str, ...], account: Account | None, owner_folder: Path, folder: JobFolder
    ) -> Confined:
        if account is not None:
            give_to(folder, account)
        user = account.name if account else _own_name()
        return Confined(command, account, owner_environment(owner_folder, user), user)

    def _open_owner_folder(self, owner: str) -> tuple[Account | None, Path]:
        """The owner's account (root only) and the folder that its jobs share: home, applications, caches."""
        account = self._accounts.get_account(owner) if self._accounts else None
        owners = self._home / "Owners"
        owners.mkdir(mode=0o711, exist_ok=True)
        path = owners / account_name(self._home, owner)
        path.mkdir(mode=0o700, exist_ok=True)
        for name in ("Applications", "Files"):
            (path / name).mkdir(exist_ok=True)
        if account is not None:
            for made in (path, path / "Applications", path / "Files"):
                os.chown(made, account.uid, account.gid)
        return account, path


def owner_environment(owner_folder: Path, user: str) -> dict[str, str]:
    """What replaces the agent's own places in the environment: a confined job sees its owner's instead."""
    return {
        "HOME": str(owner_folder),
        "USER": user,
        "LOGNAME": user,
        "TentacleHome": str(owner_folder),
        "TentacleApplications": str(owner_folder / "Applications"),
        "TentacleJournal": str(owner_folder / "DeploymentJournal.xml"),
        "CalamariPackageRetentionJournalPath": str(owner_folder / "PackageRetentionJournal.json"),
    }


def give_to(folder: JobFolder, account: Account) -> None:
    """Let the account work in the folder, but not replace what the agent keeps there.

    The folder stays root's with the sticky bit: the job may make and remove its own files only.
    """
    kept = {folder.own.name, folder.output_log.name, folder.state_file.name}
    for path in folder.path.rglob("*"):
        if path.relative_to(folder.path).parts[0] not in kept:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    os.chown(folder.path, 0, account.gid)
    folder.path.chmod(stat.S_ISVTX | 0o770)


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
