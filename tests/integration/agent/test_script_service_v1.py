"""`IScriptService` on real processes. Source: tentacle-services.md §4.5."""

import re

from agents_under_test.opened_agent import OpenedAgent, wait_for_state
from octavo.contracts.script_service_v1 import (
    CancelScriptCommand,
    CompleteScriptCommand,
    ScriptStatusRequest,
    StartScriptCommand,
)
from octavo.contracts.scripts import ProcessOutputSource, ProcessState, ScriptIsolationLevel, ScriptTicket
from octavo.halibut import Long

NO_ISOLATION = ScriptIsolationLevel.NO_ISOLATION


async def test_the_agent_makes_the_ticket(agent: OpenedAgent) -> None:
    """services 31: `<UTC time>-<task without ServerTasks->-<counter>`, another one at every call."""
    first = await agent.v1.start_script(StartScriptCommand("true", NO_ISOLATION, task_id="ServerTasks-12"))
    second = await agent.v1.start_script(StartScriptCommand("true", NO_ISOLATION))

    assert re.fullmatch(r"\d{14}-12-1", first.task_id)
    assert re.fullmatch(r"\d{14}--2", second.task_id)
    for ticket in (first, second):
        await wait_for_state(agent, ticket.task_id, ProcessState.COMPLETE)


async def test_complete_returns_the_remaining_lines_and_the_result(agent: OpenedAgent) -> None:
    """services 31: CompleteScript returns the lines that were not fetched yet, then the workspace is gone."""
    ticket = await agent.v1.start_script(StartScriptCommand("echo one; echo two; exit 6", NO_ISOLATION))
    await wait_for_state(agent, ticket.task_id, ProcessState.COMPLETE)
    before = await agent.v1.get_status(ScriptStatusRequest(ticket, Long(0)))
    position = next(number for number, line in enumerate(before.logs) if line.text == "one") + 1

    answer = await agent.v1.complete_script(CompleteScriptCommand(ticket, Long(position)))

    own = [line.text for line in answer.logs if line.source is ProcessOutputSource.STDOUT]
    assert (own, answer.state, answer.exit_code) == (["two"], ProcessState.COMPLETE, 6)
    assert not agent.workspace(ticket.task_id).exists()


async def test_an_unknown_ticket_is_complete_with_0(agent: OpenedAgent) -> None:
    """services 31: unknown ticket → Complete / 0, from all three methods."""
    ticket = ScriptTicket("20260101000000-1-1")

    answers = (
        await agent.v1.get_status(ScriptStatusRequest(ticket, Long(0))),
        await agent.v1.cancel_script(CancelScriptCommand(ticket, Long(0))),
        await agent.v1.complete_script(CompleteScriptCommand(ticket, Long(0))),
    )

    assert {(answer.state, answer.exit_code) for answer in answers} == {(ProcessState.COMPLETE, 0)}
