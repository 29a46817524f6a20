"""Cancelling leaves no process behind. Source: tentacle-services.md §4.3, §6.5."""

import asyncio
import os
from datetime import timedelta

import pytest

from agents_under_test.opened_agent import (
    OpenedAgent,
    a_job,
    a_script,
    finish_job,
    output,
    texts,
    wait_for_path,
    wait_for_state,
)
from octavo.agent.jobs.preparing import MARKER_VARIABLE
from octavo.agent.jobs.tickets import parse_ticket
from octavo.agent.supervisor.process_tree import list_marked
from octavo.contracts.octavo_script_service import CancelJobCommand
from octavo.contracts.script_service_v2 import CancelScriptCommandV2
from octavo.contracts.scripts import ExitCode, ProcessOutputSource, ProcessState, ScriptIsolationLevel, ScriptTicket
from octavo.halibut import Long

TICKET = ScriptTicket("ticket")

#: A child, a grandchild in a session of its own, and an orphan that forked away twice; each says its process id.
FAMILY = """
note() { echo $BASHPID > "$1.new"; mv "$1.new" "$1"; exec sleep 1000; }
(note child) &
setsid bash -c 'echo $$ > session.new; mv session.new session; exec sleep 1000' &
( ( setsid bash -c 'echo $$ > orphan.new; mv orphan.new orphan; exec sleep 1000' & ) & )
wait
"""


async def test_cancelling_kills_the_whole_tree(agent: OpenedAgent) -> None:
    """services 21, script-execution 27: children, grandchildren in other sessions and orphans that hold stdout end."""
    await agent.v2.start_script(a_script(FAMILY, wait_seconds=None))
    workspace = agent.workspace("ticket")
    pids = []
    for name in ("child", "session", "orphan"):
        await wait_for_path(workspace / name)
        pids.append(int((workspace / name).read_text()))

    await agent.v2.cancel_script(CancelScriptCommandV2(TICKET, Long(0)))
    response = await wait_for_state(agent, "ticket", ProcessState.COMPLETE)

    assert response.exit_code == ExitCode.KILLED
    assert [pid for pid in pids if _is_alive(pid)] == []
    job = agent.opened.jobs.find(parse_ticket(TICKET))
    assert job is not None
    assert job.plan is not None
    assert list_marked(MARKER_VARIABLE, job.plan.marker) == []


async def test_a_polite_cancel_gives_the_script_time_to_tidy_up(agent: OpenedAgent) -> None:
    body = "trap 'echo tidied; exit 5' TERM; mkfifo never; touch ready; while :; do read -r -t 1 _ <> never; done"
    await agent.ours.start_job(a_job(body))
    await wait_for_path(agent.workspace("ticket") / "ready")

    await agent.ours.cancel_job(CancelJobCommand(TICKET, timedelta(seconds=20)))
    status = await finish_job(agent, TICKET)

    assert status.exit_code == 5
    assert b'"tidied"' in status.log


async def test_a_script_that_ignores_the_polite_signal_is_killed_after_the_grace(agent: OpenedAgent) -> None:
    body = "trap '' TERM; touch ready; while :; do sleep 1000; done"
    await agent.ours.start_job(a_job(body))
    await wait_for_path(agent.workspace("ticket") / "ready")

    await agent.ours.cancel_job(CancelJobCommand(TICKET, timedelta(seconds=0.05)))
    status = await finish_job(agent, TICKET)

    assert status.exit_code == ExitCode.KILLED


@pytest.mark.parametrize("confinement", ["account", "sandbox"])
async def test_a_confined_script_is_cancelled_politely_too(agent: OpenedAgent, confinement: str) -> None:
    body = "trap 'echo tidied; exit 5' TERM; mkfifo never; touch ready; while :; do read -r -t 1 _ <> never; done"
    await agent.ours.start_job(a_job(body, confinement=confinement))
    await wait_for_path(agent.workspace("ticket") / "ready")

    await agent.ours.cancel_job(CancelJobCommand(TICKET, timedelta(seconds=20)))
    status = await finish_job(agent, TICKET)

    assert (status.exit_code, status.confinement) == (5, confinement)


async def test_cancelling_twice_or_after_the_end_is_harmless(agent: OpenedAgent) -> None:
    await agent.v2.start_script(a_script("exit 4"))

    for _ in range(2):
        response = await agent.v2.cancel_script(CancelScriptCommandV2(TICKET, Long(0)))

    assert (response.state, response.exit_code) == (ProcessState.COMPLETE, 4)


async def test_a_script_cancelled_while_it_waits_never_runs(agent: OpenedAgent) -> None:
    """services 20, script-execution 82: cancel while waiting gives −43 with its two messages; the body never ran."""
    await agent.v2.start_script(a_script("mkfifo go; read -r _ < go", "holder", wait_seconds=None))
    waiting = a_script("touch ran", wait_seconds=None, isolation=ScriptIsolationLevel.FULL_ISOLATION)
    await agent.v2.start_script(waiting)

    await agent.v2.cancel_script(CancelScriptCommandV2(TICKET, Long(0)))
    response = await wait_for_state(agent, "ticket", ProcessState.COMPLETE)

    assert response.exit_code == ExitCode.CANCELLED
    assert texts(response, ProcessOutputSource.STDOUT)[-2:] == [
        "This task was canceled before it could start. Task This Task is still running.",
        "Script execution canceled.",
    ]
    assert not (agent.workspace("ticket") / "ran").exists()
    await agent.v2.cancel_script(CancelScriptCommandV2(ScriptTicket("holder"), Long(0)))
    await wait_for_state(agent, "holder", ProcessState.COMPLETE)


async def test_cancelling_many_at_once_ends_them_all(agent: OpenedAgent) -> None:
    tickets = [f"ticket-{number}" for number in range(8)]
    for ticket in tickets:
        await agent.v2.start_script(a_script("echo up; sleep 1000 & wait", ticket, wait_seconds=None))

    await asyncio.gather(
        *(agent.v2.cancel_script(CancelScriptCommandV2(ScriptTicket(ticket), Long(0))) for ticket in tickets)
    )
    responses = [await wait_for_state(agent, ticket, ProcessState.COMPLETE) for ticket in tickets]

    assert all(response.exit_code in (ExitCode.KILLED, ExitCode.CANCELLED) for response in responses)
    assert all(set(output(response)) <= {"up", "Script execution canceled."} for response in responses)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
