"""Finds out at start which levels this machine gives, by really trying them. Blocking: call it in a thread."""

import os
import shutil
import subprocess
from pathlib import Path

from octavo.agent.confinement.accounts import Accounts
from octavo.agent.confinement.levels import ConfinementLevel, ConfinementOffer
from octavo.agent.confinement.sandbox import SandboxView

#: Some number for the trial as root: nobody's.
_TRIAL_ID = 65534
_TRIAL_SECONDS = 10


def find_sandbox_view(hidden: tuple[Path, ...]) -> SandboxView | None:
    """What sandboxes of this agent look like; None without bubblewrap. Missing folders cannot be hidden."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        return None
    session = Path("/run/user")  # through these sockets a job could ask the log-in session to start things outside
    return SandboxView(bubblewrap, tuple(path for path in (*hidden, session) if path.is_dir()))


def probe_confinement(work: Path, view: SandboxView | None, accounts: Accounts | None) -> ConfinementOffer:
    """Which levels jobs with workspaces below `work` can have, and why not the others."""
    reasons: dict[ConfinementLevel, str] = {}
    account_reason = _reason_against_accounts(work, accounts)
    if account_reason:
        reasons[ConfinementLevel.ACCOUNT] = account_reason
    sandbox_reason = _reason_against_sandbox(view, account_reason if accounts is not None else "")
    if sandbox_reason:
        reasons[ConfinementLevel.SANDBOX] = sandbox_reason
    return ConfinementOffer(reasons)


def _reason_against_accounts(work: Path, accounts: Accounts | None) -> str:
    if accounts is None:
        return "the agent does not run as root, so it cannot run jobs as other accounts."
    closed = [path for path in (work, *work.parents) if not path.stat().st_mode & 0o001]
    if closed:
        return f"other accounts cannot enter {closed[-1]} (allow it with: chmod o+x {closed[-1]})."
    return ""


def _reason_against_sandbox(view: SandboxView | None, account_reason: str) -> str:
    if view is None:
        return "bubblewrap (bwrap) is not installed."
    if account_reason:
        return account_reason
    command = [view.bubblewrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
    command += ["--unshare-all", "--share-net", "--new-session", "--", "/bin/true"]
    trial_id = _TRIAL_ID if os.geteuid() == 0 else None
    try:
        trial = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TRIAL_SECONDS,
            cwd="/",
            user=trial_id,
            group=trial_id,
            extra_groups=() if trial_id else None,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap could not be run: {error}."
    if trial.returncode:
        return f"bubblewrap failed: {trial.stderr.strip() or f'exit code {trial.returncode}'}."
    return ""
