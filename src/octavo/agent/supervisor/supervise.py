"""One job from start to end: run the script, store every line, leave the exit code. The supervisor's whole life.

It refuses a job that was started before, so a job runs at most once whatever is killed around it. It adopts orphans,
so that cancelling finds every process the script left, however it tried to get away.

Source: tentacle-services.md §6; docs/decisions/0020-supervisor-per-ticket.md.
"""

import os
import select
import signal
import time
from dataclasses import dataclass
from types import FrameType

from octavo.agent.supervisor import linux
from octavo.agent.supervisor.job_folder import (
    PENDING,
    JobFolder,
    JobPlan,
    ScriptState,
    find_cancel,
    find_state,
    make_durable,
    note_taken,
    read_plan,
    was_taken,
    write_state,
)
from octavo.agent.supervisor.line_splitter import LineSplitter
from octavo.agent.supervisor.log_format import DEBUG, STDERR, STDOUT
from octavo.agent.supervisor.log_writer import LogWriter
from octavo.agent.supervisor.news import NewsSender
from octavo.agent.supervisor.process_tree import kill_all, list_descendants, program_name, send_signal
from octavo.agent.supervisor.script_process import ForkedScript, ShellNotStarted

KILLED, FATAL, SHELL_NOT_STARTED, CANCELLED = -1, -41, -42, -43

_READ_BYTES = 1 << 20

#: After this many writes in a row without a pause the reader rests a moment, so that lines gather in the pipe.
_BUSY_WRITES = 8
_BUSY_SECONDS = 0.001
_REST_SECONDS = 0.001

#: bubblewrap ends at once on a polite signal and would take the script with it: only what it runs is asked.
_WRAPPER = "bwrap"


def supervise(folder: JobFolder, lock: int) -> None:
    """Run the job whose lock we hold, unless it was started before."""
    state = find_state(folder)
    if state is None or state.state != PENDING or was_taken(folder):
        return
    plan = read_plan(folder)
    news = NewsSender(plan.run_folder, plan.ticket)
    linux.adopt_orphans()
    signals = _SignalPipe()
    note_taken(lock)
    exit_code = _run(_Assignment(folder, plan, state, news, signals), lock)
    write_state(folder, (find_state(folder) or state).ended(exit_code))
    news.tell_last()


def rehearse(folder: JobFolder) -> None:
    """Do in a folder of no job what every start does: a fork pays for its memory pages before a job waits for it.

    Measured: 2 ms less until the script runs.
    """
    state, plan = find_state(folder), read_plan(folder)
    NewsSender(plan.run_folder, plan.ticket).close()
    log = LogWriter(folder)
    log.append(DEBUG, _opening_lines(plan, folder))
    log.close()
    for path in (folder.output_log, folder.log_index):
        path.unlink()
    if state is not None:
        write_state(folder, state.begun())
    LineSplitter().feed(b"line\n")


@dataclass(frozen=True, slots=True)
class _Assignment:
    """What one supervisor works with."""

    folder: JobFolder
    plan: JobPlan
    state: ScriptState
    news: NewsSender
    signals: "_SignalPipe"


def _run(work: _Assignment, lock: int) -> int:
    """The exit code. No program runs before the start is noted on disk."""
    try:
        log = LogWriter(work.folder)
        if find_cancel(work.folder) is not None:
            log.append(STDOUT, ["Script execution canceled."])
            return CANCELLED
    except OSError:
        return FATAL
    script = ForkedScript(work.plan, str(work.folder.path))
    try:
        write_state(work.folder, work.state.begun())
        make_durable(lock)
    except OSError:
        script.abandon()
        return FATAL
    return _run_script(work, script, log)


def _run_script(work: _Assignment, script: ForkedScript, log: LogWriter) -> int:
    shell = work.plan.shell
    try:
        script.run()
    except ShellNotStarted as failure:
        message = str(failure)
        log.append(STDERR, [f"An exception was thrown when invoking {shell}: {message}", message])
        return SHELL_NOT_STARTED
    watch = _Watch(work, script, log)
    try:
        log.append(DEBUG, _opening_lines(work.plan, work.folder))
        exit_code = watch.run()
        log.append(DEBUG, [f"Process {shell} in {work.folder.path} exited with code {exit_code}"])
    except OSError:
        watch.kill_everything()
        return FATAL
    return exit_code


def _opening_lines(plan: JobPlan, folder: JobFolder) -> list[str]:
    return [
        f"Executable directory is {os.path.dirname(plan.shell)}",  # noqa: PTH120  pathlib is not imported for this
        f"Executable name or full path: {plan.shell}",
        f"Starting {plan.shell} in working directory '{folder.path}' using 'Unicode (UTF-8)' encoding "
        f"running as '{plan.user}'",
    ]


class _SignalPipe:
    """Signals as bytes in a pipe, to be waited for together with output."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _note)
        signal.signal(signal.SIGTERM, _note)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def drain(self) -> None:
        """Forget the bytes; what they mean is looked up."""
        try:
            while os.read(self.reader, 512):
                pass
        except BlockingIOError:
            return


def _note(_number: int, _frame: FrameType | None) -> None:
    """The byte in the pipe is all we want."""


class _Watch:
    """A running script: its output, its end, and the wish to cancel it."""

    def __init__(self, work: _Assignment, script: ForkedScript, log: LogWriter) -> None:
        self._folder, self._news, self._signals = work.folder, work.news, work.signals
        self._script, self._log = script, log
        self._streams = {script.stdout: (STDOUT, LineSplitter()), script.stderr: (STDERR, LineSplitter())}
        self._wait_status: int | None = None
        self._kill_at: float | None = None
        self._is_cancelled = False
        self._poll = select.poll()
        for descriptor in (*self._streams, self._signals.reader):
            self._poll.register(descriptor, select.POLLIN)
        self._busy_writes, self._last_write = 0, 0.0

    def run(self) -> int:
        """Store output until the script ended and its output is closed, or all was killed. Returns the exit code."""
        self._look_for_cancel()
        while self._streams or self._wait_status is None:
            self._rest_when_busy()
            ready = self._poll.poll(self._patience_milliseconds())
            for descriptor, _ in ready:
                if descriptor == self._signals.reader:
                    self._take_signals()
                else:
                    self._take_output(descriptor)
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                self.kill_everything()
                self._close_output()
                break
        return self._exit_code()

    def kill_everything(self) -> None:
        """Kill every process below us until there is none, and reap them."""
        me = os.getpid()
        kill_all(lambda: list_descendants([me]), self._reap)
        self._reap()

    def _patience_milliseconds(self) -> float | None:
        return None if self._kill_at is None else max(0.0, (self._kill_at - time.monotonic()) * 1000)

    def _take_signals(self) -> None:
        self._signals.drain()
        self._reap()
        self._look_for_cancel()

    def _look_for_cancel(self) -> None:
        grace = find_cancel(self._folder)
        if grace is None or self._is_cancelled:
            return
        self._is_cancelled = True
        self._kill_at = time.monotonic() + grace
        if grace > 0:
            for pid in list_descendants([os.getpid()]):
                if program_name(pid) != _WRAPPER:
                    send_signal(pid, signal.SIGTERM)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._script.pid:
                self._wait_status = status

    def _take_output(self, descriptor: int) -> None:
        source, splitter = self._streams[descriptor]
        chunk = os.read(descriptor, _READ_BYTES)
        self._store(source, splitter.feed(chunk) if chunk else splitter.finish())
        if not chunk:
            self._forget(descriptor)

    def _store(self, source: str, lines: list[str]) -> None:
        if not lines:
            return
        self._log.append(source, lines)
        self._news.tell()
        now = time.monotonic()
        self._busy_writes = self._busy_writes + 1 if now - self._last_write < _BUSY_SECONDS * 2 else 0
        self._last_write = now

    def _rest_when_busy(self) -> None:
        if self._busy_writes > _BUSY_WRITES and self._wait_status is None:
            time.sleep(_REST_SECONDS)

    def _close_output(self) -> None:
        """Take what is in the pipes already, wait for nothing more."""
        for descriptor in list(self._streams):
            os.set_blocking(descriptor, False)
            while descriptor in self._streams:
                try:
                    self._take_output(descriptor)
                except BlockingIOError:
                    source, splitter = self._streams[descriptor]
                    self._store(source, splitter.finish())
                    self._forget(descriptor)

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        os.close(descriptor)
        del self._streams[descriptor]

    def _exit_code(self) -> int:
        if self._wait_status is None:
            return KILLED
        code = os.waitstatus_to_exitcode(self._wait_status)
        if code >= 0:
            return code
        return KILLED if self._is_cancelled else 128 - code
