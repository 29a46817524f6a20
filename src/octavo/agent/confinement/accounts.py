"""An OS account for each owner of jobs, made when first needed. Only root can.

Accounts are named after the agent's home and the owner, so two agents on one machine never share one. Where `useradd`
is missing, or `TENTACLE_JOB_ACCOUNTS=numbers` is in the agent's environment, numbers are given out without an entry in
the account database: that isolates as well and leaves nothing behind, only `whoami` and `ssh` miss a name.
"""

import hashlib
import itertools
import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from octavo.agent.supervisor.job_folder import replace_file

#: Above the ranges that distributions give to people (1000…60000) and to containers' sub-ids (100000…).
_FIRST_NUMBER = 61_200_000
_NUMBERS_PER_HOME = 1000

CHOICE_VARIABLE = "TENTACLE_JOB_ACCOUNTS"


class AccountNotMade(Exception):
    """The operating system refused; the message repeats its words."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account by name and numbers."""

    name: str
    uid: int
    gid: int


class Accounts(Protocol):
    """Gives each owner its account, always the same one. Blocking: call it in a thread."""

    def get_account(self, owner: str) -> Account: ...


def account_name(home: Path, owner: str) -> str:
    """The name of the account that `owner` has under the agent at `home`; also of its folder there."""
    digest = hashlib.sha256(f"{home}\0{owner}".encode()).hexdigest()
    return f"octavo-{digest[:12]}"


def system_accounts(home: Path, registry: Path, environment: Mapping[str, str]) -> Accounts:
    """Real accounts where `useradd` exists and numbers are not asked for, else numbered ones noted in `registry`."""
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None or environment.get(CHOICE_VARIABLE) == "numbers":
        return NumberedAccounts(home, registry)
    return NamedAccounts(home, useradd)


class NamedAccounts:
    """System accounts in the account database, without a password or a shell."""

    def __init__(self, home: Path, useradd: str) -> None:
        self._home, self._useradd = home, useradd

    def get_account(self, owner: str) -> Account:
        """The owner's account, created when it does not exist.

        Raises:
            AccountNotMade: `useradd` failed.
        """
        name = account_name(self._home, owner)
        return _find_account(name) or self._make(name)

    def _make(self, name: str) -> Account:
        options = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
        number = str(_free_number(self._home))
        command = [self._useradd, *options, "--shell", "/usr/sbin/nologin", "--uid", number, name]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        account = _find_account(name)  # another agent process may have been faster
        if account is None:
            raise AccountNotMade(f"The account {name} could not be created: {result.stderr.strip()}")
        return account


class NumberedAccounts:
    """Numbers that no account has, one per owner, remembered in a file."""

    def __init__(self, home: Path, registry: Path) -> None:
        self._home, self._registry = home, registry

    def get_account(self, owner: str) -> Account:
        """The owner's account; a new number when it has none yet."""
        name = account_name(self._home, owner)
        numbers = self._read()
        if name not in numbers:
            numbers[name] = max(numbers.values(), default=_first_number(self._home) - 1) + 1
            replace_file(self._registry, json.dumps(numbers).encode(), durably=True)
        return Account(name, numbers[name], numbers[name])

    def _read(self) -> dict[str, int]:
        try:
            numbers: dict[str, int] = json.loads(self._registry.read_bytes())
        except FileNotFoundError:
            return {}
        return numbers


def _first_number(home: Path) -> int:
    """Another range for every home, so that two agents without `useradd` do not share numbers."""
    spread = int.from_bytes(hashlib.sha256(os.fsencode(home)).digest()[:2])
    return _FIRST_NUMBER + spread * _NUMBERS_PER_HOME


def _free_number(home: Path) -> int:
    """A number that no account has. Not from the range of system accounts, which is small."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(number for number in itertools.count(_first_number(home)) if number not in taken)


def _find_account(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)
