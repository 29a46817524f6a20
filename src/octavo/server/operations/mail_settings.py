"""Through which mail server e-mails of deployments go. Source: endpoints.md §1 (`/smtpconfiguration`)."""

from dataclasses import dataclass, field
from typing import ClassVar

from sqlalchemy.ext.asyncio import AsyncConnection

from octavo.base.errors import Invalid
from octavo.base.sensitive import Sensitive
from octavo.server.domain.permissions import Permission
from octavo.server.domain.vault import Vault, place
from octavo.server.operations.audit import record
from octavo.server.operations.context import OperationContext, require
from octavo.server.operations.documents import Document, Json, SensitiveValue, parse
from octavo.server.store.settings import find_setting, set_setting

_KEY = "smtp"
_SEAL = place("settings", _KEY, "SmtpPassword")


@dataclass(frozen=True, slots=True)
class MailSettings:
    """A mail server, and as whom to write."""

    host: str
    port: int
    sender: str
    uses_tls: bool
    login: str
    password: Sensitive | None = field(repr=False)
    timeout_seconds: int


class MailSettingsDocument(Document):
    """What the API shows. `EnableSsl`: TLS from the start on port 465, by STARTTLS on others."""

    noun: ClassVar[str] = "mail setting"

    smtp_host: str = ""
    smtp_port: int = 25
    send_email_from: str = ""
    smtp_login: str = ""
    smtp_password: SensitiveValue | None = None
    enable_ssl: bool = False
    timeout: int = 12_000  # milliseconds


async def read_mail_settings(context: OperationContext) -> Json:
    """The settings, without the password."""
    require(context, Permission.CONFIGURE_SERVER)
    async with context.store.reading() as connection:
        return _shown(await _stored(connection))


async def modify_mail_settings(context: OperationContext, data: object) -> Json:
    """Replace the settings; a password that is not given stays.

    Raises:
        Invalid: there is no such port, or nobody to write as.
    """
    require(context, Permission.CONFIGURE_SERVER)
    wanted = parse(MailSettingsDocument, data)
    if not 0 < wanted.smtp_port < 65_536:
        raise Invalid(f"SmtpPort must be a port from 1 to 65535, not {wanted.smtp_port}.")
    if not 1_000 <= wanted.timeout <= 600_000:
        raise Invalid("Timeout must be from 1000 to 600000 milliseconds.")
    if wanted.smtp_host and "@" not in wanted.send_email_from:
        raise Invalid("Please say in SendEmailFrom from which address e-mails come.")
    async with context.store.writing() as connection:
        before = await _stored(connection)
        after = wanted.model_dump(by_alias=True) | {"SmtpPassword": _sealed(wanted, before, context.vault)}
        await set_setting(connection, _KEY, after)
        changes = {"Before": _shown(before), "After": _shown(after)}
        await record(context, connection, "Modified", "The mail settings were changed", changes=changes)
    return _shown(after)


async def find_mail_settings(connection: AsyncConnection, vault: Vault) -> MailSettings | None:
    """The settings, to use them; None while there is no mail server."""
    stored = await _stored(connection)
    if not stored["SmtpHost"]:
        return None
    password = vault.open(stored["SmtpPassword"], _SEAL) if stored["SmtpPassword"] else None
    return MailSettings(
        stored["SmtpHost"],
        stored["SmtpPort"],
        stored["SendEmailFrom"],
        stored["EnableSsl"],
        stored["SmtpLogin"],
        password,
        max(1, stored["Timeout"] // 1_000),
    )


async def _stored(connection: AsyncConnection) -> Json:
    return MailSettingsDocument().model_dump(by_alias=True) | (await find_setting(connection, _KEY) or {})


def _sealed(wanted: MailSettingsDocument, before: Json, vault: Vault) -> str | None:
    given = wanted.smtp_password
    if given is None or (given.has_value and not given.new_value):
        return before["SmtpPassword"] and str(before["SmtpPassword"])
    return vault.seal(Sensitive(given.new_value), _SEAL) if given.new_value else None


def _shown(stored: Json) -> Json:
    password = {"HasValue": bool(stored["SmtpPassword"]), "NewValue": None, "Hint": None}
    links = {"Self": "/api/smtpconfiguration", "IsConfigured": "/api/smtpconfiguration/isconfigured"}
    return {"Id": "smtpconfiguration", **stored, "SmtpPassword": password, "Links": links}
