"""Ways of a package of 500 MB to a worker: whole, resumed, cached, by what differs; beside scp and rsync.

All on loopback, each worker a process of its own. In the changed version 1 % of the bytes are new (50 places of
100 KB) and 8 bytes stand before the others. scp and rsync talk to an sshd of this run's own; without one their figures
are missing. Also: how long a script takes to start in each language, beside its plain interpreter.
"""

import getpass
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.figures import Figure
from bench.running import API_KEY, RunningServer, running_server
from octavo.base.clock import SystemClock
from octavo.executor.composing import SYNTAXES, Source, command, compose
from octavo.server.domain.vault import Vault
from octavo.server.packages.tokens import FetchGrant, fetch_tokens
from octavo.server.store.secrets import load_keyring

MEGABYTE = 1_000_000
SIZE = 500 * MEGABYTE
CHANGES, CHANGE_BYTES = 50, 100_000
SCRIPT_RUNS = 15
PLAIN = {"Bash": ["/bin/bash", "-c", "true"], "Python": ["python3", "-c", "pass"], "PowerShell": ["pwsh", "-c", "1"]}

#: The worker's process: fetches once; says the seconds, the memory it grew by in MB, and what the cache said.
_WORKER = """
import json, sys, time
from pathlib import Path
from octavo.executor.fetch import PackageCache
from octavo.executor.plan import PackagePlan
plan = json.loads(sys.stdin.read())
package = PackagePlan(**{**plan, "bases": tuple(plan["bases"])})
def kibibytes(what):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(what))
said, before = [], kibibytes("VmRSS:")
started = time.perf_counter()
with PackageCache(Path(sys.argv[1]), said.append).use(package):
    seconds = time.perf_counter() - started
print(json.dumps([seconds, (kibibytes("VmHWM:") - before) * 1024 / 1e6, said]))
"""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a worker measured. `wire_bytes` is counted by the loopback device."""

    seconds: float
    memory_megabytes: float
    wire_megabytes: float


def measure() -> list[Figure]:
    """Every way once, on an idle machine."""
    with tempfile.TemporaryDirectory() as name, running_server() as server:
        folder = Path(name)
        _write_files(folder)
        old, new = (_push(server, folder / each, version) for each, version in (("old", "1.0.0"), ("new", "1.1.0")))
        whole = _fetch(server, new, folder / "one")
        resumed = _resume(server, new, folder)
        cached = _fetch(server, new, folder / "one")
        shutil.rmtree(folder / "one")
        deltas = []
        for worker in ("two", "three"):
            _fetch(server, old, folder / worker)
            deltas.append(_fetch(server, new, folder / worker, old["Sha256"]))
            shutil.rmtree(folder / worker)
        others = _others(folder)
    first, second = deltas
    scp, rsync = others.get("scp"), others.get("rsync")
    figures = [
        Figure("500 MB whole, checked and in place", whole.seconds, "s", scp.seconds if scp else None, "≤ 1 s"),
        Figure("the same from its half on", resumed.seconds, "s"),
        Figure("the same from the cache, checked", cached.seconds, "s"),
        Figure(
            "1 % changed, first worker (the delta is made)",
            first.seconds,
            "s",
            rsync.seconds if rsync else None,
            "≤ rsync",
        ),
        Figure("1 % changed, next worker", second.seconds, "s", rsync.seconds if rsync else None, "≤ rsync"),
        Figure(
            "1 % changed, on the wire", first.wire_megabytes, "MB", rsync.wire_megabytes if rsync else None, "≤ rsync"
        ),
        Figure("growth of the worker's memory by a delta, peak", first.memory_megabytes, "MB", budget="≤ 64 MB"),
    ]
    return figures + _script_starts()


def _write_files(folder: Path) -> None:
    source = random.Random(4)
    old = bytearray(os.urandom(SIZE))
    (folder / "old").write_bytes(old)
    for _ in range(CHANGES):
        place = source.randrange(SIZE - CHANGE_BYTES)
        old[place : place + CHANGE_BYTES] = os.urandom(CHANGE_BYTES)
    (folder / "new").write_bytes(b"INSERTED" + old)


def _push(server: RunningServer, file: Path, version: str) -> dict[str, str]:
    headers = {"X-Octopus-ApiKey": API_KEY}
    url = f"{server.address.url}/api/packages/raw?fileName=Bench.{version}.tar"
    with httpx.Client(headers=headers, timeout=120, trust_env=False) as client, open(file, "rb") as content:
        response = client.post(url, content=iter(lambda: content.read(MEGABYTE), b""))
    response.raise_for_status()
    return dict(response.json())


def _fetch(server: RunningServer, package: dict[str, str], cache: Path, *bases: str) -> Fetched:
    sha256 = str(package["Sha256"])
    keyring = load_keyring(server.folder / "server", None)
    vault = Vault({key.id: key.key for key in keyring.keys}, keyring.active.id)
    token = fetch_tokens(vault).issue(FetchGrant("Workers-1", "ServerTasks-1", sha256), SystemClock().now())
    plan = {
        "reference": "",
        "package_id": "Bench",
        "version": package["Version"],
        "file_name": "Bench.tar",
        "size_bytes": package["PackageSizeBytes"],
        "sha256": sha256,
        "url": f"{server.address.url}/api/worker-packages/{sha256}",
        "token": token,
        "bases": bases,
    }
    before = _loopback_bytes()
    worker = [sys.executable, "-c", _WORKER, str(cache)]
    result = subprocess.run(worker, input=json.dumps(plan), capture_output=True, text=True, check=True)
    seconds, memory, _ = json.loads(result.stdout.splitlines()[-1])
    return Fetched(seconds, memory, (_loopback_bytes() - before) / 1e6)


def _resume(server: RunningServer, package: dict[str, str], folder: Path) -> Fetched:
    cache = folder / "half"
    cache.mkdir()
    with open(folder / "new", "rb") as whole:
        (cache / f"{package['Sha256']}.part").write_bytes(whole.read(SIZE // 2))
    try:
        return _fetch(server, package, cache)
    finally:
        shutil.rmtree(cache)


def _loopback_bytes() -> int:
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


# ---- scp and rsync ---------------------------------------------------------------------------------------------------


def _others(folder: Path) -> dict[str, Fetched]:
    """The same by scp, and by rsync onto the old file; nothing where these programs are missing."""
    programs = {name: shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("sshd", "scp", "rsync")}
    if not all(programs.values()):
        print(f"no figures of {', '.join(name for name, path in programs.items() if not path)}: not installed")
        return {}
    with _sshd(folder, str(programs["sshd"])) as (port, options):
        shutil.copyfile(folder / "old", folder / "target")
        host = f"{getpass.getuser()}@127.0.0.1"
        scp = _timed([str(programs["scp"]), "-q", "-P", port, *options, str(folder / "new"), f"{host}:{folder}/copied"])
        shell = " ".join(["ssh", "-p", port, *options])
        rsync = _timed([str(programs["rsync"]), "-I", "-e", shell, str(folder / "new"), f"{host}:{folder}/target"])
    return {"scp": scp, "rsync": rsync}


@contextmanager
def _sshd(folder: Path, program: str) -> Iterator[tuple[str, list[str]]]:
    """An sshd with a key, a port and a configuration of its own."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copyfile(folder / "user.pub", folder / "authorized")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    Path("/run/sshd").mkdir(exist_ok=True)
    settings = {
        "ListenAddress": "127.0.0.1",
        "Port": port,
        "HostKey": f"{folder}/host",
        "AuthorizedKeysFile": f"{folder}/authorized",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "Subsystem": "sftp internal-sftp",
    }
    (folder / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with subprocess.Popen(
        [program, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=subprocess.DEVNULL
    ) as server:
        try:
            _wait_for(int(port))
            options = [
                "-i",
                str(folder / "user"),
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ]
            yield port, [*options, "-o", "LogLevel=ERROR"]
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("sshd did not start")


def _timed(started: list[str]) -> Fetched:
    before, begin = _loopback_bytes(), time.perf_counter()
    subprocess.run(started, check=True)
    return Fetched(time.perf_counter() - begin, 0.0, (_loopback_bytes() - before) / 1e6)


# ---- Scripts ---------------------------------------------------------------------------------------------------------


def _script_starts() -> list[Figure]:
    figures = []
    for syntax, plain in PLAIN.items():
        if shutil.which(plain[0]) is None:
            continue
        floor = _milliseconds(plain, Path.cwd())
        for count in (50, 5_000):
            variables = {f"Name{number}": f"value {number}" for number in range(count)}
            with tempfile.TemporaryDirectory() as name:
                composed = compose(Source(syntax, "", f"Script{SYNTAXES[syntax]}"), variables)
                main = Path(name) / f"Bootstrap{SYNTAXES[syntax]}"
                for file, text in {main.name: composed.text, **composed.beside}.items():
                    (Path(name) / file).write_text(text, newline="")
                value = _milliseconds(command(syntax, variables, str(main)), Path(name))
            figures.append(Figure(f"an empty {syntax} script with {count:,} variables, p50", value, "ms", floor))
    return figures


def _milliseconds(started: list[str], folder: Path) -> float:
    times = []
    for _ in range(SCRIPT_RUNS):
        begin = time.perf_counter()
        subprocess.run(started, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000
