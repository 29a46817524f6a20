"""`IFileTransferService`. Source: tentacle-services.md §11."""

import hashlib
from pathlib import Path

import pytest

from agents_under_test.opened_agent import OpenedAgent
from octavo.halibut import DataStream


async def test_an_upload_lands_under_home(agent: OpenedAgent) -> None:
    """services 27: a relative path is below home; hash, length and full path are right; backslashes work."""
    result = await agent.files.upload_file("Files\\sub\\pkg.zip", DataStream.from_bytes(b"content"))

    path = agent.home / "Files" / "sub" / "pkg.zip"
    assert (result.full_path, result.length) == (str(path), 7)
    assert result.hash == hashlib.sha1(b"content").hexdigest()
    assert path.read_bytes() == b"content"


async def test_an_upload_replaces_and_takes_a_received_file(agent: OpenedAgent, tmp_path: Path) -> None:
    """services 27: an existing file is replaced."""
    received = tmp_path / "spooled"
    received.write_bytes(b"second")
    target = tmp_path / "rooted" / "file"

    await agent.files.upload_file(str(target), DataStream.from_bytes(b"first"))
    await agent.files.upload_file(str(target), DataStream.from_file(received))

    assert target.read_bytes() == b"second"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


async def test_a_null_upload_writes_nothing(agent: OpenedAgent) -> None:
    """services 27: §11, with a null stream nothing is written."""
    result = await agent.files.upload_file("x/../y", None)

    assert (result.full_path, result.hash, result.length) == (str(agent.home / "y"), None, 0)
    assert not (agent.home / "y").exists()


async def test_a_download_gives_the_file_or_nothing(agent: OpenedAgent) -> None:
    """services 28: the bytes; a missing file gives null without an error."""
    (agent.home / "kept").write_bytes(b"bytes")

    stream = await agent.files.download_file("kept")

    assert stream is not None
    assert (stream.length, stream.source) == (5, agent.home / "kept")
    assert await agent.files.download_file("missing") is None


async def test_an_unreadable_download_fails(agent: OpenedAgent) -> None:
    """services 29: a folder cannot be read as a file: a service failure, not a null."""
    with pytest.raises(IsADirectoryError):
        await agent.files.download_file("Work")
