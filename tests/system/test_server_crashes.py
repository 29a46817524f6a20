"""Whatever is killed while scripts run: each is started exactly once, and its whole log and its result arrive.

Source: DESIGN §1.5; FOUNDATIONS, failure analysis.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from octavo_program import RunningServer, running_octavo

PATIENCE_SECONDS = 60.0

#: Counts its starts outside of the workspace, prints, waits to be let go, prints on, ends with 0.
SCRIPT = """\
echo start >> {folder}/starts
seq 1 {first}
until [ -e {folder}/go ]; do sleep 0.02; done
seq {after} {last}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "outside"
    made.mkdir()
    return made


def queue_script(server: RunningServer, body: str) -> str:
    with server.client() as client:
        answer = client.post("/api/tasks", json={"Name": "AdHocScript", "Arguments": {"ScriptBody": body}})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["Id"])


def waiting_script(folder: Path, lines: int) -> str:
    return SCRIPT.format(folder=folder, first=lines // 2, after=lines // 2 + 1, last=lines)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def task(server: RunningServer, task_id: str) -> dict[str, Any]:
    with server.client() as client:
        return dict(client.get(f"/api/tasks/{task_id}").json())


def wait_for_end(server: RunningServer, task_id: str) -> dict[str, Any]:
    wait_until(lambda: bool(task(server, task_id)["IsCompleted"]))
    return task(server, task_id)


def printed(server: RunningServer, task_id: str) -> list[str]:
    with server.client() as client:
        raw = client.get(f"/api/tasks/{task_id}/raw").text
    return [line.rpartition("|   ")[2] for line in raw.splitlines() if " Info " in line]


def kill(server: RunningServer) -> None:
    """`kill -9` and wait for it."""
    server.process.kill()
    server.process.wait()
    (server.data / "server.json").unlink()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_script_outlives_its_killed_server_and_is_started_once(data: Path, folder: Path) -> None:
    with running_octavo(data) as server:
        task_id = queue_script(server, waiting_script(folder, 1000))
        wait_until(lambda: task(server, task_id)["LogPosition"] > 400)
        kill(server)

    with running_octavo(data) as server:
        (folder / "go").touch()
        ended = wait_for_end(server, task_id)

        assert (ended["State"], ended["ErrorMessage"]) == ("Success", "")
        assert printed(server, task_id) == [str(number) for number in range(1, 1001)]
        assert (folder / "starts").read_text() == "start\n"


def test_a_script_that_ends_while_no_server_runs_is_heard_to_the_end(data: Path, folder: Path) -> None:
    with running_octavo(data) as server:
        task_id = queue_script(server, waiting_script(folder, 200) + f"touch {folder}/ended; exit 3")
        wait_until((folder / "starts").exists)
        kill(server)
        (folder / "go").touch()
        wait_until((folder / "ended").exists)

    with running_octavo(data) as server:
        ended = wait_for_end(server, task_id)

        assert ended["State"] == "Failed"
        assert "exit code 3" in ended["ErrorMessage"]
        assert printed(server, task_id) == [str(number) for number in range(1, 201)]
        assert (folder / "starts").read_text() == "start\n"


def test_killing_the_server_at_random_moments_loses_and_doubles_nothing(data: Path, folder: Path) -> None:
    rounds, dice, tasks = 4, random.Random(11), dict[str, Path]()
    for round_ in range(rounds):
        with running_octavo(data) as server:
            for number in range(3):
                own = folder / f"{round_}-{number}"
                own.mkdir()
                (own / "go").touch()
                tasks[queue_script(server, waiting_script(own, 3000))] = own
            moment = time.monotonic() + dice.uniform(0, 0.4)
            wait_until(lambda moment=moment: time.monotonic() > moment)  # type: ignore[misc]
            kill(server)

    with running_octavo(data) as server:
        for task_id, own in tasks.items():
            assert wait_for_end(server, task_id)["State"] == "Success"
            assert printed(server, task_id) == [str(number) for number in range(1, 3001)]
            assert (own / "starts").read_text() == "start\n"


def test_cancelling_reaches_a_script_of_a_restarted_server(data: Path, folder: Path) -> None:
    with running_octavo(data) as server:
        task_id = queue_script(server, f"echo $$ > {folder}/pid\n" + waiting_script(folder, 10))
        wait_until((folder / "starts").exists)
        script = int((folder / "pid").read_text())
        kill(server)

    with running_octavo(data) as server:
        with server.client() as client:
            client.post(f"/api/tasks/{task_id}/cancel", json={})
        ended = wait_for_end(server, task_id)

        assert ended["State"] == "Canceled"
        wait_until(lambda: not Path(f"/proc/{script}").exists())


def test_a_stopped_server_leaves_its_scripts_running_and_takes_them_up_again(data: Path, folder: Path) -> None:
    with running_octavo(data) as server:
        task_id = queue_script(server, waiting_script(folder, 10))
        wait_until((folder / "starts").exists)
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(PATIENCE_SECONDS)

    with running_octavo(data) as server:
        assert task(server, task_id)["State"] == "Executing"
        (folder / "go").touch()
        assert wait_for_end(server, task_id)["State"] == "Success"
        assert printed(server, task_id) == [str(number) for number in range(1, 11)]


def test_a_killed_built_in_worker_is_started_again_and_its_script_goes_on(data: Path, folder: Path) -> None:
    with running_octavo(data) as server:
        task_id = queue_script(server, waiting_script(folder, 100))
        wait_until((folder / "starts").exists)
        (agent,) = children_named(server.process.pid, "built-in")
        os.kill(agent, signal.SIGKILL)
        (folder / "go").touch()

        assert wait_for_end(server, task_id)["State"] == "Success"
        assert printed(server, task_id) == [str(number) for number in range(1, 101)]
        assert (folder / "starts").read_text() == "start\n"


def children_named(parent: int, word: str) -> Iterator[int]:
    """The children of a process whose command line has this word."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (entry / "stat").read_text(), (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == parent and word.encode() in command.split(b"\0"):
            yield int(entry.name)


def test_a_task_log_can_be_followed_and_resumed(data: Path, folder: Path) -> None:
    with running_octavo(data) as server:
        task_id = queue_script(server, waiting_script(folder, 20))
        wait_until(lambda: task(server, task_id)["LogPosition"] >= 14)
        (folder / "go").touch()
        wait_for_end(server, task_id)

        with server.client() as client:
            everything = events(client, task_id, "0")
            rest = events(client, task_id, everything[9][0])

        assert [event[1] for event in everything[:-1]] == ["line"] * (len(everything) - 1)
        assert everything[-1][1] == "state"
        assert rest == everything[10:]


def events(client: httpx.Client, task_id: str, after: str) -> list[tuple[str, str]]:
    """Position and name of each event of the stream."""
    found, position, name = [], "", ""
    with client.stream("GET", f"/api/tasks/{task_id}/log/stream", headers={"Last-Event-ID": after}) as stream:
        for line in stream.iter_lines():
            field, _, value = line.partition(": ")
            if field == "id":
                position = value
            elif field == "event":
                name = value
            elif field == "data":
                found.append((position if name == "line" else "", name))
    return found
