"""The command line of bubblewrap for one job. Pure.

Seen inside: the machine's files, read-only; the job's workspace and its owner's folder, writable; `/tmp`, `/proc` and
processes of its own; the network of the machine. Not seen: other workspaces, the agent's home and configuration, the
home folder of the agent's account, and the sockets of its log-in session.

bubblewrap stands under the supervisor and without `--die-with-parent`: the script outlives everything but its end.

Source: FOUNDATIONS §17; bwrap(1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from octavo.agent.supervisor.job_folder import JobFolder


@dataclass(frozen=True, slots=True)
class SandboxView:
    """What differs from agent to agent: `hidden` are folders that no job may see; those missing are left out."""

    bubblewrap: str
    hidden: tuple[Path, ...]


def sandboxed(view: SandboxView, folder: JobFolder, owner_folder: Path, command: Sequence[str]) -> tuple[str, ...]:
    """The command line that runs `command` inside the job's sandbox."""
    work = str(folder.path)
    return (
        *(view.bubblewrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
        *("--tmpfs", "/tmp", "--tmpfs", "/var/tmp"),  # noqa: S108  mount points of the sandbox's own
        *(part for path in view.hidden for part in ("--tmpfs", str(path))),
        *("--bind", str(owner_folder), str(owner_folder), "--bind", work, work),
        *("--tmpfs", str(folder.own)),
        *_read_only(folder.output_log),
        *_read_only(folder.state_file),
        *("--unshare-all", "--share-net", "--new-session", "--chdir", work, "--", *command),
    )


def _read_only(path: Path) -> tuple[str, ...]:
    """A job may read what is said about it; it may not rewrite it."""
    return ("--ro-bind-try", str(path), str(path))
