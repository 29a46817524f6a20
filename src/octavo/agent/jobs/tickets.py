"""Tickets as they come over the wire, checked before they become a folder's name.

Source: tentacle-services.md §4.5, statement 30.
"""

from typing import NewType

from octavo.contracts.scripts import ScriptTicket

#: A ticket that is safe as the name of one folder.
TicketName = NewType("TicketName", str)

_MAX_BYTES = 200  # file systems allow 255; room for what is made of it


class InvalidTicket(ValueError):
    """The ticket cannot name a folder. The message says why."""


def parse_ticket(ticket: ScriptTicket) -> TicketName:
    """The ticket as a folder name.

    Raises:
        InvalidTicket: empty, too long, hidden, or it would lead to another folder.
    """
    name = ticket.task_id
    if not name or name != name.strip():
        raise InvalidTicket(f"The script ticket {name!r} is empty or begins or ends with a blank.")
    if name.startswith(".") or any(character in name for character in "/\\:\0") or not name.isprintable():
        raise InvalidTicket(f"The script ticket {name!r} cannot be used: it must name one folder below Work.")
    if len(name.encode()) > _MAX_BYTES:
        raise InvalidTicket(f"The script ticket {name[:20]!r}… is longer than {_MAX_BYTES} bytes.")
    return TicketName(name)


def ticket_key(name: TicketName) -> str:
    """Tickets that differ only in case are one ticket; this is the same for both."""
    return name.casefold()
