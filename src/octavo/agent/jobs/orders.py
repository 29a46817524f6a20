"""What a service asks the agent to run, whichever service it came by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from octavo.agent.jobs.isolation import DEFAULT_MUTEX_NAME
from octavo.agent.jobs.tickets import TicketName
from octavo.agent.supervisor.job_folder import Limits
from octavo.contracts.scripts import ScriptFile, ScriptIsolationLevel

#: What old servers mean by no timeout: 2³¹−1 milliseconds.
LONGEST_WAIT = timedelta(milliseconds=2**31 - 1)


@dataclass(frozen=True, slots=True)
class JobOrder:
    """One script to run once. `confinement` is a level's name or `best`; `owner` is whom the job belongs to."""

    ticket: TicketName
    task_id: str
    body: str
    confinement: str
    files: tuple[ScriptFile, ...] = ()
    arguments: tuple[str, ...] = ()
    isolation: ScriptIsolationLevel = ScriptIsolationLevel.NO_ISOLATION
    mutex_name: str = DEFAULT_MUTEX_NAME
    mutex_timeout: timedelta = LONGEST_WAIT
    owner: str = ""
    limits: Limits = field(default_factory=Limits)


def choose_body(script_body: str, scripts: Mapping[str, str]) -> str:
    """The text for bash: `Bash` of the bodies by syntax if there is one."""
    return scripts.get("Bash", script_body)


def mutex_timeout(asked_for: timedelta) -> timedelta:
    """Zero means no timeout."""
    return asked_for or LONGEST_WAIT
