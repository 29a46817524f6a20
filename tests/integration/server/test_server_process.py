"""The command `octavo` on real processes: starting, stopping, and everything an operator can get wrong."""

import json
import os
import signal
import socket
import ssl
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from octavo.halibut.identity import thumbprint_of
from octavo_program import ANY_PORTS, OCTAVO, environment, octavo, running_octavo
from services_under_test.processes import running_server


def test_a_first_start_makes_everything_and_a_second_finds_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_octavo(data) as server, server.client() as client:
        first = client.get("/api").json()
        client.post("/api/environments", json={"Name": "Dev"}).raise_for_status()
        thumbprint = server.addresses["Thumbprint"]

    assert not (data / "server.json").exists()
    assert server.process.returncode == 0
    with running_octavo(data) as server, server.client() as client:
        assert client.get("/api").json()["InstallationId"] == first["InstallationId"]
        assert [each["Name"] for each in client.get("/api/environments/all").json()] == ["Dev"]
        assert server.addresses["Thumbprint"] == thumbprint
        assert "administrator" not in server.log_file.read_text()


def test_the_polling_port_shows_the_certificate_that_the_api_names(tmp_path: Path) -> None:
    """cli 19, cli 26: the pre-check of a polling registration needs no client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with running_octavo(tmp_path / "data") as server, server.client() as client:
        named = client.get("/api/configuration/certificates/certificate-global").json()["Thumbprint"]
        address = urlsplit(server.addresses["Polling"])
        assert address.hostname
        raw = socket.create_connection((address.hostname, address.port or 0), timeout=10)
        with raw, context.wrap_socket(raw) as tls:
            certificate = tls.getpeercert(binary_form=True)
            tls.sendall(b"POST /handshake HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            status_line = tls.recv(1024).split(b"\r\n")[0]

    assert certificate
    assert thumbprint_of(certificate) == named
    assert b" 200 " in status_line


def test_long_request_lines_and_encoded_slashes_arrive(tmp_path: Path) -> None:
    """conventions 9, on the real server; and the 5 KB lines that the TypeScript client sends."""
    ids = ",".join(f"Environments-{number}" for number in range(1000))
    with running_octavo(tmp_path / "data") as server, server.client() as client:
        long = client.get(f"/api/environments?ids={ids}")
        missing = client.get("/api/Spaces-1/workerpools/WorkerPools-1%2Fworkers")
        deleted = client.post("/api/environments", json={"Name": "Dev"}).json()["Links"]["Self"]
        empty = client.delete(deleted)

    assert (long.status_code, len(ids) > 16_000) == (200, True)
    assert (missing.status_code, "WorkerPools-1/workers" in missing.json()["ErrorMessage"]) == (404, True)
    assert (empty.status_code, empty.headers["content-length"]) == (200, "0")


def test_made_up_secrets_are_told_once(tmp_path: Path) -> None:
    command = (*OCTAVO, "server", "run", "--data", str(tmp_path / "data"), *ANY_PORTS)
    log_file, told = tmp_path / "log", tmp_path / "data" / "server.json"

    with running_server(command, log_file, lambda: "API key" in log_file.read_text(), environment=environment()):
        assert told.exists()

    assert log_file.read_text().count("API-") == 1


def test_a_key_is_made_while_the_server_runs(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with running_octavo(tmp_path / "data") as server:
        made = octavo("api-key", "create", "--user", "admin", "--data", data, "--purpose", "ci")
        unknown = octavo("api-key", "create", "--user", "nobody", "--data", data)
        with server.client() as client:
            client.headers["X-Octopus-ApiKey"] = made.stdout.strip()
            me = client.get("/api/users/me").json()

    assert (made.returncode, made.stdout.count("\n"), me["Username"]) == (0, 1, "admin")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "'nobody'" in unknown.stderr


def test_the_built_in_worker_is_switched_on_the_command_line(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with running_octavo(tmp_path / "data") as server, server.client() as client:
        off = octavo("server", "built-in-worker", "--off", "--data", data)
        state = client.get("/api/builtinworker").json()
        on = octavo("server", "built-in-worker", "--on", "--data", data, "--output-format", "json")

    assert (off.returncode, state["State"], state["IsAllowed"]) == (0, "Off", False)
    assert json.loads(on.stdout)["State"] == "On"


def test_a_second_server_on_a_folder_is_refused(tmp_path: Path) -> None:
    with running_octavo(tmp_path / "data") as server:
        second = octavo("server", "run", "--data", str(tmp_path / "data"), *ANY_PORTS)

        assert second.returncode == 1
        assert f"process {server.process.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        assert server.process.poll() is None


@pytest.mark.parametrize("option", ["--listen", "--polling-listen"])
def test_a_port_in_use_is_named(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = octavo("server", "run", "--data", str(tmp_path / "data"), *ANY_PORTS, option, f"127.0.0.1:{port}")

    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in refused.stderr
    assert option in refused.stderr


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    refused = octavo("server", "run", "--data", str(tmp_path / "file" / "data"), *ANY_PORTS)
    checked = octavo("server", "check", "--data", str(tmp_path / "file" / "data"), *ANY_PORTS)

    assert (refused.returncode, checked.returncode) == (1, 1)
    assert str(tmp_path / "file" / "data") in refused.stderr
    assert "FAIL  data" in checked.stdout


def test_the_secrets_of_a_folder_are_the_owners_alone(tmp_path: Path) -> None:
    with running_octavo(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "data" / "master.key").stat().st_mode) == 0o600
        content = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("server.db*"))

    assert b"PRIVATE KEY" not in content
    assert b"API-PROCESS" not in content


def test_a_server_that_was_killed_starts_again(tmp_path: Path) -> None:
    with running_octavo(tmp_path / "data") as server, server.client() as client:
        client.post("/api/environments", json={"Name": "Dev"}).raise_for_status()
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(timeout=10)

    (tmp_path / "data" / "server.json").unlink()
    with running_octavo(tmp_path / "data") as server, server.client() as client:
        assert [each["Name"] for each in client.get("/api/environments/all").json()] == ["Dev"]


def test_a_wrong_setting_is_explained_before_anything_is_made(tmp_path: Path) -> None:
    options = ("--data", str(tmp_path / "data"), *ANY_PORTS, "--external-url", "https://example.com/octavo")

    checked = octavo("server", "check", *options, "--output-format", "json")
    refused = octavo("server", "run", *options)

    assert (checked.returncode, refused.returncode) == (1, 1)
    assert "the host's root only" in json.loads(checked.stdout)[0]["Message"]
    assert "the host's root only" in refused.stderr
    assert not (tmp_path / "data").exists()


def test_right_settings_are_confirmed_and_nothing_is_made(tmp_path: Path) -> None:
    config = tmp_path / "octavo.toml"
    config.write_text('listen = "127.0.0.1:0"\npolling-listen = "127.0.0.1:0"\n')

    checked = octavo("server", "check", "--data", str(tmp_path / "data"), "--config", str(config))

    assert checked.returncode == 0, checked.stdout
    assert f"listen from the file {config}" in checked.stdout
    assert not (tmp_path / "data").exists()


def test_commands_explain_themselves() -> None:
    for command in ((), ("server", "run")):
        assert "Usage" in octavo(*command, "--help").stdout
    assert octavo("nonsense").returncode == 2
    assert octavo("version").stdout.strip()
