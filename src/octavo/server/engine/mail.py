"""Sends one e-mail by SMTP. Source: resources.md §9 (`Octopus.Email`); RFC 5321, RFC 5322."""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, getaddresses

from octavo.base.errors import Invalid
from octavo.server.operations.mail_settings import MailSettings

_TLS_PORT = 465
_PRIORITIES = {"high": "1", "low": "5"}


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail. `message_id` is the same when it is sent again, so that a second copy can be told."""

    message_id: str
    to: Sequence[str]
    copy: Sequence[str]
    blind_copy: Sequence[str]
    subject: str
    body: str
    is_html: bool = False
    priority: str = ""

    @property
    def recipients(self) -> list[str]:
        """Everyone who gets it, once."""
        return list(dict.fromkeys((*self.to, *self.copy, *self.blind_copy)))


async def send_mail(settings: MailSettings, mail: Mail) -> None:
    """Hand the e-mail to the mail server.

    Raises:
        Invalid: there is nobody to write to, or the mail server cannot be reached or refuses; the message says why.
    """
    if not mail.recipients:
        raise Invalid("There is nobody to send the e-mail to: no address was found.")
    try:
        await asyncio.to_thread(_send, settings, mail)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Invalid(
            f"The mail server {settings.host}:{settings.port} did not take the e-mail: {_reason(error)}. "
            "Are the mail settings of this server right?"
        ) from error


def addresses_in(text: str) -> list[str]:
    """The addresses in a list with commas, semicolons or new lines between them."""
    lines = text.replace(";", ",").replace("\n", ",").replace("\r", ",")
    return [address for _, address in getaddresses([lines]) if "@" in address]


def _send(settings: MailSettings, mail: Mail) -> None:
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, ", ".join(mail.to)
    if mail.copy:
        message["Cc"] = ", ".join(mail.copy)
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"], message["Message-ID"] = formatdate(), mail.message_id
    if mail.priority.lower() in _PRIORITIES:
        message["X-Priority"] = _PRIORITIES[mail.priority.lower()]
    message.set_content(mail.body, subtype="html" if mail.is_html else "plain")
    with _connected(settings) as server:
        if settings.login and settings.password is not None:
            server.login(settings.login, settings.password.reveal())
        server.send_message(message, settings.sender, mail.recipients)


def _connected(settings: MailSettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.uses_tls and settings.port == _TLS_PORT:
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_seconds, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)
    if settings.uses_tls:
        server.starttls(context=context)
    return server


def _reason(error: Exception) -> str:
    """What the server said; an answer to a login may repeat what was sent, so its text is left out."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"it refused the login with code {error.smtp_code}"
    return str(error) or type(error).__name__
