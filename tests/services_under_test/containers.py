"""A real podman with a storage of its own, and in it an image that holds bash and little else, made of this machine."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

IMAGE = "localhost/octavo-under-test:1"
PROGRAMS = ("bash", "cat", "ls", "sleep", "id", "touch")


@dataclass(frozen=True, slots=True)
class Podman:
    """`environment` makes the `podman` on the path use this storage and nothing of the machine's own settings."""

    environment: Mapping[str, str]
    image: str = IMAGE

    def run(self, *arguments: str) -> str:
        """Run a command of podman; what it printed."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            ["podman", *arguments], env=environment, check=True, capture_output=True, text=True
        ).stdout


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """Podman for the whole test run."""
    folder = Path(tempfile.mkdtemp(prefix="octavo-podman-"))
    (folder / "containers.conf").write_text(
        '[containers]\nnetns = "host"\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n'
        '[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "none"\n'
    )
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n'
    )
    engine = Podman(
        {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        }
    )
    (folder / "registries.conf").write_text("unqualified-search-registries = []\n")
    try:
        (folder / "root.tar").write_bytes(_root())
        engine.run("import", "--change", "ENV PATH=/bin", str(folder / "root.tar"), IMAGE)
        yield engine
    finally:
        subprocess.run(["podman", "rm", "--all", "--force"], env={**os.environ, **engine.environment}, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _root() -> bytes:
    """A file system with these programs and the libraries that they need."""
    buffer = io.BytesIO()
    paths = {Path(found) for name in PROGRAMS if (found := shutil.which(name))}
    libraries = {
        Path(library)
        for path in paths
        for library in re.findall(r"/\S+", subprocess.run(["ldd", path], capture_output=True, text=True).stdout)
    }
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as archive:
        for path in paths:
            archive.add(path.resolve(), f"bin/{path.name}")
        for library in libraries:
            archive.add(library.resolve(), str(library).lstrip("/"))
        for name in ("tmp", "etc", "proc", "dev", "sys"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
            archive.addfile(folder)
    return buffer.getvalue()
