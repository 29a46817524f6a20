"""The engine with real agents over real TLS: work goes where it may, waits where it must, and says why."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents_under_test.served_agent import OFFICIAL, OLD, OURS, served_agent
from agents_under_test.stage import Stage, lines, machine, running_stage
from octavo.server.store import Store


@pytest.fixture
async def stage(sqlite_store: Store, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(sqlite_store, sqlite_url, tmp_path) as stage:
        yield stage


async def test_a_script_runs_on_either_database(store: Store, store_url: str, tmp_path: Path) -> None:
    async with (
        running_stage(store, store_url, tmp_path) as stage,
        served_agent(tmp_path, stage.server.identity.thumbprint) as agent,
    ):
        await stage.add_worker(agent, "build-1")

        details = await stage.run("echo hello; exit 3")

    assert (details["Task"]["State"], lines(details)) == ("Failed", ["hello"])
    assert "exit code 3" in details["Task"]["ErrorMessage"]


@pytest.mark.parametrize(("names", "version"), [(OURS, "Octavo1"), (OFFICIAL, "V2"), (OLD, "V1")])
async def test_every_kind_of_agent_runs_scripts(stage: Stage, names: tuple[str, ...], version: str) -> None:
    """services 33: V2 is used when offered, V1 otherwise; ours before both."""
    async with served_agent(stage.folder, stage.server.identity.thumbprint, names) as agent:
        await stage.add_worker(agent, "build-1")

        details = await stage.run("for i in 1 2 3; do echo line $i; done; echo bad >&2; exit 4")
        async with stage.api.parts.store.reading() as connection:
            rows = await connection.exec_driver_sql("SELECT service_version FROM script_runs WHERE exit_code = 4")
            versions = [row[0] for row in rows]

    assert (details["Task"]["State"], machine(details)) == ("Failed", "build-1")
    assert lines(details) == ["line 1", "line 2", "line 3"]
    assert "bad" in lines(details, "Error")
    assert versions == [version]


async def test_capabilities_are_asked_once_for_many_scripts(stage: Stage) -> None:
    """services 32: capabilities are asked once per 600 s."""
    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")
        asked = agent.capabilities.asked

        for _ in range(3):
            await stage.run("echo")

        assert agent.capabilities.asked == asked == 1


async def test_a_worker_in_the_default_pool_turns_the_built_in_worker_off_and_leaving_turns_it_on(stage: Stage) -> None:
    before = await stage.run("echo here")
    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        worker_id = await stage.add_worker(agent, "build-1")
        during = await stage.run("echo there")
    await stage.api.delete(f"/api/Spaces-1/workers/{worker_id}")
    after = await stage.run("echo here again")

    assert [machine(details) for details in (before, during, after)] == [
        "Built-in worker",
        "build-1",
        "Built-in worker",
    ]
    assert lines(after) == ["here again"]


async def test_work_waits_for_an_unhealthy_worker_and_says_so_instead_of_falling_back(stage: Stage) -> None:
    worker_id = await stage.register("https://127.0.0.1:1/", "A" * 40, "gone-1")
    await stage.until(lambda: stage._is_checked(worker_id))
    task_id = await stage.queue("echo never")

    waiting = await stage.api.get(f"/api/tasks/{task_id}/waiting")
    worker = await stage.api.get(f"/api/Spaces-1/workers/{worker_id}")
    await stage.api.post(f"/api/tasks/{task_id}/cancel", {}, 200)
    ended = await stage.end_of(task_id)

    assert (waiting["IsWaiting"], waiting["Kind"]) == (True, "Worker")
    assert waiting["Workers"] == [{"WorkerId": worker_id, "Name": "gone-1", "Reason": "its last health check failed"}]
    assert worker["HealthStatus"] == "Unavailable"
    assert ended["Task"]["State"] == "Canceled"


async def test_waiting_work_starts_when_a_worker_comes(stage: Stage) -> None:
    await stage.api.put("/api/builtinworker", {"IsAllowed": False})
    task_id = await stage.queue("echo at last")
    waiting = await stage.api.get(f"/api/tasks/{task_id}/waiting")

    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")
        ended = await stage.end_of(task_id)

    assert "An administrator has switched it off" in waiting["Reason"]
    assert lines(ended) == ["at last"]


async def test_a_running_script_is_cancelled_and_nothing_of_it_stays(stage: Stage) -> None:
    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")
        task_id = await stage.queue("echo begun; sleep 300")
        await stage.until(lambda: _has_lines(stage, task_id))

        cancelled = await stage.api.post(f"/api/tasks/{task_id}/cancel", {}, 200)
        ended = await stage.end_of(task_id)

    assert cancelled["State"] == "Cancelling"
    assert ended["Task"]["State"] == "Canceled"
    assert lines(ended) == ["begun"]


async def test_a_script_on_several_workers_has_a_node_for_each(stage: Stage) -> None:
    one, two = stage.folder / "one", stage.folder / "two"
    server = stage.server.identity.thumbprint
    async with served_agent(one, server) as first, served_agent(two, server, OFFICIAL) as second:
        ids = [await stage.add_worker(first, "build-1"), await stage.add_worker(second, "build-2")]

        details = await stage.run("echo $TentacleHome >/dev/null; echo ran", WorkerIds=ids)

    units = details["ActivityLogs"][0]["Children"][0]["Children"]
    assert details["Task"]["State"] == "Success"
    assert sorted(unit["Name"] for unit in units) == ["build-1", "build-2"]
    assert lines(details) == ["ran", "ran"]


async def test_a_health_check_writes_down_what_it_finds(stage: Stage) -> None:
    async with served_agent(stage.folder, stage.server.identity.thumbprint, OFFICIAL) as agent:
        worker_id = await stage.add_worker(agent, "build-1")
        queued = await stage.api.post("/api/tasks", {"Name": "Health", "Arguments": {"WorkerIds": [worker_id]}})
        checked = await stage.end_of(queued["Id"])
        worker = await stage.api.get(f"/api/Spaces-1/workers/{worker_id}")

    assert checked["Task"]["State"] == "Success"
    assert (worker["HealthStatus"], worker["ShellName"]) == ("Healthy", "Bash")
    assert worker["OperatingSystem"] != "Unknown"


async def test_a_worker_with_one_slot_runs_one_script_at_a_time(stage: Stage) -> None:
    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1", Slots=1)
        gate = stage.folder / "gate"
        first = await stage.queue(f"echo begun; until [ -e {gate} ]; do sleep 0.02; done")
        await stage.until(lambda: _has_lines(stage, first))
        second = await stage.queue("echo second")

        waiting = await stage.api.get(f"/api/tasks/{second}/waiting")
        gate.touch()
        ended = await stage.end_of(second)

    assert waiting["Workers"][0]["Reason"] == "all its slots are taken (1 of 1)"
    assert lines(ended) == ["second"]


async def test_a_python_script_runs_like_a_bash_one(stage: Stage) -> None:
    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")

        details = await stage.run("import sys\nprint('python', sys.version_info.major)", Syntax="Python")

    assert lines(details) == ["python 3"]


async def _has_lines(stage: Stage, task_id: str) -> bool:
    details = await stage.api.get(f"/api/tasks/{task_id}/details")
    return bool(lines(details))


async def test_bad_tasks_are_refused_with_a_reason(stage: Stage) -> None:
    for body, reason in (
        ({"Name": "Dance"}, "cannot be queued"),
        ({"Name": "AdHocScript", "Arguments": {}}, "ScriptBody"),
        ({"Name": "AdHocScript", "Arguments": {"ScriptBody": "x", "Syntax": "Cobol"}}, "not known"),
    ):
        answer = await stage.api.post("/api/tasks", body, 400)
        assert reason in answer["ErrorMessage"] + " ".join(answer["Errors"])
    await stage.api.post(
        "/api/tasks", {"Name": "AdHocScript", "Arguments": {"ScriptBody": "x", "WorkerIds": ["Workers-9"]}}, 404
    )
    assert (await stage.api.get("/api/tasks?ids=ServerTasks-1"))["Items"] == []


async def test_files_of_one_name_are_both_kept(stage: Stage) -> None:
    """§4.3 of script-execution: names need not be unique."""
    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")

        script = "mkdir a b; echo one > a/r; echo two > b/r; for f in a/r b/r a/r; do new_octopusartifact $f r; done"
        details = await stage.run(script)
        found = await stage.api.get(f"/api/Spaces-1/artifacts?regarding={details['Task']['Id']}")
        paths = [f"/api/Spaces-1/artifacts/{each['Id']}/content" for each in found["Items"]]
        contents = [(await stage.api.client.get(path)).text for path in paths]

    assert sorted(contents) == ["one\n", "two\n"]


async def test_a_file_that_a_script_hands_back_is_kept_as_an_artifact(stage: Stage) -> None:
    """script-execution 62: after the script ended, before its workspace goes; a missing file is a warning."""
    async with served_agent(stage.folder, stage.server.identity.thumbprint) as agent:
        await stage.add_worker(agent, "build-1")

        script = "new_octopusartifact report.txt; new_octopusartifact gone.txt; sleep 0.2; echo content > report.txt"
        details = await stage.run(script)
        found = await stage.api.get(f"/api/Spaces-1/artifacts?regarding={details['Task']['Id']}")
        content = await stage.api.client.get(f"/api/Spaces-1/artifacts/{found['Items'][0]['Id']}/content")

    assert [artifact["Filename"] for artifact in found["Items"]] == ["report.txt"]
    assert content.text == "content\n"
    assert details["Task"]["State"] == "Success"
    assert any("gone.txt" in line for line in lines(details, "Warning"))
