"""Commands that run the agent or look whether it runs: agent, livez, the hidden built-in. Source: tentacle-cli §4.5."""

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from octavo.agent.command_line import Option, OptionKind
from octavo.agent.commands.command import CONFIG, INSTANCE, Command, Invocation
from octavo.agent.liveness import HEARTBEAT_FILE, find_heartbeat_age_seconds
from octavo.base.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio

    from octavo.agent.settings import AgentSettings

_MAX_AGE_SECONDS = 60
_STDIN = 0
_MILLISECONDS = 1000
_SETTLED_SECONDS = 2  # by then all is imported and open


def run_agent_command(invocation: Invocation) -> int:
    """`agent`: run in the foreground until told to stop."""
    wait = invocation.arguments.find_number("wait")
    if wait:
        time.sleep(wait / _MILLISECONDS)
    import asyncio

    from octavo.agent.starting import complete_configuration, read_agent_settings

    if complete_configuration(invocation.configuration, invocation.machine_key):
        invocation.configuration_file.write(invocation.configuration)
    settings = read_agent_settings(
        invocation.configuration,
        invocation.machine_key,
        instance_name=invocation.instance.name,
        home=invocation.home,
        program=invocation.host.program,
        environment=invocation.host.environment,
    )
    asyncio.run(_serve(invocation, settings))
    return 0


def check_liveness(invocation: Invocation) -> int:
    """`livez`: 0 while the agent's heartbeat is fresh."""
    given = invocation.arguments.find_number("max-age")
    max_age = _MAX_AGE_SECONDS if given is None else given
    heartbeat = invocation.home / HEARTBEAT_FILE
    age = find_heartbeat_age_seconds(invocation.home)
    if age is None:
        raise ConfigurationError(f"The heartbeat file {heartbeat} does not exist: the agent does not run.")
    if age > max_age:
        raise ConfigurationError(
            f"The heartbeat file {heartbeat} is {age:.0f} seconds old, more than {max_age}: "
            "the agent hangs or has ended."
        )
    invocation.say(f"The agent is alive: its last heartbeat was {age:.0f} seconds ago")
    return 0


def run_built_in(invocation: Invocation) -> int:
    """`built-in`: the worker that a server starts beside itself."""
    home, trusted = (invocation.arguments.find_text(name) for name in ("home", "trust"))
    if home is None or trusted is None:
        raise ConfigurationError(
            "Please give --home=FOLDER and --trust=THUMBPRINT; servers start this, people need not."
        )
    from octavo.agent.built_in import run_built_in_worker

    folder = invocation.host.working_folder / home
    invocation.service_log.use_folder(folder / "Logs")
    run_built_in_worker(Path(folder), trusted, confinement=invocation.arguments.find_text("confinement") or "none")
    return 0


async def _serve(invocation: Invocation, settings: "AgentSettings") -> None:
    import asyncio
    import signal

    from octavo.agent.idle_memory import give_back_memory
    from octavo.agent.run import run_agent

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if invocation.is_interactive:
        invocation.write("Running. Press <enter> to shut down...\n")
        invocation.host.stdout.flush()
        _stop_at_enter(loop, stop)
    loop.call_later(_SETTLED_SECONDS, give_back_memory)
    await run_agent(settings, stop)
    invocation.say("Agent stopped")


def _stop_at_enter(loop: "asyncio.AbstractEventLoop", stop: "asyncio.Event") -> None:
    """Stop at an empty line or the end of input. A daemon thread reads: files cannot be watched by the loop."""

    def read() -> None:
        try:
            while line := os.read(_STDIN, 4096):
                if not line.strip():
                    break
        except OSError:
            pass  # no input at all is the end of input
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=read, name="enter", daemon=True).start()


_AGENT_OPTIONS = (
    INSTANCE,
    CONFIG,
    Option(("wait",), "Delay (ms) before starting", OptionKind.NUMBER),
)

COMMANDS = (
    Command(
        "agent", "Starts the Tentacle Agent in the foreground", run_agent_command, _AGENT_OPTIONS, aliases=("run",)
    ),
    Command(
        "livez",
        "Checks that the Tentacle Agent runs, by the age of its heartbeat file",
        check_liveness,
        (
            INSTANCE,
            CONFIG,
            Option(
                ("max-age",), "The oldest heartbeat, in seconds, of a live agent; the default is 60", OptionKind.NUMBER
            ),
        ),
    ),
    Command(
        "built-in",
        "Runs a server's built-in worker",
        run_built_in,
        (
            Option(("home",), "The worker's home directory"),
            Option(("trust",), "The thumbprint of the server that starts it"),
            Option(("confinement",), "The level of isolation of scripts whose caller names none"),
        ),
        keeps_stdout_clean=True,
        is_hidden=True,
    ),
)
