"""A server that is killed while it deploys: the outcome is that of an undisturbed run, and no script ran twice.

Source: docs/decisions/0080-projects-and-deployments.md.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from octavo_program import RunningServer, running_octavo

PATIENCE_SECONDS = 90.0
KILLS = 4

#: Notes its start outside of the workspace, under its own name; then what the step is about.
NOTE = 'echo "$(get_octopusvariable Octopus.Action.Name)" >> {folder}/starts\n'
FLAKY = NOTE + "if [ ! -e {folder}/tried ]; then touch {folder}/tried; exit 1; fi\n"
HANDS_ON = NOTE + "sleep 0.3\nset_octopusvariable Answer 42\n"
READS = NOTE + 'echo "the answer is #{{Octopus.Action[Hands on].Output.Answer}}" >> {folder}/read\n'


def step(name: str, body: str, folder: Path, **more: Any) -> dict[str, Any]:
    properties = {
        "Octopus.Action.RunOnServer": "true",
        "Octopus.Action.Script.Syntax": "Bash",
        "Octopus.Action.Script.ScriptBody": body.format(folder=folder),
        **more.pop("properties", {}),
    }
    return {"Name": name, "Actions": [{"Name": name, "ActionType": "Octopus.Script", "Properties": properties}], **more}


def steps(folder: Path) -> list[dict[str, Any]]:
    return [
        step("First", NOTE + "sleep 0.4\n", folder),
        step("Beside", NOTE + "sleep 0.5\n", folder, StartTrigger="StartWithPrevious"),
        step("Hands on", HANDS_ON, folder),
        step("Flaky", FLAKY, folder, properties={"Octopus.Action.AutoRetry.MaximumCount": "2"}),
        step("Reads", READS, folder),
        step("Fails", NOTE + "exit 7\n", folder),
        step("Never", NOTE, folder),
        step("Cleans up", NOTE + "sleep 0.3\n", folder, Condition="Always"),
        step("After failure", NOTE, folder, Condition="Failure"),
    ]


EXPECTED = sorted(["First", "Beside", "Hands on", "Flaky", "Flaky", "Reads", "Fails", "Cleans up", "After failure"])


def prepare(server: RunningServer, process: list[dict[str, Any]], **more: Any) -> str:
    """A released project, deployed; the id of its task."""
    with server.client() as client:

        def send(method: str, path: str, body: object) -> Any:
            answer = client.request(method, f"/api/{path}", json=body)
            assert answer.is_success, answer.text
            return answer.json()

        group, lifecycle = (client.get(f"/api/{each}/all").json()[0]["Id"] for each in ("projectgroups", "lifecycles"))
        send("POST", "environments", {"Name": "Dev"})
        project = send("POST", "projects", {"Name": "Web", "ProjectGroupId": group, "LifecycleId": lifecycle})
        send("PUT", f"projects/{project['Id']}/deploymentprocesses", {"Steps": process})
        send("POST", "Spaces-1/releases/create/v1", {"ProjectName": "Web", "ReleaseVersion": "1.0.0"})
        command = {"ProjectName": "Web", "ReleaseVersion": "1.0.0", "EnvironmentNames": ["Dev"], **more}
        answer = send("POST", "Spaces-1/deployments/create/untenanted/v1", command)
        return str(answer["DeploymentServerTasks"][0]["ServerTaskId"])


def task(server: RunningServer, task_id: str) -> dict[str, Any]:
    with server.client() as client:
        return dict(client.get(f"/api/tasks/{task_id}").json())


def tree(server: RunningServer, task_id: str) -> list[tuple[str, str]]:
    with server.client() as client:
        details = client.get(f"/api/tasks/{task_id}/details").json()
    return [(node["Name"], node["Status"]) for node in details["ActivityLogs"][0]["Children"]]


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def kill(server: RunningServer) -> None:
    server.process.kill()
    server.process.wait()
    (server.data / "server.json").unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.mkdir()
    return made


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_killed_at_random_moments_a_deployment_ends_as_if_undisturbed(tmp_path: Path, folder: Path) -> None:
    moments, data, task_id = random.Random(), tmp_path / "data", ""
    for _ in range(KILLS):
        with running_octavo(data) as server:
            task_id = task_id or prepare(server, steps(folder))
            time.sleep(moments.uniform(0.0, 0.9))
            kill(server)

    with running_octavo(data) as server:
        wait_until(lambda: bool(task(server, task_id)["IsCompleted"]))
        ended, nodes = task(server, task_id), tree(server, task_id)

    assert ended["State"] == "Failed"
    assert "exit code 7" in ended["ErrorMessage"]
    assert sorted(lines(folder / "starts")) == EXPECTED
    assert lines(folder / "read") == ["the answer is 42"]
    assert [status for _, status in nodes] == [
        *("Success", "Success", "Success", "Success", "Success"),
        *("Failed", "Skipped", "Success", "Success"),
    ]


def test_on_postgresql_too_a_killed_deployment_is_taken_up(
    empty_postgresql_url: str, tmp_path: Path, folder: Path
) -> None:
    data, configuration = tmp_path / "data", tmp_path / "octavo.toml"
    configuration.write_text(f'database = "{empty_postgresql_url}"\n')
    options = ("--config", str(configuration))
    with running_octavo(data, *options) as server:
        task_id = prepare(server, steps(folder))
        wait_until(lambda: "Hands on" in lines(folder / "starts"))
        kill(server)

    with running_octavo(data, *options) as server:
        wait_until(lambda: bool(task(server, task_id)["IsCompleted"]))
        ended = task(server, task_id)

    assert ended["State"] == "Failed"
    assert sorted(lines(folder / "starts")) == EXPECTED
    assert lines(folder / "read") == ["the answer is 42"]


def test_a_question_survives_its_server_and_is_asked_once(tmp_path: Path, folder: Path) -> None:
    data = tmp_path / "data"
    approve = {"Name": "Approve", "Actions": [{"Name": "Approve", "ActionType": "Octopus.Manual", "Properties": {}}]}
    with running_octavo(data) as server:
        task_id = prepare(server, [approve, step("After", NOTE, folder)])
        wait_until(lambda: bool(task(server, task_id)["HasPendingInterruptions"]))
        kill(server)

    with running_octavo(data) as server:
        wait_until(lambda: task(server, task_id)["State"] == "Executing")
        with server.client() as client:
            (question,) = client.get(f"/api/interruptions?regarding={task_id}").json()["Items"]
            client.post(f"/api/interruptions/{question['Id']}/submit", json={"Result": "Proceed"}).raise_for_status()
        wait_until(lambda: bool(task(server, task_id)["IsCompleted"]))
        ended = task(server, task_id)

    assert (ended["State"], ended["HasPendingInterruptions"]) == ("Success", False)
    assert lines(folder / "starts") == ["After"]


def test_a_deployment_that_waits_for_a_person_can_be_cancelled(tmp_path: Path, folder: Path) -> None:
    approve = {"Name": "Approve", "Actions": [{"Name": "Approve", "ActionType": "Octopus.Manual", "Properties": {}}]}
    with running_octavo(tmp_path / "data") as server:
        task_id = prepare(server, [approve, step("After", NOTE, folder)])
        wait_until(lambda: bool(task(server, task_id)["HasPendingInterruptions"]))
        with server.client() as client:
            client.post(f"/api/tasks/{task_id}/cancel", json={}).raise_for_status()
        wait_until(lambda: bool(task(server, task_id)["IsCompleted"]))
        ended, nodes = task(server, task_id), tree(server, task_id)

    assert (ended["State"], ended["HasPendingInterruptions"]) == ("Canceled", False)
    assert [status for _, status in nodes] == ["Canceled", "Canceled"]
    assert lines(folder / "starts") == []


def test_killed_while_it_deploys_another_project_it_deploys_it_once(tmp_path: Path, folder: Path) -> None:
    moments, data, task_id = random.Random(), tmp_path / "data", ""
    database = [step("Migrates", NOTE + "sleep 0.6\n", folder)]

    def prepare_both(server: RunningServer) -> str:
        with server.client() as client:

            def send(method: str, path: str, body: object) -> Any:
                answer = client.request(method, f"/api/{path}", json=body)
                assert answer.is_success, answer.text
                return answer.json()

            places = {name: client.get(f"/api/{name}/all").json()[0]["Id"] for name in ("projectgroups", "lifecycles")}
            body = {"ProjectGroupId": places["projectgroups"], "LifecycleId": places["lifecycles"]}
            child = send("POST", "projects", {"Name": "Database", **body})
            send("PUT", f"projects/{child['Id']}/deploymentprocesses", {"Steps": database})
            send("POST", "Spaces-1/releases/create/v1", {"ProjectName": "Database", "ReleaseVersion": "1.0.0"})
        properties = {"Octopus.Action.DeployRelease.ProjectId": child["Id"]}
        action = {"Name": "Database first", "ActionType": "Octopus.DeployRelease", "Properties": properties}
        first = {"Name": "Database first", "Actions": [action]}
        return prepare(server, [first, step("Then", NOTE + "sleep 0.2\n", folder)])

    for _ in range(KILLS):
        with running_octavo(data) as server:
            task_id = task_id or prepare_both(server)
            time.sleep(moments.uniform(0.0, 0.5))
            kill(server)

    with running_octavo(data) as server:
        wait_until(lambda: bool(task(server, task_id)["IsCompleted"]))
        ended = task(server, task_id)
        with server.client() as client:
            deployments = client.get("/api/deployments").json()["Items"]

    assert ended["State"] == "Success", ended["ErrorMessage"]
    assert lines(folder / "starts") == ["Migrates", "Then"]
    assert len(deployments) == 2
