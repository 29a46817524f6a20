"""Whatever is killed, a started script goes on, is never started again, and its whole log and exit code arrive.

Source: DESIGN §1.5; docs/decisions/0020-supervisor-per-ticket.md, 0022-true-results-after-restart.md.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from agents_under_test.agent_process import AgentProcess, agent_process
from agents_under_test.opened_agent import a_job, a_script, wait_for_path
from octavo.agent.jobs.output_log import parse_entries
from octavo.agent.jobs.preparing import MARKER_VARIABLE
from octavo.agent.supervisor.job_folder import JobFolder, find_supervisor, is_locked, read_plan
from octavo.agent.supervisor.process_tree import list_marked
from octavo.contracts.octavo_script_service import JobStatus, JobStatusRequest
from octavo.contracts.script_service_v2 import ScriptStatusRequestV2
from octavo.contracts.scripts import (
    ExitCode,
    ProcessOutputSource,
    ProcessState,
    ScriptIsolationLevel,
    ScriptTicket,
)
from octavo.halibut import HalibutError, Long

TICKET = ScriptTicket("ticket")

#: Counts its starts outside of the workspace, waits to be let go, prints numbered lines, ends with 7.
WAITING = "echo start >> ../../starts; echo begun; mkfifo go.new && mv go.new go; read -r _ < go; seq 1 500; exit 7"


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    async with agent_process(tmp_path) as started:
        yield started


async def test_a_script_outlives_its_killed_agent(agent: AgentProcess) -> None:
    """services 12, bettered: after killing and restarting the agent mid-script the true result and whole log arrive."""
    await agent.ours.start_job(a_job(WAITING))
    await wait_for_path(_work(agent) / "go")

    agent.kill()
    await agent.start()
    await _let_go(agent)
    status = await _finish(agent)

    assert (status.state, status.exit_code) == (ProcessState.COMPLETE, 7)
    assert _lines(status) == ["begun", *map(str, range(1, 501))]
    assert _starts(agent) == 1


async def test_a_script_ends_while_no_agent_runs(agent: AgentProcess) -> None:
    """services 12, bettered: what ended meanwhile is reported as it ended."""
    await agent.ours.start_job(a_job(WAITING))
    await wait_for_path(_work(agent) / "go")

    agent.kill()
    await _let_go(agent)
    await _until(lambda: not is_locked(JobFolder(_work(agent))))
    await agent.start()
    status = await _finish(agent)

    assert status.exit_code == 7
    assert _lines(status) == ["begun", *map(str, range(1, 501))]


async def test_a_repeated_start_after_a_restart_does_not_run_it_again(agent: AgentProcess) -> None:
    """services 9 and services 12: StartScript with a ticket that ran before the restart gives its result."""
    await agent.v2.start_script(a_script("echo start >> ../../starts; exit 3"))

    agent.kill()
    await agent.start()
    again = await agent.v2.start_script(a_script("echo start >> ../../starts; exit 3"))

    assert (again.state, again.exit_code) == (ProcessState.COMPLETE, 3)
    assert _starts(agent) == 1


async def test_a_killed_launcher_is_replaced_and_its_scripts_go_on(agent: AgentProcess) -> None:
    await agent.ours.start_job(a_job(WAITING))
    await wait_for_path(_work(agent) / "go")

    agent.kill_launcher()
    second = await agent.v2.start_script(a_script("echo second", "second"))
    await _let_go(agent)
    status = await _finish(agent)

    assert (second.exit_code, status.exit_code) == (0, 7)
    assert _starts(agent) == 1


async def test_a_killed_supervisor_gives_an_unknown_result_and_leaves_no_process(agent: AgentProcess) -> None:
    """services 12: the result is lost (−46), the lines so far are kept, the script is ended and never started again."""
    body = "echo start >> ../../starts; echo begun; setsid sleep 1000 & touch go; sleep 1000"
    await agent.ours.start_job(a_job(body, wait_seconds=30))
    await wait_for_path(_work(agent) / "go")
    folder = JobFolder(_work(agent))
    supervisor = find_supervisor(folder)
    assert supervisor is not None

    os.kill(supervisor, signal.SIGKILL)
    status = await _finish(agent)
    again = await agent.ours.start_job(a_job(body))

    assert (status.state, status.exit_code) == (ProcessState.COMPLETE, ExitCode.UNKNOWN_RESULT)
    assert _lines(status) == ["begun"]
    assert again.exit_code == ExitCode.UNKNOWN_RESULT
    assert list_marked(MARKER_VARIABLE, read_plan(folder).marker) == []
    assert _starts(agent) == 1


async def test_a_killed_script_gives_its_signal_as_exit_code(agent: AgentProcess) -> None:
    await agent.ours.start_job(a_job("echo $$ > pid.new; mv pid.new pid; exec sleep 1000"))
    await wait_for_path(_work(agent) / "pid")
    pid = int((_work(agent) / "pid").read_text())

    os.kill(pid, signal.SIGKILL)
    status = await _finish(agent)

    assert status.exit_code == 128 + signal.SIGKILL


async def test_agent_and_supervisor_killed_together_are_found_out_at_the_restart(agent: AgentProcess) -> None:
    """services 12: nobody is left who knows the result: −46, and a repeated start does not run it again."""
    await agent.ours.start_job(a_job(WAITING, wait_seconds=30))
    await wait_for_path(_work(agent) / "go")
    supervisor = find_supervisor(JobFolder(_work(agent)))
    assert supervisor is not None

    agent.kill()
    os.kill(supervisor, signal.SIGKILL)
    await _until(lambda: not is_locked(JobFolder(_work(agent))))
    await agent.start()
    await agent.ours.start_job(a_job(WAITING))
    status = await _finish(agent)

    assert status.exit_code == ExitCode.UNKNOWN_RESULT
    assert _lines(status) == ["begun"]
    assert _starts(agent) == 1


async def test_isolation_holds_across_a_restart(agent: AgentProcess) -> None:
    """services 18: a script that was running holds its mutex in the next agent; one that waited goes on waiting."""
    full = ScriptIsolationLevel.FULL_ISOLATION
    await agent.v2.start_script(a_script(WAITING, wait_seconds=None, isolation=full))
    await wait_for_path(_work(agent) / "go")
    await agent.v2.start_script(a_script("cat ../../starts; exit 2", "waiting", wait_seconds=None, isolation=full))

    agent.kill()
    await agent.start()
    waiting = await agent.v2.get_status(ScriptStatusRequestV2(ScriptTicket("waiting"), Long(0)))
    await _let_go(agent)
    ended = await _finish(agent)
    status = await _finish(agent, ScriptTicket("waiting"))

    assert waiting.state is ProcessState.PENDING
    assert (ended.exit_code, status.exit_code) == (7, 2)
    assert _lines(status)[-1] == "start"


async def test_kills_at_random_moments_start_every_script_once(agent: AgentProcess) -> None:
    """Agents and launchers are killed while scripts start, run and end: each ran once, each log is whole."""
    chance = random.Random(20)
    tickets = [f"job-{number}" for number in range(24)]
    body = "echo x >> ../../starts-{0}; for i in 1 2 3 4 5; do seq $((i*100-99)) $((i*100)); sleep 0.02; done; exit 9"

    async def start(ticket: str) -> None:
        while True:
            try:
                await agent.ours.start_job(a_job(body.format(ticket), ticket))
            except (HalibutError, OSError, AssertionError):
                await asyncio.sleep(0.05)  # nobody answers while the agent is down: the server asks again
            else:
                return

    async def kill() -> None:
        for _ in range(4):
            await asyncio.sleep(chance.uniform(0.02, 0.15))
            if chance.random() < 0.4:
                agent.kill_launcher()
            else:
                agent.kill()
                await agent.start()

    async with asyncio.timeout(60):
        await asyncio.gather(kill(), *(start(ticket) for ticket in tickets))
        statuses = [await _finish(agent, ScriptTicket(ticket)) for ticket in tickets]

    assert [status.exit_code for status in statuses] == [9] * len(tickets)
    assert all(_lines(status) == list(map(str, range(1, 501))) for status in statuses)
    starts = [(agent.home / f"starts-{ticket}").read_text() for ticket in tickets]
    assert starts == ["x\n"] * len(tickets)


def _work(agent: AgentProcess) -> Path:
    return agent.home / "Work" / "ticket"


def _starts(agent: AgentProcess) -> int:
    return (agent.home / "starts").read_text().count("start\n")


async def _let_go(agent: AgentProcess) -> None:
    with (_work(agent) / "go").open("w") as go:
        go.write("go\n")


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


async def _finish(agent: AgentProcess, ticket: ScriptTicket = TICKET) -> JobStatus:
    """Follow a job to its end as a server would, over lost connections; the whole log in the status."""
    log, after = b"", Long(0)
    async with asyncio.timeout(30):
        while True:
            request = JobStatusRequest(ticket, after, timedelta(seconds=2))
            status = await agent.ours.get_job_status(request)
            log, after = log + status.log, status.next_log_sequence
            if status.state is ProcessState.COMPLETE and not status.has_more:
                return JobStatus(
                    ticket, status.state, status.exit_code, after, log, has_more=False, confinement=status.confinement
                )


def _lines(status: JobStatus) -> list[str]:
    own = (ProcessOutputSource.STDOUT, ProcessOutputSource.STDERR)
    noise = {"##octopus[stdout-verbose]", "##octopus[stdout-default]", "##octopus[stdout-wait]"}
    return [
        line.text
        for line in parse_entries(status.log)
        if line.source in own
        and line.text not in noise
        and not line.text.startswith(("Acquiring isolation", "Waiting"))
    ]
