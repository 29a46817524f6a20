"""Deployments: ten steps to their end, how soon the first line comes, how fast the API answers, and a
project of unusual size. Templates and planning beside them, without a server.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx

from bench.figures import Figure
from bench.floors import bash_milliseconds
from bench.running import API_KEY, RunningServer, resident_megabytes, running_agents, running_server
from octavo.executor.templates import Variables
from octavo.server.domain.planning import PlanningFacts, TargetFacts, plan_deployment
from octavo.server.domain.processes import steps_of

STEPS = 10
WORKERS = 10
WIDE_RUNS = 3
RUNS = 5
READS = 300
BIG_STEPS, BIG_VARIABLES, BIG_RELEASES, TARGETS = 500, 5_000, 1_000, 50
PATIENCE_SECONDS = 120


def measure() -> list[Figure]:
    """All figures."""
    figures = [*_templates(), *_planning()]
    bash = bash_milliseconds()
    with running_server() as server, running_agents(server), _client(server) as client:
        figures += _ten_steps(client, bash)
        figures += _reads(client)
        figures += _big_project(server, client)
    many = {f"bench-{number}": "TentaclePassive" for number in range(WORKERS)}
    with running_server() as server, running_agents(server, many), _client(server) as client:
        figures += _ten_by_ten(client, bash)
    return figures


def _ten_steps(client: httpx.Client, bash: float) -> list[Figure]:
    """Steps of one line each, on the two external workers of the default pool, one after the other."""
    project = _project(client, "Ten", [_script(f"Step {number}", "echo hello") for number in range(STEPS)])
    totals, firsts = [], []
    for number in range(RUNS):
        begin = time.perf_counter()
        _post(
            client, "Spaces-1/releases/create/v1", {"ProjectName": project["Name"], "ReleaseVersion": f"1.0.{number}"}
        )
        task_id = _deploy(client, project["Name"], f"1.0.{number}")
        _look_until(partial(_says_hello, client, task_id))
        firsts.append((time.perf_counter() - begin) * 1000)
        _look_until(partial(_has_ended, client, task_id))
        totals.append(time.perf_counter() - begin)
        assert _get(client, f"tasks/{task_id}")["State"] == "Success"
    return [
        Figure("release and deployment to its first line, median", statistics.median(firsts), "ms", bash),
        Figure(f"release and deployment of {STEPS} steps, median", statistics.median(totals), "s", STEPS * bash / 1000),
    ]


def _ten_by_ten(client: httpx.Client, bash: float) -> list[Figure]:
    """Each step on behalf of ten targets at once, each on a worker of its own."""
    _post(client, "environments", {"Name": "Dev"})
    place = _get(client, "environments/all")[0]["Id"]
    for number in range(WORKERS):
        body = {"Name": f"target-{number}", "EnvironmentIds": [place], "Roles": ["web"]}
        _post(client, "machines", body | {"Endpoint": {"CommunicationStyle": "None"}})
    steps = [_script(f"Step {number}", "echo hello") for number in range(STEPS)]
    for step in steps:
        step["Properties"] = {"Octopus.Action.TargetRoles": "web"}
    project = _project(client, "Wide", steps)
    times = []
    for number in range(WIDE_RUNS):
        begin = time.perf_counter()
        _post(
            client, "Spaces-1/releases/create/v1", {"ProjectName": project["Name"], "ReleaseVersion": f"1.0.{number}"}
        )
        task_id = _deploy(client, project["Name"], f"1.0.{number}")
        _look_until(partial(_has_ended, client, task_id))
        times.append(time.perf_counter() - begin)
        assert _get(client, f"tasks/{task_id}")["State"] == "Success"
    name = f"release and deployment of {STEPS} steps × {WORKERS} workers, median"
    return [Figure(name, statistics.median(times), "s", STEPS * WORKERS * bash / 1000)]


def _reads(client: httpx.Client) -> list[Figure]:
    """One client, one request after the other; the floor is a route that reads nothing but the root document."""

    def per_second(path: str) -> float:
        begin = time.perf_counter()
        for _ in range(READS):
            client.get(path).raise_for_status()
        return READS / (time.perf_counter() - begin)

    floor = per_second("/api/capabilities")
    return [
        Figure("API: one project", per_second("/api/projects/ten"), "1/s", floor),
        Figure("API: a page of releases", per_second("/api/Spaces-1/releases"), "1/s", floor),
        Figure("API: the dashboard", per_second("/api/Spaces-1/dashboard"), "1/s", floor),
    ]


def _big_project(server: RunningServer, client: httpx.Client) -> list[Figure]:
    """A process of 500 steps, 5,000 variables, 1,000 releases."""
    before = resident_megabytes(server.program.pid)
    project = _project(client, "Big", [_script(f"Step {number}", "echo") for number in range(BIG_STEPS)])
    variables = [{"Name": f"Name{number}", "Value": f"value {number}"} for number in range(BIG_VARIABLES)]
    address = f"/api/variables/{project['VariableSetId']}"
    client.put(address, json={"Variables": variables}).raise_for_status()
    begin = time.perf_counter()
    for number in range(BIG_RELEASES):
        body = {"ProjectName": "Big", "ReleaseVersion": f"1.0.{number}"}
        _post(client, "Spaces-1/releases/create/v1", body)
    creating = time.perf_counter() - begin
    begin = time.perf_counter()
    client.get(address).raise_for_status()
    reading = (time.perf_counter() - begin) * 1000
    return [
        Figure(f"releases of {BIG_STEPS} steps and {BIG_VARIABLES} variables", BIG_RELEASES / creating, "1/s"),
        Figure(f"reading {BIG_VARIABLES} variables", reading, "ms"),
        Figure("the server's memory grew by", resident_megabytes(server.program.pid) - before, "MB"),
    ]


def _templates() -> list[Figure]:
    values = {f"Name{number}": f"#{{Name{number + 1}}} x" if number % 9 else "y" for number in range(5_000)}
    text = ("a line with #{Name17 | ToUpper} and more\n" * 30_000)[: 2**20]
    begin = time.perf_counter()
    variables = Variables(values)
    variables.evaluated()
    middle = time.perf_counter()
    variables.evaluate(text)
    end = time.perf_counter()
    return [
        Figure("templates: 5,000 variables evaluated", (middle - begin) * 1000, "ms", budget="≤ 1000 ms"),
        Figure("templates: a text of 1 MB", (end - middle) * 1000, "ms", budget="≤ 1000 ms"),
    ]


def _planning() -> list[Figure]:
    process = {"Steps": [{**_script(f"S{number}", "echo"), "Id": str(number)} for number in range(BIG_STEPS)]}
    for step in process["Steps"]:
        step["Properties"] = {"Octopus.Action.TargetRoles": "web"}
    targets = [
        TargetFacts(f"Machines-{number}", f"m{number}", frozenset({"web"}), frozenset({"E"}))
        for number in range(TARGETS)
    ]
    facts = PlanningFacts("E", targets=targets, pool_ids=frozenset({"P"}), default_pool_id="P")
    begin = time.perf_counter()
    plan_deployment(steps_of(process), facts)
    seconds = time.perf_counter() - begin
    return [Figure(f"planning {BIG_STEPS} steps on {TARGETS} targets", seconds * 1000, "ms")]


def _project(client: httpx.Client, name: str, steps: list[dict[str, Any]]) -> Any:
    if not _get(client, "environments/all"):
        _post(client, "environments", {"Name": "Dev"})
    group, lifecycle = _get(client, "projectgroups/all")[0]["Id"], _get(client, "lifecycles/all")[0]["Id"]
    project = _post(client, "projects", {"Name": name, "ProjectGroupId": group, "LifecycleId": lifecycle})
    address = f"/api/projects/{project['Id']}/deploymentprocesses"
    client.put(address, json={"Steps": steps}).raise_for_status()
    return project


def _script(name: str, body: str) -> dict[str, Any]:
    properties = {"Octopus.Action.RunOnServer": "true", "Octopus.Action.Script.ScriptBody": body}
    return {"Name": name, "Actions": [{"Name": name, "ActionType": "Octopus.Script", "Properties": properties}]}


def _deploy(client: httpx.Client, project: str, version: str) -> str:
    command = {"ProjectName": project, "ReleaseVersion": version, "EnvironmentNames": ["Dev"]}
    answer = _post(client, "Spaces-1/deployments/create/untenanted/v1", command)
    return str(answer["DeploymentServerTasks"][0]["ServerTaskId"])


def _look_until(condition: Callable[[], bool]) -> None:
    """Looks often, so that the figure is not that of the pauses."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.005)


def _says_hello(client: httpx.Client, task_id: str) -> bool:
    return "hello" in client.get(f"/api/tasks/{task_id}/raw").text


def _has_ended(client: httpx.Client, task_id: str) -> bool:
    return bool(_get(client, f"tasks/{task_id}")["IsCompleted"])


def _get(client: httpx.Client, path: str) -> Any:
    return client.get(f"/api/{path}").raise_for_status().json()


def _post(client: httpx.Client, path: str, body: object) -> Any:
    return client.post(f"/api/{path}", json=body).raise_for_status().json()


def _client(server: RunningServer) -> httpx.Client:
    headers = {"X-Octopus-ApiKey": API_KEY}
    return httpx.Client(base_url=server.address.url, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)
