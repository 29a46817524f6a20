"""The cleaner. Source: tentacle-services.md §5.6."""

import os
import time
from datetime import timedelta

from agents_under_test.opened_agent import OpenedAgent, a_script, wait_for_path, wait_for_state
from octavo.agent.jobs.cleaner import Cleaner, CleanerTimes
from octavo.contracts.script_service_v2 import CancelScriptCommandV2, ScriptStatusRequestV2
from octavo.contracts.scripts import ExitCode, ProcessState, ScriptTicket
from octavo.halibut import Long

DAY_SECONDS = 86_400


async def test_day_old_workspaces_go_and_running_ones_stay(agent: OpenedAgent) -> None:
    """services 26: the cleaner deletes day-old workspaces and spares running ones."""
    await agent.v2.start_script(a_script("true", "old"))
    await agent.v2.start_script(a_script("true", "fresh"))
    await agent.v2.start_script(a_script("mkfifo go; read -r _ < go", "running", wait_seconds=None))
    await wait_for_path(agent.workspace("running") / "go")
    stranger = agent.home / "Work" / "stranger"
    stranger.mkdir()
    for name in ("old", "running"):
        os.utime(agent.workspace(name) / "Output.log", (0, time.time() - 2 * DAY_SECONDS))
    jobs = agent.opened.jobs
    cleaner = Cleaner(agent.home / "Work", CleanerTimes(), jobs.is_alive, jobs.drop)

    await cleaner.run_once()

    left = {path.name for path in (agent.home / "Work").iterdir()}
    assert left == {"fresh", "running", "stranger"}
    forgotten = await agent.v2.get_status(ScriptStatusRequestV2(ScriptTicket("old"), Long(0)))
    assert forgotten.exit_code == ExitCode.UNKNOWN_SCRIPT
    await agent.v2.cancel_script(CancelScriptCommandV2(ScriptTicket("running"), Long(0)))
    await wait_for_state(agent, "running", ProcessState.COMPLETE)


def test_times_come_from_the_environment() -> None:
    """services 26: both times can be set as .NET time spans."""
    environment = {
        "TENTACLE_WORKSPACE_CLEANER_DELAY": "00:10:00",
        "TENTACLE_WORKSPACE_CLEANER_DELETE_OLDER_THAN": "2.12:00:00",
    }

    times = CleanerTimes.from_environment(environment)

    assert times == CleanerTimes(timedelta(minutes=10), timedelta(days=2, hours=12))
    assert CleanerTimes.from_environment({}) == CleanerTimes()
