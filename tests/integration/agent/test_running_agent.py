"""A whole agent over real TLS: services, trust, page, log lines, heartbeat, one agent a home.

Source: tentacle-cli.md §4.5.
"""

import asyncio
import logging
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from agents_under_test.agent_process import AgentProcess, agent_process
from agents_under_test.opened_agent import QUICK, a_script, open_agent, output
from octavo.agent.run import run_agent
from octavo.agent.settings import AgentSettings, ListenAddress, PolledServer, ProxySettings
from octavo.base.errors import ConfigurationError
from octavo.contracts.capabilities import CAPABILITIES_SERVICE_V2
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE
from octavo.contracts.script_service_v1 import SCRIPT_SERVICE_V1, ScriptStatusRequest
from octavo.contracts.script_service_v2 import SCRIPT_SERVICE_V2
from octavo.contracts.scripts import ProcessState, ScriptTicket
from octavo.halibut import (
    DataStream,
    Endpoint,
    Identity,
    Long,
    NotDelivered,
    Runtime,
    ServiceFailed,
    Trust,
    new_identity,
)

SERVER, AGENT = new_identity("server"), new_identity("agent")


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    async with agent_process(tmp_path) as started:
        yield started


def agent_settings(home: Path, trusted: Identity = SERVER) -> AgentSettings:
    return AgentSettings(
        home=home,
        applications=home / "Applications",
        certificate_pem=AGENT.certificate_pem,
        private_key_pem=AGENT.private_key_pem,
        listen=ListenAddress(0, "127.0.0.1"),
        trusted_thumbprints=(trusted.thumbprint,),
        polling_proxy=ProxySettings(use_default=False),
    )


@asynccontextmanager
async def running(settings: AgentSettings) -> AsyncIterator[int]:
    """The agent in this process; gives its port."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    agent = asyncio.create_task(run_agent(settings, stop, tuning=QUICK, on_listening=port.set_result), name="agent")
    try:
        yield 0 if settings.listen is None else await asyncio.wait_for(port, 30)
    finally:
        stop.set()
        await agent


async def test_capabilities_name_the_standard_services_first(tmp_path: Path) -> None:
    """services 8, bettered: the three standard names, and ours after them."""
    async with running(agent_settings(tmp_path / "home")) as port, Runtime(SERVER, spool=tmp_path / "spool") as server:
        endpoint = Endpoint(f"https://127.0.0.1:{port}/", AGENT.thumbprint)

        capabilities = await server.call(CAPABILITIES_SERVICE_V2, endpoint).get_capabilities()

    assert list(capabilities.supported_capabilities) == [
        "IScriptService",
        "IFileTransferService",
        "IScriptServiceV2",
        "IOctavoScriptServiceV1",
    ]


async def test_a_listening_agent_runs_scripts_and_moves_files(tmp_path: Path) -> None:
    """services 10, services 27 and services 28 over the wire."""
    async with running(agent_settings(tmp_path / "home")) as port, Runtime(SERVER, spool=tmp_path / "spool") as server:
        endpoint = Endpoint(f"https://127.0.0.1:{port}/", AGENT.thumbprint)
        files = server.call(FILE_TRANSFER_SERVICE, endpoint)

        uploaded = await files.upload_file("Files/data", DataStream.from_bytes(b"x" * 100_000))
        response = await server.call(SCRIPT_SERVICE_V2, endpoint).start_script(
            a_script(f"wc -c < {uploaded.full_path}")
        )
        downloaded = await files.download_file("Files/data")
        missing = await files.download_file("Files/missing")
        unknown = await server.call(SCRIPT_SERVICE_V1, endpoint).get_status(
            ScriptStatusRequest(ScriptTicket("none"), Long(0))
        )

    assert output(response) == ["100000"]
    assert downloaded is not None
    assert (downloaded.length, missing) == (100_000, None)
    assert (unknown.state, unknown.exit_code) == (ProcessState.COMPLETE, 0)


async def test_a_failing_service_method_is_told_as_such(tmp_path: Path) -> None:
    """services 29 and services 30: `details` begin with the prefix by which .NET servers know a service failure."""
    async with running(agent_settings(tmp_path / "home")) as port, Runtime(SERVER, spool=tmp_path / "spool") as server:
        endpoint = Endpoint(f"https://127.0.0.1:{port}/", AGENT.thumbprint)

        with pytest.raises(ServiceFailed, match="must name one folder") as failure:
            await server.call(SCRIPT_SERVICE_V2, endpoint).start_script(a_script("true", "../escape"))

    assert failure.value.details.startswith(
        "System.Reflection.TargetInvocationException: Exception has been thrown by the target of an invocation."
    )


async def test_a_polling_agent_is_reached_through_its_queue(tmp_path: Path) -> None:
    """services 43: the agent dials, fetches its requests and answers them."""
    trust = Trust()
    trust.allow(AGENT.thumbprint, "poll://agent-1/")
    async with Runtime(SERVER, spool=tmp_path / "spool", trust=trust) as server:
        listener = await server.listen("127.0.0.1", 0, accept="subscriber")
        polled = PolledServer(f"https://127.0.0.1:{listener.port}", SERVER.thumbprint, "poll://agent-1/")
        settings = replace(agent_settings(tmp_path / "home"), listen=None, polled_servers=(polled,))
        async with running(settings):
            service = server.call(SCRIPT_SERVICE_V2, Endpoint("poll://agent-1/", AGENT.thumbprint))

            response = await service.start_script(a_script("echo polled"))

    assert output(response) == ["polled"]


async def test_a_stranger_is_refused(tmp_path: Path) -> None:
    stranger = new_identity("stranger")
    async with (
        running(agent_settings(tmp_path / "home")) as port,
        Runtime(stranger, spool=tmp_path / "spool") as server,
    ):
        endpoint = Endpoint(f"https://127.0.0.1:{port}/", AGENT.thumbprint)

        with pytest.raises(NotDelivered):
            await server.call(CAPABILITIES_SERVICE_V2, endpoint, timeout_seconds=10).get_capabilities()


async def test_a_browser_is_told_that_the_agent_works(tmp_path: Path) -> None:
    """cli §5.1: an HTTP GET is answered by a page titled `Octopus Tentacle`."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with running(agent_settings(tmp_path / "home")) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(b"GET / HTTP/1.1\r\nHost: agent\r\n\r\n")
        page = (await reader.read()).decode()
        writer.close()
        with suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()

    assert page.startswith("HTTP/1.0 200 OK")
    assert "<title>Octopus Tentacle</title>" in page
    assert "Octopus Tentacle configured successfully" in page


async def test_the_start_is_logged_in_the_known_words_and_the_heart_beats(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """cli 16: the start lines that tools wait for; `livez.heartbeat` is touched."""
    home = tmp_path / "home"
    with caplog.at_level(logging.INFO, "octavo.agent"):
        async with running(agent_settings(home)) as port:
            is_beating = (home / "livez.heartbeat").exists()

    assert f"Agent will trust Octopus Servers with the thumbprint: {SERVER.thumbprint}" in caplog.messages
    assert f"Agent listening on: 127.0.0.1:{port}" in caplog.messages
    assert is_beating


async def test_a_second_agent_on_one_home_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("octavo.agent.jobs.agent_lock._WAIT_SECONDS", 0.05)
    async with open_agent(home):
        with pytest.raises(ConfigurationError, match="Another agent runs on the home"):
            await run_agent(agent_settings(home), asyncio.Event(), tuning=QUICK)


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async with running(agent_settings(tmp_path / "first")) as port:
        second = replace(agent_settings(tmp_path / "second"), listen=ListenAddress(port, "127.0.0.1"))

        with pytest.raises(ConfigurationError, match=f"cannot listen on port {port}: .*tentacle configure --port"):
            await run_agent(second, asyncio.Event(), tuning=QUICK)


async def test_the_built_in_worker_ends_with_its_server(process: AgentProcess) -> None:
    await process.v2.start_script(a_script("exit 3"))
    launchers = process.launchers()

    process.stop()

    async with asyncio.timeout(30):
        while any(Path(f"/proc/{pid}").exists() for pid in launchers):
            await asyncio.sleep(0.005)
    await process.start()
    again = await process.v2.start_script(a_script("exit 4"))
    assert again.exit_code == 3


def test_a_running_agent_loads_no_command_line_and_no_web_client() -> None:
    """DESIGN §7: an idle agent is small. What it does not need, it does not load."""
    program = "import sys, octavo.agent.built_in; print([m for m in ('rich', 'typer', 'httpx') if m in sys.modules])"

    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"
