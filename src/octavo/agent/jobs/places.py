"""Where an agent keeps things under its home. Source: tentacle-services.md §5.1; docs/reference/agent-jobs.md."""

from dataclasses import dataclass
from pathlib import Path

from octavo.agent.jobs.tickets import TicketName
from octavo.agent.supervisor.job_folder import JobFolder


@dataclass(frozen=True, slots=True)
class AgentPlaces:
    """The folders and files of one agent."""

    home: Path

    @property
    def work(self) -> Path:
        """One folder per ticket."""
        return self.home / "Work"

    @property
    def run(self) -> Path:
        """The agent's lock, its news socket, the numbers of accounts."""
        return self.home / "Run"

    @property
    def heartbeat(self) -> Path:
        return self.home / "livez.heartbeat"

    def folder_of(self, ticket: TicketName) -> JobFolder:
        """The folder of a ticket, whether it exists or not."""
        return JobFolder(self.work / ticket)

    def make(self) -> None:
        """Create what is missing. Other accounts may pass through to their own workspaces, and see nothing."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(mode=0o711, exist_ok=True)
        self.run.mkdir(mode=0o700, exist_ok=True)
        self.work.chmod(0o711)
        self.run.chmod(0o700)
