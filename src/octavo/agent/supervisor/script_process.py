"""Starts the script's process: its own session, its limits, its account, its output through pipes."""

import fcntl
import os
import resource
import signal
from typing import NoReturn

from octavo.agent.supervisor import linux
from octavo.agent.supervisor.job_folder import JobPlan, Limits

#: A large pipe lets a talkative script run ahead instead of waking us for every line.
_PIPE_BYTES = 1 << 20

#: Python ignores these; a script expects them to do their duty.
_RESTORED_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ)


class ShellNotStarted(Exception):
    """The program could not be run; the message says why."""


class ForkedScript:
    """A process that will be the script: everything is prepared, and it waits for our word to run the program.

    So the time that a durable note of the start takes is not lost, and no program runs before it is noted. When we end
    without a word, it ends too.
    """

    def __init__(self, plan: JobPlan, working_directory: str) -> None:
        self.stdout, out_write = _pipe()
        self.stderr, err_write = _pipe()
        self._failure, failure_write = os.pipe2(os.O_CLOEXEC)
        gate, self._gate = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._gate)
            _become_script(plan, working_directory, gate, (out_write, err_write, failure_write))
        for descriptor in (out_write, err_write, failure_write, gate):
            os.close(descriptor)

    def run(self) -> None:
        """Let it run the program.

        Raises:
            ShellNotStarted: the program, the folder, the account or a limit refused.
        """
        os.write(self._gate, b"!")
        os.close(self._gate)
        failure = _read_all(self._failure)
        if failure:
            self._forget()
            raise ShellNotStarted(failure)

    def abandon(self) -> None:
        """Let it end without having run anything."""
        os.close(self._gate)
        os.close(self._failure)
        self._forget()

    def _forget(self) -> None:
        os.close(self.stdout)
        os.close(self.stderr)
        os.waitpid(self.pid, 0)


def _become_script(plan: JobPlan, working_directory: str, gate: int, ends: tuple[int, int, int]) -> NoReturn:
    """What the child does. It never returns: it becomes the program, or says why not and ends."""
    out_write, err_write, failure_write = ends
    try:
        signal.set_wakeup_fd(-1)
        os.setsid()
        os.dup2(out_write, 1)
        os.dup2(err_write, 2)
        for number in _RESTORED_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        _apply_limits(plan.limits)
        _change_account(plan.account)
        os.chdir(working_directory)
        linux.die_with_parent(signal.SIGKILL)
        if not os.read(gate, 1):
            os._exit(0)
        os.execve(plan.command[0], plan.command, dict(plan.environment))  # noqa: S606  no shell, on purpose
    except Exception as error:  # the root of a process: whatever it is, the parent tells the user
        os.write(failure_write, (str(error) or type(error).__name__).encode()[:4000])
    os._exit(127)


def _apply_limits(limits: Limits) -> None:
    for kind, value in (
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
    ):
        if value:
            _, hard = resource.getrlimit(kind)
            bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (bound, bound))


def _change_account(account: tuple[int, int] | None) -> None:
    if account is None:
        return
    uid, gid = account
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    linux.gain_no_privileges()


def _pipe() -> tuple[int, int]:
    read, write = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    except PermissionError:
        pass  # an ordinary account has a bounded sum of pipe memory; the usual size works as well
    return read, write


def _read_all(descriptor: int) -> str:
    """What comes until all writers closed: nothing once the program runs, since exec closes the other end."""
    parts = []
    while part := os.read(descriptor, 4096):
        parts.append(part)
    os.close(descriptor)
    return b"".join(parts).decode("utf-8", "replace")
