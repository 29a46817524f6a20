"""The executor killed at any moment, and on a full disk: a step succeeds or fails clearly, never with wrong bytes."""

import hashlib
import http.server
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from octavo.executor.plan import Deed, PackagePlan, Plan, ScriptPlan, plan_as_json

FILES = 400
KILLS = 8


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A package of some hundred files, 4 MB in all."""
    source = random.Random(6)
    path = tmp_path / "served" / "Acme.1.0.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as package:
        for number in range(FILES):
            package.writestr(f"folder-{number % 10}/{number}.bin", source.randbytes(10_000))
    return path


@pytest.fixture
def url(archive: Path) -> Iterator[str]:
    handler = partial(_Quiet, directory=str(archive.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{archive.name}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def start(folder: Path, archive: Path, url: str, deed: Deed, *before: str) -> "subprocess.Popen[str]":
    """A job of its own, as a retried step would be."""
    work = folder / f"work-{os.urandom(4).hex()}"
    work.mkdir()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    package = PackagePlan("", "Acme", "1.0", archive.name, archive.stat().st_size, digest, True, url, "token")
    quiet = {"Octopus.Action.Script.SuppressEnvironmentLogging": "True", "OctopusRetentionPolicySet": "S"}
    script = ScriptPlan("Bash", "true") if deed is Deed.RUN_SCRIPT else None
    (work / "plan.json").write_text(plan_as_json(Plan(script, (package,), quiet, deed)))
    environment = {
        **os.environ,
        "TentacleHome": str(folder),
        "TentacleApplications": str(folder / "Applications"),
        "TentacleJournal": str(folder / "DeploymentJournal.xml"),
    }
    command = [*before, sys.executable, "-m", "octavo.executor", "plan.json"]
    return subprocess.Popen(
        command, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.bin")}


def test_a_deployment_that_is_killed_at_any_moment_leaves_nothing_that_misleads_the_next(
    tmp_path: Path, archive: Path, url: str
) -> None:
    begin = time.monotonic()
    whole = start(tmp_path / "served", archive, url, Deed.DEPLOY_PACKAGE)
    _, errors = whole.communicate(timeout=60)
    assert (whole.returncode, errors) == (0, "")
    seconds = time.monotonic() - begin
    source = random.Random(11)
    for _ in range(KILLS):
        killed = start(tmp_path, archive, url, Deed.DEPLOY_PACKAGE)
        time.sleep(source.uniform(0.3, 1.0) * seconds)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()

    last = start(tmp_path, archive, url, Deed.DEPLOY_PACKAGE)
    _, errors = last.communicate(timeout=60)

    assert (last.returncode, errors) == (0, "")
    entries = ElementTree.parse(tmp_path / "DeploymentJournal.xml").getroot().findall("Deployment")
    with zipfile.ZipFile(archive) as package:
        expected = {name: package.read(name) for name in package.namelist()}
    for entry in entries:  # whatever the journal calls a success is one
        assert entry.get("WasSuccessful") == "True"
        assert tree(Path(str(entry.get("ExtractedTo")))) == expected
    assert (tmp_path / "Cache/packages" / hashlib.sha256(archive.read_bytes()).hexdigest()).exists()


def test_a_full_disk_is_named_and_room_helps(tmp_path: Path, archive: Path, url: str) -> None:
    """On a real file system of 3 MB, in a mount namespace of the job's own."""
    folder = tmp_path / "Cache"
    folder.mkdir()
    mount = ("unshare", "--map-root-user", "--mount", "bash", "-c")
    full = start(
        tmp_path, archive, url, Deed.RUN_SCRIPT, *mount, f'mount -t tmpfs -o size=3m none {folder} && exec "$@"', "sh"
    )
    _, errors = full.communicate(timeout=60)

    assert full.returncode == 1
    assert "MB are free" in errors
    assert "Free some space" in errors
    again = start(tmp_path, archive, url, Deed.RUN_SCRIPT)
    _, errors = again.communicate(timeout=60)
    assert (again.returncode, errors) == (0, "")
