"""`IOctavoScriptServiceV1` on real processes. Source: contracts/octavo_script_service.py."""

import asyncio
from datetime import timedelta

from agents_under_test.opened_agent import OpenedAgent, a_job, finish_job, run_job, wait_for_path
from octavo.agent.jobs.output_log import parse_entries
from octavo.contracts.octavo_script_service import CancelJobCommand, JobStatusRequest
from octavo.contracts.scripts import ExitCode, ProcessOutputSource, ProcessState, ScriptTicket
from octavo.halibut import Long

TICKET = ScriptTicket("ticket")


async def test_a_short_job_needs_one_answer(agent: OpenedAgent) -> None:
    status = await agent.ours.start_job(a_job("echo hi; exit 2", wait_seconds=30))
    if status.state is not ProcessState.COMPLETE:  # a machine under load may need a second one
        status = await agent.ours.get_job_status(JobStatusRequest(TICKET, Long(99), timedelta(seconds=30)))

    assert (status.state, status.exit_code, status.has_more) == (ProcessState.COMPLETE, 2, False)


async def test_a_status_is_held_back_until_there_is_news(agent: OpenedAgent) -> None:
    await agent.ours.start_job(a_job("mkfifo go.new && mv go.new go; read -r _ < go; echo news; read -r _ < go"))
    await wait_for_path(agent.workspace("ticket") / "go")
    seen = (await agent.ours.get_job_status(JobStatusRequest(TICKET, Long(0), timedelta()))).next_log_sequence

    waiting = asyncio.create_task(
        agent.ours.get_job_status(JobStatusRequest(TICKET, seen, timedelta(seconds=30))), name="waiting"
    )
    await asyncio.sleep(0)
    assert not waiting.done()
    with (agent.workspace("ticket") / "go").open("w") as go:
        go.write("go\n")
    status = await waiting

    assert [line.text for line in parse_entries(status.log)] == ["news"]
    await agent.ours.cancel_job(CancelJobCommand(TICKET))
    await finish_job(agent, TICKET)


async def test_slices_of_any_size_make_the_whole_log(agent: OpenedAgent) -> None:
    """services 14: whatever the slice size, every entry comes once and in order."""
    await run_job(agent, a_job("seq 1 300; printf 'ä%.0s' $(seq 1 400)"))
    whole = (agent.workspace("ticket") / "Output.log").read_bytes()[3:]

    for size in (1, 100, 1000, 5000, 1 << 20):
        log, after = b"", Long(0)
        while True:
            status = await agent.ours.get_job_status(JobStatusRequest(TICKET, after, timedelta(), size))
            log, after = log + status.log, status.next_log_sequence
            assert len(parse_entries(status.log)) == 1 or len(status.log) <= size
            if not status.has_more:
                break
        assert log == whole


async def test_many_lines_arrive_once_each(agent: OpenedAgent) -> None:
    status = await run_job(agent, a_job("seq 1 50000; seq 1 50000 >&2"))

    for source in (ProcessOutputSource.STDOUT, ProcessOutputSource.STDERR):
        numbers = [line.text for line in parse_entries(status.log) if line.source is source]
        assert numbers[-50000:] == list(map(str, range(1, 50001)))


async def test_an_unknown_ticket_is_complete_with_45(agent: OpenedAgent) -> None:
    """services 11: as in V2, from all methods."""
    status = await agent.ours.get_job_status(JobStatusRequest(TICKET, Long(7), timedelta(seconds=30)))
    cancelled = await agent.ours.cancel_job(CancelJobCommand(TICKET))
    await agent.ours.complete_job(TICKET)

    assert (status.state, status.exit_code, status.next_log_sequence) == (
        ProcessState.COMPLETE,
        ExitCode.UNKNOWN_SCRIPT,
        7,
    )
    assert cancelled.exit_code == ExitCode.UNKNOWN_SCRIPT


async def test_facts_name_the_levels_that_work_here(agent: OpenedAgent) -> None:
    facts = await agent.ours.get_machine_facts()

    assert facts.confinements == ("sandbox", "account", "none")
    assert facts.executor_command == ("executor",)
    assert facts.memory_bytes > 0
    assert facts.disk_free_bytes > 0
    assert facts.running_jobs == 0
