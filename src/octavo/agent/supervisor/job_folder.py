"""The folder of one ticket: which file is where, its state, its lock.

`Work/<ticket>` is the script's working directory and holds what the protocol names (`Output.log`,
`scriptstate.json`, the bootstrap script, the command's files). What is ours lies in `.octavo` below it.

Every state is written to a new file that then takes the old one's place, so a reader sees the old or the new state and
never half of one. Whoever runs the script holds the lock for as long as it lives, also when it is killed.

Source: tentacle-services.md §4.6, §5.1; docs/reference/agent-jobs.md.
"""

import fcntl
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from octavo.agent.supervisor.log_format import time_text

PENDING, RUNNING, COMPLETE = 0, 1, 2

#: Where supervisors reach the agent: a datagram socket of this name in the agent's run folder.
NEWS_SOCKET = "news.sock"


@dataclass(frozen=True, slots=True)
class JobFolder:
    """The paths inside one ticket's folder."""

    path: Path

    @property
    def own(self) -> Path:
        """Where our own files lie; no job may look into it."""
        return self.path / ".octavo"

    @property
    def output_log(self) -> Path:
        return self.path / "Output.log"

    @property
    def state_file(self) -> Path:
        return self.path / "scriptstate.json"

    @property
    def bootstrap(self) -> Path:
        return self.path / "Bootstrap.sh"

    @property
    def log_index(self) -> Path:
        return self.own / "log.index"

    @property
    def plan_file(self) -> Path:
        return self.own / "job.json"

    @property
    def cancel_file(self) -> Path:
        return self.own / "cancel.json"

    @property
    def lock_file(self) -> Path:
        return self.own / "supervisor.lock"

    @property
    def crash_report(self) -> Path:
        return self.own / "supervisor.err"


@dataclass(frozen=True, slots=True)
class ScriptState:
    """What `scriptstate.json` says. Times are ISO 8601 texts."""

    created: str
    started: str | None = None
    completed: str | None = None
    state: int = PENDING
    exit_code: int | None = None
    ran_to_completion: bool | None = None

    def begun(self) -> "ScriptState":
        """The state once the script is about to start."""
        return replace(self, started=time_text(), state=RUNNING)

    def ended(self, exit_code: int, *, ran_to_completion: bool = True) -> "ScriptState":
        """The state once all is over."""
        return replace(
            self, completed=time_text(), state=COMPLETE, exit_code=exit_code, ran_to_completion=ran_to_completion
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one job as the kernel enforces them (setrlimit); 0 means none."""

    cpu_seconds: int = 0
    memory_bytes: int = 0
    processes: int = 0
    open_files: int = 0
    file_bytes: int = 0


@dataclass(frozen=True, slots=True)
class JobPlan:
    """Everything that starting and re-attaching one job needs, as kept in `job.json`.

    `command` is the confined command line, `shell` the program it is about (for messages). `account` is (uid, gid) when
    the job runs as another account. `marker` is a value in the environment by which leftovers are known.
    """

    ticket: str
    task_id: str
    command: tuple[str, ...]
    shell: str
    user: str
    environment: Mapping[str, str]
    run_folder: str
    confinement: str
    marker: str
    isolation_level: int = 0
    mutex_name: str = "RunningScript"
    mutex_timeout_seconds: float = 0
    account: tuple[int, int] | None = None
    limits: Limits = field(default_factory=Limits)


def new_state() -> ScriptState:
    """The state of a job whose folder was just prepared."""
    return ScriptState(created=time_text())


def find_state(folder: JobFolder) -> ScriptState | None:
    """The state on disk; None when the folder has none (or is gone)."""
    try:
        text = folder.state_file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    document = json.loads(text.removeprefix(b"\xef\xbb\xbf"))
    return ScriptState(
        created=document["Created"],
        started=document.get("Started"),
        completed=document.get("Completed"),
        state=document["State"],
        exit_code=document.get("ExitCode"),
        ran_to_completion=document.get("RanToCompletion"),
    )


def write_state(folder: JobFolder, state: ScriptState) -> None:
    """Replace the state on disk."""
    document = {
        "Created": state.created,
        "Started": state.started,
        "Completed": state.completed,
        "State": state.state,
        "ExitCode": state.exit_code,
        "RanToCompletion": state.ran_to_completion,
    }
    replace_file(folder.state_file, json.dumps(document, separators=(",", ":")).encode())


def read_plan(folder: JobFolder) -> JobPlan:
    """The job's plan.

    Raises:
        OSError, ValueError: the folder has none, or it is unreadable.
    """
    document = json.loads(folder.plan_file.read_bytes())
    account = document.pop("account")
    return JobPlan(
        **{
            **document,
            "command": tuple(document["command"]),
            "account": tuple(account) if account else None,
            "limits": Limits(**document["limits"]),
        }
    )


def write_plan(folder: JobFolder, plan: JobPlan) -> None:
    """Keep the plan; only the agent's account can read it."""
    document = {name: getattr(plan, name) for name in plan.__slots__}  # `asdict` copies the environment value by value
    replace_file(folder.plan_file, json.dumps({**document, "limits": asdict(plan.limits)}).encode())


def request_cancel(folder: JobFolder, grace_seconds: float) -> None:
    """Leave word that the job is to end; its supervisor (or the next agent) obeys. Safe to repeat."""
    replace_file(folder.cancel_file, json.dumps({"grace_seconds": grace_seconds}).encode())


def find_cancel(folder: JobFolder) -> float | None:
    """The grace in seconds of a request to cancel; None when there is no request."""
    try:
        return float(json.loads(folder.cancel_file.read_bytes())["grace_seconds"])
    except FileNotFoundError:
        return None


def replace_file(path: Path, content: bytes, *, durably: bool = False) -> None:
    """Write a whole file so that readers see the old or the new content. Never follows a link laid in its way."""
    temporary = path.with_name(f".{uuid.uuid4().hex}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, content)
        if durably:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(path)
    if durably:
        _sync_folder(path.parent)


def try_lock(folder: JobFolder) -> int | None:
    """Take the job's lock and return its descriptor, to be kept open; None when somebody has it.

    The lock belongs to the open file: a forked child shares it, and it ends when the last holder is gone.
    """
    descriptor = os.open(folder.lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(folder: JobFolder) -> bool:
    """Whether a supervisor lives for this job."""
    try:
        descriptor = os.open(folder.lock_file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def was_taken(folder: JobFolder) -> bool:
    """Whether a supervisor ever took the job. Then it must not be started, whatever its state says."""
    try:
        return folder.lock_file.stat().st_size > 0
    except FileNotFoundError:
        return False


def note_taken(lock: int) -> None:
    """Write into the lock whose it is: the job is taken, once and for all, and this process listens to signals."""
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def make_durable(lock: int) -> None:
    """Let what was noted in the job's folder survive a power cut: one flush carries the journal with all before it."""
    os.fdatasync(lock)


def find_supervisor(folder: JobFolder) -> int | None:
    """The process id of the supervisor, once it listens to signals; None before and after."""
    try:
        text = folder.lock_file.read_text()
    except FileNotFoundError:
        return None
    return int(text) if text.strip().isdigit() and is_locked(folder) else None


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
