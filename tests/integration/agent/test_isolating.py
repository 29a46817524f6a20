"""Scripts of one mutex name wait for each other. Source: tentacle-services.md §7."""

from datetime import timedelta

from agents_under_test.opened_agent import OpenedAgent, a_script, output, texts, wait_for_path, wait_for_state
from octavo.agent.jobs.tickets import TicketName
from octavo.contracts.script_service_v1 import StartScriptCommand
from octavo.contracts.scripts import ExitCode, ProcessOutputSource, ProcessState, ScriptIsolationLevel

FULL = ScriptIsolationLevel.FULL_ISOLATION
HOLDING = "mkfifo go.new && mv go.new go; read -r _ < go"


async def test_a_waiting_script_says_so_and_stays_pending(agent: OpenedAgent) -> None:
    """services 19, script-execution 82: the wait lines appear after the first failed try, and the state is Pending."""
    await agent.v2.start_script(a_script(HOLDING, "holder", task_id="ServerTasks-1", wait_seconds=None))
    await agent.v2.start_script(a_script("true", task_id="ServerTasks-2", wait_seconds=None, isolation=FULL))
    job = agent.opened.jobs.find(TicketName("ticket"))
    assert job is not None

    await job.wait_news(3, 30)
    response = await wait_for_state(agent, "ticket", ProcessState.PENDING)

    assert texts(response) == [
        "##octopus[stdout-wait]",
        "Waiting for the script in task [ServerTasks-1](~/app#/tasks/ServerTasks-1) to finish as this script requires "
        "that no other Octopus scripts are executing on this target at the same time.",
        "##octopus[stdout-default]",
    ]
    await _let_go(agent, "holder")
    await wait_for_state(agent, "ticket", ProcessState.COMPLETE)


async def test_full_isolation_never_overlaps(agent: OpenedAgent) -> None:
    """services 18, script-execution 82: scripts with FullIsolation run one after the other, V1 and V2 together."""
    body = "[ -e ../../busy ] && echo overlap; touch ../../busy; sleep 0.01; rm ../../busy"
    tickets = [f"ticket-{number}" for number in range(6)]
    for ticket in tickets:
        await agent.v2.start_script(a_script(body, ticket, wait_seconds=None, isolation=FULL))
    made_here = await agent.v1.start_script(StartScriptCommand(body, FULL))

    responses = [await wait_for_state(agent, name, ProcessState.COMPLETE) for name in (*tickets, made_here.task_id)]

    assert "overlap" not in [line for response in responses for line in texts(response)]
    assert all(response.exit_code == 0 for response in responses)


async def test_a_script_that_shares_waits_for_one_that_does_not(agent: OpenedAgent) -> None:
    """script-execution 82: and says so once, however long it waits."""
    await agent.v2.start_script(a_script(HOLDING, "holder", wait_seconds=None, isolation=FULL))
    await wait_for_path(agent.workspace("holder") / "go")
    await agent.v2.start_script(a_script("echo ran", wait_seconds=None))
    job = agent.opened.jobs.find(TicketName("ticket"))
    assert job is not None
    await job.wait_news(3, 30)
    assert (await wait_for_state(agent, "ticket", ProcessState.PENDING)).state == ProcessState.PENDING

    await _let_go(agent, "holder")
    response = await wait_for_state(agent, "ticket", ProcessState.COMPLETE)

    assert texts(response).count("##octopus[stdout-wait]") == 1
    assert (response.exit_code, "ran" in texts(response)) == (0, True)


async def test_scripts_without_isolation_and_of_other_names_run_together(agent: OpenedAgent) -> None:
    """services 18: NoIsolation scripts overlap, and so do scripts of different mutex names."""
    await agent.v2.start_script(a_script(HOLDING, "holder", wait_seconds=None))

    beside = await agent.v2.start_script(a_script("echo beside", "beside"))
    other = await agent.v2.start_script(a_script("echo other", "other", isolation=FULL, mutex_name="Other"))

    assert (output(beside), output(other)) == (["beside"], ["other"])
    await _let_go(agent, "holder")
    await wait_for_state(agent, "holder", ProcessState.COMPLETE)


async def test_a_script_that_waits_too_long_times_out(agent: OpenedAgent) -> None:
    """services 20, script-execution 82: mutex timeout gives −44 with its two messages; the body never ran."""
    await agent.v2.start_script(a_script(HOLDING, "holder", task_id="ServerTasks-9", wait_seconds=None))

    timeout = timedelta(milliseconds=30)
    response = await agent.v2.start_script(a_script("touch ran", isolation=FULL, mutex_timeout=timeout))

    assert response.exit_code == ExitCode.TIMED_OUT
    assert texts(response, ProcessOutputSource.STDOUT)[-2:] == [
        "This task waited more than 0.0005 minutes and timed out. "
        "Task [ServerTasks-9](~/app#/tasks/ServerTasks-9) is still running.",
        "Script execution timed out.",
    ]
    assert not (agent.workspace("ticket") / "ran").exists()
    await _let_go(agent, "holder")
    await wait_for_state(agent, "holder", ProcessState.COMPLETE)


async def _let_go(agent: OpenedAgent, ticket: str) -> None:
    await wait_for_path(agent.workspace(ticket) / "go")
    with (agent.workspace(ticket) / "go").open("w") as go:
        go.write("go\n")
