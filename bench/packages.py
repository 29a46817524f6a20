"""A package of 500 MB: pushed to a server process, and pulled from it by a worker process with the executor's own code.

Both over plain HTTP on loopback. "In place" means: received, size and SHA-256 checked, under its name in the cache.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.figures import Figure
from bench.floors import (
    file_write_megabytes_per_second,
    socket_copy_megabytes_per_second,
    tls_copy_megabytes_per_second,
)
from bench.running import API_KEY, RunningServer, resident_megabytes, running_server
from octavo.base.clock import SystemClock
from octavo.server.domain.vault import Vault
from octavo.server.packages.tokens import FetchGrant, fetch_tokens
from octavo.server.store.secrets import load_keyring

MEGABYTE = 1_000_000
PACKAGE_MEGABYTES = 500
PULLS = 5

#: The worker's process: pulls once, says how long it took and how much its memory grew.
_WORKER = """
import json, sys, time
from pathlib import Path
from octavo.executor.fetch import PackageCache
from octavo.executor.plan import PackagePlan
package = PackagePlan(**json.loads(sys.stdin.read()))
def kibibytes(what):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(what))
before = kibibytes("VmRSS:")
started = time.perf_counter()
with PackageCache(Path(sys.argv[1]), print).use(package):
    seconds = time.perf_counter() - started
print(json.dumps([seconds, (kibibytes("VmHWM:") - before) * 1024 / 1e6]))
"""


def measure() -> list[Figure]:
    """Push once, pull some times."""
    with running_server() as server, tempfile.TemporaryDirectory() as name:
        before = resident_megabytes(server.program.pid)
        pushed_at, package = _push(server)
        pulls = [_pull(server, package, Path(name) / "cache") for _ in range(PULLS)]
        grown = _peak_megabytes(server.program.pid) - before
        plain = socket_copy_megabytes_per_second(None, None)
        return [
            Figure("package of 500 MB, client → server, stored", pushed_at, "MB/s", plain),
            Figure("the same, server → worker, checked and in place, p50",
                   statistics.median(speed for speed, _ in pulls), "MB/s", plain, "≥ 500 MB/s"),
            Figure("a floor of both: writing the file", file_write_megabytes_per_second(Path(name)), "MB/s"),
            Figure("the floor of both through TLS", tls_copy_megabytes_per_second(Path(name)), "MB/s"),
            Figure("growth of the worker's memory, peak", max(memory for _, memory in pulls), "MB", budget="≤ 64 MB"),
            Figure("growth of the server's memory, peak", grown, "MB", budget="≤ 64 MB"),
        ]  # fmt: skip


def _push(server: RunningServer) -> tuple[float, dict[str, object]]:
    """MB/s, and the package that the server answers."""
    headers = {"X-Octopus-ApiKey": API_KEY}
    url = f"{server.address.url}/api/packages/raw?fileName=Bench.1.0.0.tar"
    with httpx.Client(headers=headers, timeout=120, trust_env=False) as client:
        started = time.perf_counter()
        response = client.post(url, content=_bytes())
        seconds = time.perf_counter() - started
    response.raise_for_status()
    return PACKAGE_MEGABYTES / seconds, response.json()


def _bytes() -> Iterator[bytes]:
    chunk = os.urandom(MEGABYTE)
    for number in range(PACKAGE_MEGABYTES):
        yield number.to_bytes(8, "big") + chunk[8:]


def _pull(server: RunningServer, package: dict[str, object], folder: Path) -> tuple[float, float]:
    """MB/s and growth in MB of one worker with an empty cache."""
    sha256 = str(package["Sha256"])
    keyring = load_keyring(server.folder / "server", None)
    vault = Vault({key.id: key.key for key in keyring.keys}, keyring.active.id)
    token = fetch_tokens(vault).issue(FetchGrant("Workers-1", "ServerTasks-1", sha256), SystemClock().now())
    plan = {
        "reference": "",
        "package_id": "Bench",
        "version": "1.0.0",
        "file_name": "Bench.1.0.0.tar",
        "size_bytes": package["PackageSizeBytes"],
        "sha256": sha256,
        "url": f"{server.address.url}/api/worker-packages/{sha256}",
        "token": token,
    }
    command = [sys.executable, "-c", _WORKER, str(folder)]
    result = subprocess.run(command, input=json.dumps(plan), capture_output=True, text=True, check=True)
    shutil.rmtree(folder)  # the next worker finds an empty cache, and the disk nothing left to write
    seconds, memory = json.loads(result.stdout.splitlines()[-1])
    return PACKAGE_MEGABYTES / seconds, memory


def _peak_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6
