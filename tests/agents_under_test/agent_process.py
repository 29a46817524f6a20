"""A real agent in a process of its own, driven over real TLS, to be killed and started again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from octavo.agent.supervisor.process_tree import list_descendants, program_name
from octavo.contracts.octavo_script_service import OCTAVO_SCRIPT_SERVICE, OctavoScriptService
from octavo.contracts.script_service_v2 import SCRIPT_SERVICE_V2, ScriptServiceV2
from octavo.halibut import Endpoint, Identity, Runtime, new_identity, parse_thumbprint

_PROGRAM = (
    "import sys; from pathlib import Path; from octavo.agent.built_in import run_built_in_worker; "
    "run_built_in_worker(Path(sys.argv[1]), sys.argv[2])"
)


class AgentProcess:
    """One agent's home, and the process that serves it now."""

    def __init__(self, home: Path, caller: Identity, runtime: Runtime) -> None:
        self.home = home
        self._caller, self._runtime = caller, runtime
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None

    async def start(self) -> None:
        """Start an agent and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(self.home), self._caller.thumbprint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        line = await asyncio.to_thread(self._process.stdout.readline)
        facts = json.loads(line)
        self._endpoint = Endpoint(f"https://127.0.0.1:{facts['port']}/", parse_thumbprint(facts["thumbprint"]))

    def kill(self) -> None:
        """`kill -9` the agent; its launcher finds out by itself."""
        assert self._process is not None
        self._process.kill()
        self._wait()

    def stop(self) -> None:
        """End it as its server's end would: its standard input ends."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._wait()

    def kill_launcher(self) -> None:
        """`kill -9` the launcher, which is the agent's only child."""
        for pid in self.launchers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def launchers(self) -> list[int]:
        """The agent's child processes."""
        assert self._process is not None
        return [pid for pid in list_descendants([self._process.pid]) if program_name(pid).startswith("python")]

    @property
    def process_id(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def ours(self) -> OctavoScriptService:
        assert self._endpoint is not None
        return self._runtime.call(OCTAVO_SCRIPT_SERVICE, self._endpoint)

    @property
    def v2(self) -> ScriptServiceV2:
        assert self._endpoint is not None
        return self._runtime.call(SCRIPT_SERVICE_V2, self._endpoint)

    @property
    def endpoint(self) -> Endpoint:
        assert self._endpoint is not None
        return self._endpoint

    def _wait(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.wait(timeout=30)
        self._process.stdout.close()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process = None


@asynccontextmanager
async def agent_process(folder: Path) -> AsyncIterator[AgentProcess]:
    """A started agent below `folder`, and a caller that it trusts."""
    caller = new_identity("server")
    async with Runtime(caller, spool=folder / "spool") as runtime:
        agent = AgentProcess(folder / "home", caller, runtime)
        await agent.start()
        try:
            yield agent
        finally:
            agent.stop()
