"""The few REST calls that the demo makes, as any client would."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from octavo.cli.demo.narrator import NotAsExpected
from octavo.cli.demo.processes import wait_until

REQUEST_SECONDS = 30
TASK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a task's log, and the machine (third level of the log's tree) that it came from."""

    machine: str
    text: str
    category: str


class RestClient:
    """The server's API in the default space."""

    def __init__(self, address: str, api_key: str) -> None:
        self.address = address
        self._http = httpx.Client(
            base_url=address, headers={"X-Octopus-ApiKey": api_key}, timeout=REQUEST_SECONDS, trust_env=False
        )

    def close(self) -> None:
        """End the connections."""
        self._http.close()

    def answers(self) -> bool:
        """Whether the server is up."""
        try:
            return self._http.get("/api").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def get(self, path: str) -> dict[str, Any]:
        """The JSON document at `path`."""
        return self._json(self._http.get(path))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer to `body`."""
        return self._json(self._http.post(path, json=body))

    def push_package(self, file: Path) -> dict[str, Any]:
        """Push a package file into the built-in feed."""
        with file.open("rb") as data:
            files = {"fileToUpload": (file.name, data, "application/octet-stream")}
            return self._json(self._http.post("/api/Spaces-1/packages/raw", files=files))

    def start_script(self, description: str, body: str, **arguments: object) -> str:
        """Queue a script console task; its id."""
        task = {
            "Name": "AdHocScript",
            "Description": description,
            "Arguments": {"ScriptBody": body, "Syntax": "Bash", **arguments},
        }
        return str(self.post("/api/Spaces-1/tasks", task)["Id"])

    def log_lines(self, task_id: str) -> list[LogLine]:
        """All lines of the task's log so far, in order."""
        details = self.get(f"/api/tasks/{task_id}/details")
        return [line for root in details["ActivityLogs"] for line in _lines(root, "")]

    def wait_success(self, task_id: str) -> list[LogLine]:
        """The log of the task once it succeeded.

        Raises:
            NotAsExpected: it failed or took too long.
        """
        deadline = time.monotonic() + TASK_SECONDS
        task = wait_until(f"{task_id} ended", TASK_SECONDS, lambda: self._find_completed(task_id))
        lines = self.log_lines(task_id)
        if not task["FinishedSuccessfully"] or time.monotonic() > deadline:
            told = "\n".join(line.text for line in lines)
            raise NotAsExpected(f"{task_id} ended as {task['State']}: {task['ErrorMessage']}\n{told}")
        return lines

    def _find_completed(self, task_id: str) -> dict[str, Any] | None:
        task = self.get(f"/api/tasks/{task_id}")
        return task if task["IsCompleted"] else None

    def _json(self, response: httpx.Response) -> dict[str, Any]:
        if response.is_error:
            request = response.request
            raise NotAsExpected(f"{request.method} {request.url} answered {response.status_code}: {response.text}")
        document: dict[str, Any] = response.json()
        return document


def _lines(node: dict[str, Any], machine: str, depth: int = 0) -> list[LogLine]:
    name = node["Name"] if depth >= 2 else machine
    own = [LogLine(name, element["MessageText"], element["Category"]) for element in node["LogElements"]]
    return own + [line for child in node["Children"] for line in _lines(child, name, depth + 1)]
