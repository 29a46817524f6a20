"""`octavo server check`: what would go wrong at the start, found without starting. Changes nothing."""

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from octavo.base.errors import ConfigurationError, OctavoError
from octavo.server.app import open_socket
from octavo.server.settings import Address, Settings, load_settings
from octavo.server.store import Store
from octavo.server.store.folder_lock import locked_folder


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    is_right: bool
    message: str

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return {"Subject": self.subject, "IsRight": self.is_right, "Message": self.message}


async def check_configuration(
    flags: Mapping[str, str | None], environment: Mapping[str, str], config: Path | None
) -> list[Finding]:
    """Everything that was looked at, right or wrong."""
    try:
        settings = load_settings(flags, environment, config)
    except ConfigurationError as error:
        return [Finding("settings", False, str(error))]
    findings = [Finding("settings", True, _sources(settings))]
    findings += _folder(settings.data)
    findings += [_port("listen", settings.listen), _port("polling-listen", settings.polling_listen)]
    findings.append(_external_url(settings))
    if settings.database:
        findings.append(await _database(settings.database))
    return findings


def _sources(settings: Settings) -> str:
    if not settings.source:
        return "all have their defaults."
    return "; ".join(f"{key} from {source}" for key, source in sorted(settings.source.items())) + "."


def _folder(folder: Path) -> Iterator[Finding]:
    if not folder.exists():
        parent = next(each for each in folder.resolve().parents if each.exists())
        is_right = os.access(parent, os.W_OK | os.X_OK)
        told = "will be made" if is_right else f"cannot be made: this account may not write to {parent}"
        yield Finding("data", is_right, f"The data folder {folder} {told}.")
        return
    try:
        with locked_folder(folder):
            yield Finding("data", True, f"The data folder {folder} can be used.")
    except ConfigurationError as error:
        yield Finding("data", False, str(error))


def _port(option: str, address: Address) -> Finding:
    try:
        open_socket(address, option).close()
    except ConfigurationError as error:
        return Finding(option, False, str(error))
    return Finding(option, True, f"{address} is free.")


def _external_url(settings: Settings) -> Finding:
    if settings.external_url is None:
        return Finding("external-url", True, "not set: agents and people use the address they were given.")
    host = settings.external_url.split("//", 1)[1].rstrip("/").rsplit(":", 1)[0].strip("[]")
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        return Finding("external-url", False, f"The name '{host}' is not known to this machine: {error.strerror}.")
    return Finding("external-url", True, f"{settings.external_url} is served at the host's root, as clients need it.")


async def _database(url: str) -> Finding:
    try:
        async with await Store.open(url) as store, store.reading():
            return Finding("database", True, "It answers.")
    except OctavoError as error:
        return Finding("database", False, str(error))
