"""The ticket of one script on one machine: always the same for the same piece of work.

Whoever resumes a task after a crash computes the same ticket, and the agent, asked to start it again, does not.
Source: DESIGN §6 («Tickets are deterministic»); tentacle-services.md §4.5: letters and digits only, it names a folder.
"""

from uuid import UUID, uuid5

_NAMESPACE = UUID("6f6c6f67-0c7a-5e8b-9a43-6f637461766f")


def ticket_for(task_id: str, unit_id: str, machine_id: str, attempt: int) -> str:
    """32 hex digits that name this attempt of this unit on this machine."""
    return uuid5(_NAMESPACE, f"{task_id}|{unit_id}|{machine_id}|{attempt}").hex
