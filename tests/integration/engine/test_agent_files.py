"""Packages for agents that do not fetch them: sent once, and then by what differs."""

import io
import random
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_under_test.served_agent import OFFICIAL, OLD, ServedAgent, served_agent
from agents_under_test.stage import Stage, lines, running_stage
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE, UploadResult
from octavo.halibut import DataStream
from octavo.server.store import Store

CONTENT = random.Random(5).randbytes(2_000_000)


@pytest.fixture
async def stage(sqlite_store: Store, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with running_stage(sqlite_store, sqlite_url, tmp_path) as stage:
        yield stage


class CountedFiles:
    """An agent's file service that remembers what was sent: the kind of file, and how many bytes."""

    def __init__(self, agent: ServedAgent) -> None:
        self._files = agent.agent.files
        self.sent: list[tuple[str, int]] = []
        self.spoils_deltas = False
        agent.runtime.offer(FILE_TRANSFER_SERVICE, self)

    async def upload_file(self, remote_path: str, upload: DataStream | None) -> UploadResult:
        self.sent.append((Path(remote_path).suffix, upload.length if upload else 0))
        result = await self._files.upload_file(remote_path, upload)
        if self.spoils_deltas and remote_path.endswith(".delta"):
            Path(result.full_path or "").write_bytes(b"spoiled")
        return result

    async def download_file(self, remote_path: str) -> DataStream | None:
        return await self._files.download_file(remote_path)


async def push(stage: Stage, version: str, content: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("content")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    files = {"file": (f"Acme.{version}.tar", buffer.getvalue())}
    response = await stage.api.client.post("/api/Spaces-1/packages/raw", files=files)
    assert response.status_code == 201, response.text


async def use(stage: Stage, version: str) -> dict[str, Any]:
    reference = {"PackageId": "Acme", "Version": version, "Name": "acme", "Extract": True}
    return await stage.run("tail -c 20 acme/content", PackageReferences=[reference])


@pytest.mark.parametrize("names", [OFFICIAL, OLD])
async def test_a_package_is_sent_once_and_its_next_version_by_what_differs(
    stage: Stage, names: tuple[str, ...]
) -> None:
    """script-execution 66 and 73"""
    await push(stage, "1.0", CONTENT + b"the first version...")
    await push(stage, "1.1", b"moved" + CONTENT + b"the second version..")
    async with served_agent(stage.folder, stage.server.identity.thumbprint, names) as agent:
        files = CountedFiles(agent)
        await stage.add_worker(agent, "build-1")

        ends = [await use(stage, version) for version in ("1.0", "1.0", "1.1")]

    assert [lines(end)[-1] for end in ends] == ["the first version..."] * 2 + ["the second version.."]
    assert [suffix for suffix, _ in files.sent] == [".pyz", ".tar", ".delta"]
    assert files.sent[2][1] < 100_000
    assert not list((stage.folder / "home").glob("Files/*.delta"))


async def test_a_spoiled_file_on_the_agent_is_sent_anew(stage: Stage) -> None:
    await push(stage, "1.0", CONTENT + b"the first version...")
    await push(stage, "1.1", CONTENT + b"the second version..")
    async with served_agent(stage.folder, stage.server.identity.thumbprint, OFFICIAL) as agent:
        files = CountedFiles(agent)
        await stage.add_worker(agent, "build-1")
        await use(stage, "1.0")
        [package] = (stage.folder / "home").glob("Files/*.tar")
        package.write_bytes(b"spoiled")

        ends = [await use(stage, version) for version in ("1.1", "1.0")]

    assert [lines(end)[-1] for end in ends] == ["the second version..", "the first version..."]
    assert [suffix for suffix, _ in files.sent] == [".pyz", ".tar", ".tar", ".delta"]  # 1.0 comes from 1.1


async def test_a_delta_that_cannot_be_applied_costs_its_bytes_and_nothing_else(stage: Stage) -> None:
    await push(stage, "1.0", CONTENT + b"the first version...")
    await push(stage, "1.1", CONTENT + b"the second version..")
    async with served_agent(stage.folder, stage.server.identity.thumbprint, OFFICIAL) as agent:
        files = CountedFiles(agent)
        await stage.add_worker(agent, "build-1")
        await use(stage, "1.0")
        files.spoils_deltas = True

        end = await use(stage, "1.1")

    assert lines(end)[-1] == "the second version.."
    assert [suffix for suffix, _ in files.sent] == [".pyz", ".tar", ".delta", ".tar"]
