"""The built-in worker: an agent of our own as a child process, so that a fresh server can run scripts.

The server talks to it as to any listening agent. It ends when its standard input closes, that is with us; scripts it
started live on under their supervisors, and the next one re-attaches to them by ticket.
Source: DESIGN §1.1, §1.3; the child is `tentacle built-in`.
"""

import asyncio
import contextlib
import json
import logging
import os
import pwd
import random
import shutil
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import cast

from octavo.base.errors import AgentUnavailable
from octavo.halibut import Endpoint, Thumbprint, parse_thumbprint
from octavo.server.domain.backoff import restart_delay_seconds

log = logging.getLogger(__name__)

READY_SECONDS = 30.0
GRACE_SECONDS = 10.0
STEADY_SECONDS = 60.0  # it ran this long: its next failure counts as the first


class BuiltInWorker:
    """Keeps the child running while `run` is active, from the first time somebody needs it.

    `account` is the OS account it runs as; only root can give it another than its own.
    """

    def __init__(self, home: Path, server_thumbprint: Thumbprint, account: str | None = None) -> None:
        self._home = home
        self._server_thumbprint = server_thumbprint
        self._account = account
        self._needed = asyncio.Event()
        self._ready = asyncio.Event()
        self._endpoint = Endpoint("", server_thumbprint)  # of the child; means nothing until it is ready

    async def get_endpoint(self) -> Endpoint:
        """Where the child listens; starts it when it does not run yet.

        Raises:
            AgentUnavailable: it does not come up.
        """
        self._needed.set()
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready.wait()
        except TimeoutError as error:
            raise AgentUnavailable(
                f"The built-in worker did not start within {READY_SECONDS:.0f} s. See the server's log for its words."
            ) from error
        return self._endpoint

    async def run(self) -> None:
        """Start it when it is needed, and again whenever it ends, until cancelled."""
        loop, failures = asyncio.get_running_loop(), 0
        await self._needed.wait()
        while True:
            begin = loop.time()
            await self._run_once()
            failures = 0 if loop.time() - begin > STEADY_SECONDS else failures + 1
            log.warning("the built-in worker ended and is started again", extra={"failures": failures})
            await asyncio.sleep(restart_delay_seconds(failures, random.random()))  # noqa: S311  # jitter

    async def _run_once(self) -> None:
        process = await self._start()
        output = cast("StreamReader", process.stdout)
        try:
            line = await output.readline()
            if line:
                said = json.loads(line)
                self._endpoint = Endpoint(f"https://127.0.0.1:{said['port']}/", parse_thumbprint(said["thumbprint"]))
                self._ready.set()
                log.info("the built-in worker runs", extra={"pid": process.pid, "port": said["port"]})
            while await output.readline():
                pass
            await process.wait()
        finally:
            self._ready.clear()
            await asyncio.shield(_end(process))

    async def _start(self) -> Process:
        await asyncio.to_thread(self._prepare_home)
        command = [sys.executable, "-c", "from octavo.cli.tentacle import main; main()", "built-in"]
        options = ["--home", str(self._home), "--trust", str(self._server_thumbprint)]
        # It inherits standard error: what it says belongs into the server's service log.
        if self._account is None:
            return await asyncio.create_subprocess_exec(*command, *options, stdin=PIPE, stdout=PIPE)
        account = pwd.getpwnam(self._account)
        return await asyncio.create_subprocess_exec(
            *command,
            *options,
            stdin=PIPE,
            stdout=PIPE,
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
            env={**os.environ, "HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name},
        )

    def _prepare_home(self) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account is not None:
            shutil.chown(self._home, self._account)


async def _end(process: Process) -> None:
    """Close its input, which ends it; kill it when it does not go."""
    cast("StreamWriter", process.stdin).close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
            return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
