"""The story itself: a worker takes over, and gives the work back. Reads top to bottom as it plays.

Every act checks what it shows; the first thing that is not as expected ends the story with NotAsExpected.
Source: DESIGN 1, the rules of the story; docs/guide/demo.md tells it to readers.
"""

import secrets
import string
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from octavo.cli.demo.agents import POLLING_PORT, DemoAgent, ServerAddress
from octavo.cli.demo.narrator import Narrator, expect
from octavo.cli.demo.processes import (
    Program,
    clear_folder,
    free_port,
    program_path,
    record_processes,
    wait_until,
)
from octavo.cli.demo.rest import LogLine, RestClient

SERVER_PORT = 8080
START_SECONDS = 60  # a first start on a slow disk
HEALTH_SECONDS = 60
BUILT_IN = "Built-in worker"
PACKAGE_ID, VERSION = "OctavoSite", "1.0.0"
LONG_LINES = 30
LINES_BEFORE_KILL = 5

DEPLOY = """
site=$(get_octopusvariable "Octopus.Action.Package[site].ExtractedPath")
version=$(get_octopusvariable "Octopus.Action.Package[site].PackageVersion")
bash "$site/deploy.sh" "$version" "{worker}" "$PWD/published"
new_octopusartifact "$PWD/published/index.html" "index-{worker}.html"
"""
SAY_WHERE = 'echo "Running on $(hostname) in $PWD"'
LONG_SCRIPT = f"""
echo "started as process $$"
for number in $(seq 1 {LONG_LINES}); do echo "line $number of {LONG_LINES}"; sleep 0.2; done
exit 0
"""


@dataclass(frozen=True, slots=True)
class Site:
    """Where the demo plays: the running server and what the acts hand on."""

    folder: Path
    address: ServerAddress
    password: str
    program: Program
    client: RestClient
    narrator: Narrator


def play(folder: Path, narrator: Narrator, stop_at_end: bool) -> None:
    """The whole story in a fresh `folder`.

    Raises:
        NotAsExpected: something was not as the story says.
    """
    clear_folder(folder)
    with _running_server(folder, narrator, stop_at_end) as site:
        _push_package(site)
        _run_on_the_built_in_worker(site)
        with _two_workers(site) as agents:
            _run_on_both_workers(site, agents)
            _kill_an_agent(site, agents)
            _give_the_work_back(site, agents)
        _say_where_to_look(site, stop_at_end)


@contextmanager
def _running_server(folder: Path, narrator: Narrator, stop_at_end: bool) -> Iterator[Site]:
    narrator.act("A server starts, on nothing but an empty folder")
    site = _start_server(folder, narrator)
    told = False
    try:
        _wait_answer(site)
        narrator.seen(f"It answers at {site.address.url}, its data is in {folder / 'server'}")
        yield site
        told = True
    finally:
        site.client.close()
        if stop_at_end or not told:
            site.program.stop()


def _start_server(folder: Path, narrator: Narrator) -> Site:
    folder.mkdir(parents=True, exist_ok=True)
    port, polling_port = free_port(SERVER_PORT), free_port(POLLING_PORT)
    api_key, password = "API-" + _random(string.ascii_uppercase + string.digits), _random(string.ascii_letters)
    options = ["--data", str(folder / "server"), "--listen", f"127.0.0.1:{port}"]
    options += ["--polling-listen", f"127.0.0.1:{polling_port}"]
    narrator.command(" ".join(["octavo", "server", "run", *options]))
    admin = {"OCTAVO_ADMIN_USERNAME": "admin", "OCTAVO_ADMIN_PASSWORD": password, "OCTAVO_ADMIN_API_KEY": api_key}
    argv = [program_path("octavo"), "server", "run", *options]
    program = Program("the server", argv, folder / "server.log", admin)
    record_processes(folder, [program.pid])
    address = ServerAddress(f"http://127.0.0.1:{port}", polling_port, api_key)
    return Site(folder, address, password, program, RestClient(address.url, api_key), narrator)


def _wait_answer(site: Site) -> None:
    def answers() -> bool:
        site.program.check_alive()
        return site.client.answers()

    wait_until("the server answers", START_SECONDS, answers)


def _push_package(site: Site) -> None:
    site.narrator.act("A package is pushed: a small site with a script that publishes it")
    file = site.folder / f"{PACKAGE_ID}.{VERSION}.zip"
    names = _build_package(file)
    site.narrator.say(f"{file.name} holds {', '.join(names)}")
    package = site.client.push_package(file)
    expect(
        (package["PackageId"], package["Version"]) == (PACKAGE_ID, VERSION),
        f"The server took the package for {package['PackageId']} {package['Version']}.",
    )
    site.narrator.seen(f"The built-in feed has {PACKAGE_ID} {VERSION}")


def _build_package(file: Path) -> list[str]:
    """A zip of the site's files, which are part of this program."""
    entries = sorted(resources.files("octavo.cli.demo").joinpath("site").iterdir(), key=lambda entry: entry.name)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            archive.writestr(entry.name, entry.read_bytes())
    return [entry.name for entry in entries]


def _run_on_the_built_in_worker(site: Site) -> None:
    site.narrator.act("No worker is there yet: the server's built-in worker does the work")
    _expect_built_in(site, is_on=True)
    lines = _deploy(site, BUILT_IN)
    _expect_machines(lines, {BUILT_IN})
    site.narrator.seen("The package was fetched, unpacked and published by the built-in worker")


@contextmanager
def _two_workers(site: Site) -> Iterator[list[DemoAgent]]:
    """Register and start a listening and a polling agent; they end with the block."""
    site.narrator.act("Two machines become workers, with one command each: one listens, one polls")
    styles = {"demo-listening": "TentaclePassive", "demo-polling": "TentacleActive"}
    agents = [DemoAgent(name, style, site.folder / name, site.address, site.narrator) for name, style in styles.items()]
    try:
        for agent in agents:
            agent.register()
            agent.start()
            _record(site, agents)
        _wait_healthy(site, agents)
        yield agents
    finally:
        for agent in agents:
            agent.stop()


def _run_on_both_workers(site: Site, agents: list[DemoAgent]) -> None:
    site.narrator.act("The work moves to them, and the built-in worker is off")
    _expect_built_in(site, is_on=False)
    for agent in agents:
        lines = _deploy(site, agent.name, WorkerIds=[_worker_id(site, agent)], TargetType="Workers")
        _expect_machines(lines, {agent.name})
        site.narrator.seen(f"The same package was published by {agent.name}")
    lines = _run(site, "A script for whoever is free", SAY_WHERE)
    expect(not _machines(lines) & {BUILT_IN}, "A script ran on the server although workers are there.")
    site.narrator.seen(f"A script that names no worker ran on {', '.join(_machines(lines))}, not on the server")


def _kill_an_agent(site: Site, agents: list[DemoAgent]) -> None:
    agent = agents[0]
    site.narrator.act(f"{agent.name} is killed in the middle of a script")
    task_id = site.client.start_script(
        "A script whose agent dies", LONG_SCRIPT, WorkerIds=[_worker_id(site, agent)], TargetType="Workers"
    )
    wait_until("the script has printed some lines", HEALTH_SECONDS, lambda: _numbered(site, task_id, LINES_BEFORE_KILL))
    site.narrator.command(f"kill -9 {agent.kill()}")
    site.narrator.say(
        f"The agent is dead after {len(_seen_numbers(site, task_id))} of {LONG_LINES} lines; it starts again"
    )
    agent.start()
    _record(site, agents)
    lines = [line.text for line in site.client.wait_success(task_id)]
    starts = [line for line in lines if line.startswith("started as process")]
    expect(len(starts) == 1, f"The script was started {len(starts)} times: {starts}")
    wanted = [f"line {number} of {LONG_LINES}" for number in range(1, LONG_LINES + 1)]
    got = [line for line in lines if line.endswith(f" of {LONG_LINES}") and line.startswith("line ")]
    expect(got == wanted, f"The log is not whole: {_difference(wanted, got)}")
    site.narrator.seen(f"The script ran once ({starts[0]}), and all {LONG_LINES} lines are there, each once, in order")


def _give_the_work_back(site: Site, agents: list[DemoAgent]) -> None:
    site.narrator.act("The workers leave, and the built-in worker takes the work back")
    for agent in agents:
        agent.deregister()
        agent.stop()
    _expect_built_in(site, is_on=True)
    lines = _run(site, "Back home", SAY_WHERE)
    _expect_machines(lines, {BUILT_IN})
    site.narrator.seen("A script ran on the built-in worker again")
    record_processes(site.folder, [site.program.pid])


def _say_where_to_look(site: Site, stop_at_end: bool) -> None:
    site.narrator.act("That is the whole story")
    if stop_at_end:
        site.narrator.say("The server stops now.")
        return
    site.narrator.say(f"The server goes on running: {site.address.url}")
    site.narrator.say("What it did (and each task's log at /api/tasks/ServerTasks-…/raw):")
    site.narrator.command(f'curl -H "X-Octopus-ApiKey: {site.address.api_key}" {site.address.url}/api/tasks')
    site.narrator.say(f"Log in as admin with the password {site.password}, or use the API key {site.address.api_key}")
    site.narrator.say(f"Stop it with: kill {site.program.pid}    (a new `make demo` stops it too)")


def _deploy(site: Site, worker: str, **arguments: object) -> list[LogLine]:
    package = {
        "Name": "site",
        "PackageId": PACKAGE_ID,
        "Version": VERSION,
        "FeedId": "feeds-builtin",
        "Properties": {"Extract": "True"},
    }
    body = DEPLOY.replace("{worker}", worker)
    lines = _run(site, f"Publish the site on {worker}", body, PackageReferences=[package], **arguments)
    texts = [line.text for line in lines]
    expect("Published 2 files" in texts, f"The package's script did not publish its two files. The log says: {texts}")
    return lines


def _run(site: Site, description: str, body: str, **arguments: object) -> list[LogLine]:
    lines = site.client.wait_success(site.client.start_script(description, body, **arguments))
    site.narrator.log([line.text for line in lines if line.machine and line.category == "Info"])
    return lines


def _expect_built_in(site: Site, *, is_on: bool) -> None:
    switch = site.client.get("/api/builtinworker")
    expect((switch["State"] == "On") is is_on, f"The built-in worker is {switch['State']}: {switch['Reason']}")
    site.narrator.seen(f"The built-in worker is {switch['State'].lower()}: {switch['Reason']}")


def _expect_machines(lines: list[LogLine], expected: set[str]) -> None:
    expect(_machines(lines) == expected, f"It ran on {_machines(lines)}, expected was {expected}.")


def _machines(lines: list[LogLine]) -> set[str]:
    return {line.machine for line in lines if line.machine}


def _wait_healthy(site: Site, agents: list[DemoAgent]) -> None:
    names = {agent.name for agent in agents}
    site.narrator.say("The server asks both whether they are well")

    def healthy() -> bool:
        for agent in agents:
            agent.check_alive()
        workers = site.client.get("/api/Spaces-1/workers")["Items"]
        return {worker["Name"] for worker in workers if worker["HealthStatus"] == "Healthy"} == names

    wait_until("both workers are healthy", HEALTH_SECONDS, healthy)
    site.narrator.seen("Both workers are healthy")


def _worker_id(site: Site, agent: DemoAgent) -> str:
    workers = site.client.get("/api/Spaces-1/workers")["Items"]
    return next(str(worker["Id"]) for worker in workers if worker["Name"] == agent.name)


def _numbered(site: Site, task_id: str, at_least: int) -> bool:
    return len(_seen_numbers(site, task_id)) >= at_least


def _seen_numbers(site: Site, task_id: str) -> list[str]:
    return [line.text for line in site.client.log_lines(task_id) if line.text.endswith(f" of {LONG_LINES}")]


def _difference(wanted: list[str], got: list[str]) -> str:
    missing, doubled = Counter(wanted) - Counter(got), Counter(got) - Counter(wanted)
    return f"missing {sorted(missing)}, too many {sorted(doubled)}"


def _record(site: Site, agents: list[DemoAgent]) -> None:
    record_processes(site.folder, [site.program.pid, *(pid for agent in agents for pid in agent.pids)])


def _random(alphabet: str) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(24))
