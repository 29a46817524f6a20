"""What the tests of pages put into a server beforehand, by its API: environments, a project with an approval."""

from typing import Any

import httpx

Json = dict[str, Any]
ENVIRONMENTS = ("Development", "Production")


class Site:
    """Makes things by the API, in the default space."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request; the JSON of its answer."""
        answer = self._client.request(method, f"/api/Spaces-1/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def make_environments(self) -> dict[str, str]:
        """The environments' ids by name; each is made once."""
        known = {each["Name"]: each["Id"] for each in self.ask("GET", "environments/all")}
        return {
            name: known.get(name) or self.ask("POST", "environments", {"Name": name})["Id"] for name in ENVIRONMENTS
        }

    def make_project(self, name: str) -> Json:
        """A project with two steps: somebody approves in production, then a script says so."""
        places = self.make_environments()
        project: Json = self.ask(
            "POST",
            "projects",
            {
                "Name": name,
                "ProjectGroupId": self.ask("GET", "projectgroups/all")[0]["Id"],
                "LifecycleId": self.ask("GET", "lifecycles/all")[0]["Id"],
            },
        )
        process = self.ask("GET", f"projects/{project['Id']}/deploymentprocesses")
        process["Steps"] = [
            _step(
                "Approve",
                "Octopus.Manual",
                {"Octopus.Action.Manual.Instructions": "Is #{Octopus.Release.Number} good?"},
                Environments=[places["Production"]],
            ),
            _step("Publish", "Octopus.Script", script("echo published #{Octopus.Release.Number}; echo careful >&2")),
        ]
        self.ask("PUT", f"projects/{project['Id']}/deploymentprocesses", process)
        return project

    def make_release(self, project: str, version: str) -> None:
        """A release of the project as it is."""
        self.ask("POST", "releases/create/v1", {"ProjectName": project, "ReleaseVersion": version})

    def deploy(self, project: str, version: str, environment: str) -> str:
        """The id of the task."""
        command = {"ProjectName": project, "ReleaseVersion": version, "EnvironmentNames": [environment]}
        answer = self.ask("POST", "deployments/create/untenanted/v1", command)
        return str(answer["DeploymentServerTasks"][0]["ServerTaskId"])

    def run(self, body: str, **arguments: object) -> str:
        """A task that runs the script; its id."""
        arguments = {"Syntax": "Bash", "ScriptBody": body, **arguments}
        command = {"Name": "AdHocScript", "Description": "A script of the tests", "Arguments": arguments}
        return str(self.ask("POST", "tasks", command)["Id"])


def script(body: str) -> Json:
    """The properties of a step that runs once, on a worker."""
    return {
        "Octopus.Action.Script.Syntax": "Bash",
        "Octopus.Action.Script.ScriptBody": body,
        "Octopus.Action.RunOnServer": "true",
    }


def _step(name: str, kind: str, properties: Json, **members: object) -> Json:
    return {"Name": name, "Actions": [{"Name": name, "ActionType": kind, "Properties": properties, **members}]}
