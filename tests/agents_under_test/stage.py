"""An API and an engine on one store, with real agents to work for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents_under_test.served_agent import ServedAgent
from api_under_test import Api, running_api
from octavo.halibut import Runtime
from octavo.server.engine.engine import EngineSettings, running_engine
from octavo.server.store import Store
from octavo.server.workers.retries import RetryPolicy

PATIENCE_SECONDS = 40.0
POOL = "WorkerPools-1"


@dataclass
class Stage:
    """An API and an engine on one store, and what tests do with them."""

    api: Api
    server: Runtime
    folder: Path

    async def add_worker(self, agent: ServedAgent, name: str, **members: object) -> str:
        """Register an agent as a worker of the default pool, and wait for its first check."""
        worker_id = await self.register(agent.endpoint.uri, agent.endpoint.thumbprint, name, **members)
        await self.until(lambda: self._is_checked(worker_id))
        return worker_id

    async def register(self, uri: str, thumbprint: str, name: str, **members: object) -> str:
        endpoint = {"CommunicationStyle": "TentaclePassive", "Uri": uri, "Thumbprint": thumbprint}
        body = {"Name": name, "WorkerPoolIds": [POOL], "Endpoint": endpoint, **members}
        return str((await self.api.post("/api/Spaces-1/workers", body))["Id"])

    async def queue(self, body: str, **arguments: object) -> str:
        wanted = {"Name": "AdHocScript", "Arguments": {"ScriptBody": body, **arguments}}
        return str((await self.api.post("/api/Spaces-1/tasks", wanted))["Id"])

    async def run(self, body: str, **arguments: object) -> dict[str, Any]:
        return await self.end_of(await self.queue(body, **arguments))

    async def end_of(self, task_id: str) -> dict[str, Any]:
        await self.until(lambda: self._is_completed(task_id))
        return dict(await self.api.get(f"/api/tasks/{task_id}/details"))

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await condition():
                await asyncio.sleep(0.02)

    async def _is_checked(self, worker_id: str) -> bool:
        return bool((await self.api.get(f"/api/Spaces-1/workers/{worker_id}"))["HealthStatus"] != "Unknown")

    async def _is_completed(self, task_id: str) -> bool:
        return bool((await self.api.get(f"/api/tasks/{task_id}"))["IsCompleted"])


def lines(details: dict[str, Any], category: str = "Info") -> list[str]:
    units = details["ActivityLogs"][0]["Children"][0]["Children"]
    return [line["MessageText"] for unit in units for line in unit["LogElements"] if line["Category"] == category]


def machine(details: dict[str, Any]) -> str:
    return str(details["ActivityLogs"][0]["Children"][0]["Children"][0]["Name"])


@asynccontextmanager
async def running_stage(store: Store, url: str, folder: Path) -> AsyncIterator[Stage]:
    settings = EngineSettings(folder, url, "http://127.0.0.1:1", "node", retries=RetryPolicy(3))
    async with (
        running_api(store, folder) as api,
        Runtime(api.services.identity, spool=folder / "server-spool") as server,
        running_engine(settings, api.parts, server),
    ):
        yield Stage(api, server, folder)
