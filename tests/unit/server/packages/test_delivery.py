"""How scripts travel: composed, by plan with URLs, by plan with uploads."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from octavo.base.errors import Invalid
from octavo.executor.plan import PLAN_VERSION, plan_from_json
from octavo.server.blobs import BlobStore
from octavo.server.packages.delivery import (
    EXECUTOR_FILE,
    PLAN_FILE,
    Delivery,
    PackageToDeliver,
    PreparedScript,
    Recipient,
    ScriptToDeliver,
    Syntax,
    parse_syntax,
)
from octavo.server.packages.tokens import FetchGrant, FetchTokens

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OURS = Recipient("Workers-1", "ServerTasks-7", (sys.executable, "-m", "octavo.executor"))
OFFICIAL = Recipient("Workers-2", "ServerTasks-7")


class StoppedClock:
    """Always `NOW`."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def delivery(blobs: BlobStore, tmp_path: Path) -> Delivery:
    return Delivery(blobs, FetchTokens(b"k" * 32), StoppedClock(), "https://server/", tmp_path / "spool")


async def a_package(blobs: BlobStore, folder: Path) -> PackageToDeliver:
    path = folder / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run.sh", 'echo "from the package: $(get_octopusvariable V)"')
    data = path.read_bytes()
    sha1, sha256 = hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest()
    await blobs.put_file(f"packages/{sha256}", path)
    return PackageToDeliver("", "Acme", "1.0", ".zip", len(data), sha256, sha1, f"packages/{sha256}")


def run(prepared: PreparedScript, folder: Path) -> subprocess.CompletedProcess[str]:
    """What an agent does with it."""
    work = folder / "Work" / "ticket"
    work.mkdir(parents=True)
    for name, data in prepared.files.items():
        (work / name).write_bytes(data)
    (work / "Bootstrap.sh").write_text(prepared.body)
    environment = {**os.environ, "TentacleHome": str(folder)}
    command = ["/bin/bash", str(work / "Bootstrap.sh")]
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=60)


async def test_a_bash_script_alone_is_one_file(delivery: Delivery, tmp_path: Path) -> None:
    script = ScriptToDeliver(Syntax.BASH, 'echo "$1 $(get_octopusvariable V)"', None, "p", {"V": "v"})

    prepared = await delivery.prepare_script(script, OFFICIAL)

    assert (prepared.files, prepared.uploads) == ({}, ())
    assert run(prepared, tmp_path).stdout.endswith("p v\n")


async def test_a_python_script_alone_needs_python3_only(delivery: Delivery, tmp_path: Path) -> None:
    script = ScriptToDeliver(Syntax.PYTHON, "print(get_octopusvariable('V'))", variables={"V": "é"})

    result = run(await delivery.prepare_script(script, OFFICIAL), tmp_path)

    assert (result.stdout.splitlines()[-1], result.stderr, result.returncode) == ("é", "", 0)


async def test_our_agent_pulls_with_a_token_of_its_own(delivery: Delivery, blobs: BlobStore, tmp_path: Path) -> None:
    package = await a_package(blobs, tmp_path)

    prepared = await delivery.prepare_script(ScriptToDeliver(Syntax.BASH, file="run.sh", packages=[package]), OURS)

    assert prepared.uploads == ()
    assert f"then exec {sys.executable} -m octavo.executor {PLAN_FILE}; fi" in prepared.body
    assert prepared.body.endswith(f"exec python3 {EXECUTOR_FILE} {PLAN_FILE}\n")
    assert zipfile.is_zipfile(io.BytesIO(prepared.files[EXECUTOR_FILE]))
    (planned,) = plan_from_json(prepared.files[PLAN_FILE].decode()).packages
    assert planned.url == f"https://server/api/worker-packages/{package.sha256}"
    grant = FetchTokens(b"k" * 32).find_grant(planned.token or "", package.sha256, NOW)
    assert grant == FetchGrant("Workers-1", "ServerTasks-7", package.sha256)


async def test_an_official_agent_runs_what_was_uploaded(delivery: Delivery, blobs: BlobStore, tmp_path: Path) -> None:
    package = await a_package(blobs, tmp_path)
    script = ScriptToDeliver(Syntax.BASH, file="run.sh", variables={"V": "v"}, packages=[package])

    prepared = await delivery.prepare_script(script, OFFICIAL)
    for upload in prepared.uploads:
        place = tmp_path / upload.remote_path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(upload.source.read_bytes())
        assert hashlib.sha1(place.read_bytes()).hexdigest() == upload.sha1
        assert place.stat().st_size == upload.size_bytes
    result = run(prepared, tmp_path)

    assert (result.stdout.splitlines()[-1], result.stderr, result.returncode) == ("from the package: v", "", 0)


async def test_a_damaged_executor_is_not_run(delivery: Delivery, blobs: BlobStore, tmp_path: Path) -> None:
    script = ScriptToDeliver(Syntax.BASH, file="run.sh", packages=[await a_package(blobs, tmp_path)])

    prepared = await delivery.prepare_script(script, OFFICIAL)
    place = tmp_path / prepared.uploads[0].remote_path
    place.parent.mkdir()
    place.write_bytes(b"print('hostile')")
    result = run(prepared, tmp_path)

    assert (result.stdout, result.returncode) == ("", 1)
    assert "is missing or damaged" in result.stderr


async def test_secrets_are_in_no_repr(delivery: Delivery) -> None:
    script = ScriptToDeliver(Syntax.BASH, "true", variables={"Password": "hunter2"})

    assert "hunter2" not in repr(script) + repr(await delivery.prepare_script(script, OURS))


@pytest.mark.parametrize("script", [ScriptToDeliver(Syntax.BASH, file="run.sh"), ScriptToDeliver(Syntax.PYTHON, "\0")])
async def test_what_cannot_be_composed_is_told_to_the_user(delivery: Delivery, script: ScriptToDeliver) -> None:
    with pytest.raises(Invalid):
        await delivery.prepare_script(script, OURS)


def test_a_syntax_is_read_in_any_case() -> None:
    assert parse_syntax("bash") is Syntax.BASH
    assert parse_syntax("powershell") is Syntax.POWERSHELL
    with pytest.raises(Invalid, match=r"'CSharp'.*Bash, Python, PowerShell"):
        parse_syntax("CSharp")


async def test_the_plan_is_json_that_any_executor_of_this_version_reads(
    delivery: Delivery, blobs: BlobStore, tmp_path: Path
) -> None:
    script = ScriptToDeliver(Syntax.BASH, "true", packages=[await a_package(blobs, tmp_path)])

    prepared = await delivery.prepare_script(script, OURS)

    assert json.loads(prepared.files[PLAN_FILE])["version"] == PLAN_VERSION


async def test_a_script_for_a_container_is_carried_out_by_the_executor(delivery: Delivery) -> None:
    prepared = await delivery.prepare_script(ScriptToDeliver(Syntax.BASH, "true", image="alpine:3"), OURS)

    assert plan_from_json(prepared.files[PLAN_FILE].decode()).image == "alpine:3"
