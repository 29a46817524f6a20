"""The floors: what this machine can do at best, measured in the same run as everything that stands beside them."""

import os
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.figures import Figure

MEGABYTE = 1_000_000
COPY_BYTES = 500 * MEGABYTE
CHUNK_BYTES = 256 * 1024


def measure() -> list[Figure]:
    """The plain floors, as figures of their own."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            Figure("bash -c true by fork and exec, p50", bash_milliseconds(), "ms"),
            Figure("file write, 500 MB", file_write_megabytes_per_second(Path(folder)), "MB/s"),
            Figure("socket copy on loopback, 500 MB", socket_copy_megabytes_per_second(None, None), "MB/s"),
            Figure("the same through TLS", tls_copy_megabytes_per_second(Path(folder)), "MB/s"),
            Figure("file write with fdatasync, 4 KiB, p50", synced_write_milliseconds(Path(folder)), "ms"),
        ]


def bash_milliseconds(runs: int = 100) -> float:
    """Median time of one `bash -c true`, from start to end."""
    return (
        statistics.median(_timed(lambda: subprocess.run(["bash", "-c", "true"], check=True)) for _ in range(runs)) * 1e3
    )


def file_write_megabytes_per_second(folder: Path) -> float:
    """Writing 500 MB to a new file in aligned pieces, without a final sync."""
    chunk = os.urandom(CHUNK_BYTES)

    def write() -> None:
        with (folder / "floor").open("wb", buffering=0) as file:
            for _ in range(COPY_BYTES // CHUNK_BYTES):
                file.write(chunk)

    return COPY_BYTES / MEGABYTE / _timed(write)


def synced_write_milliseconds(folder: Path, runs: int = 100) -> float:
    """Median time of one small durable write."""
    with (folder / "synced").open("wb", buffering=0) as file:

        def write() -> None:
            file.write(bytes(4096))
            os.fdatasync(file.fileno())

        return statistics.median(_timed(write) for _ in range(runs)) * 1e3


def tls_copy_megabytes_per_second(folder: Path) -> float:
    """Python's own TLS, one thread a side, no protocol: 500 MB over loopback."""
    certificate, key = _new_certificate(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return socket_copy_megabytes_per_second(server, client)


def socket_copy_megabytes_per_second(server: ssl.SSLContext | None, client: ssl.SSLContext | None) -> float:
    """500 MB from one thread to another over loopback, plain or through TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = threading.Thread(target=_send, args=(listener.getsockname(), client))
        sender.start()
        accepted, _ = listener.accept()
        with server.wrap_socket(accepted, server_side=True) if server else accepted as receiving:
            seconds = _timed(lambda: _receive(receiving))
        sender.join()
    return COPY_BYTES / MEGABYTE / seconds


def _send(address: tuple[str, int], client: ssl.SSLContext | None) -> None:
    plain = socket.create_connection(address)
    chunk = memoryview(bytes(CHUNK_BYTES))
    with client.wrap_socket(plain) if client else plain as sending:
        for _ in range(COPY_BYTES // CHUNK_BYTES):
            sending.sendall(chunk)


def _receive(receiving: socket.socket) -> None:
    buffer = memoryview(bytearray(CHUNK_BYTES))
    left = COPY_BYTES // CHUNK_BYTES * CHUNK_BYTES
    while left and (count := receiving.recv_into(buffer)):
        left -= count


def _new_certificate(folder: Path) -> tuple[Path, Path]:
    key, name, now = rsa.generate_private_key(65537, 2048), x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate_file, key_file = folder / "floor.crt", folder / "floor.key"
    certificate_file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate_file, key_file


def _timed(deed: Callable[[], object]) -> float:
    started = time.perf_counter()
    deed()
    return time.perf_counter() - started
