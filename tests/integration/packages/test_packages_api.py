"""The built-in feed and artifacts over real HTTP, as clients and workers use them."""

import asyncio
import hashlib
import io
import random
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from octavo.base.clock import SystemClock
from octavo.base.sensitive import Sensitive
from octavo.executor.fetch import PackageCache, PackageNotFetched
from octavo.executor.plan import PackagePlan
from octavo.server.app import running_server
from octavo.server.domain.vault import Vault
from octavo.server.packages.tokens import FetchGrant, fetch_tokens
from octavo.server.settings import Address, Settings
from octavo.server.store.secrets import load_keyring

API_KEY = "API-TESTTESTTESTTESTTESTTEST"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Path]]:
    """A server's address and its folder."""
    data = tmp_path_factory.mktemp("server")
    settings = Settings(
        data=data,
        listen=Address("127.0.0.1", 0),
        polling_listen=Address("127.0.0.1", 0),
        admin_password=Sensitive("correct horse battery staple"),
        admin_api_key=Sensitive(API_KEY),
    )
    async with running_server(settings) as started:
        yield started.api, data


@pytest.fixture
async def client(server: tuple[str, Path]) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"X-Octopus-ApiKey": API_KEY}
    async with httpx.AsyncClient(base_url=server[0], headers=headers, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
async def anonymous(server: tuple[str, Path]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server[0], timeout=30, trust_env=False) as client:
        yield client


def a_zip(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("f"), text)  # a fixed time: the same text gives the same bytes
    return buffer.getvalue()


async def push(
    client: httpx.AsyncClient, name: str, data: bytes, query: str = "", part: str = "fileToUpload"
) -> httpx.Response:
    return await client.post(f"/api/Spaces-1/packages/raw{query}", files={part: (name, data)})


async def test_a_push_answers_the_package(client: httpx.AsyncClient) -> None:
    data = a_zip("x" * 300_000)

    response = await push(client, "Hello.1.0.0.zip", data)

    package = response.json()
    assert response.status_code == 201
    assert (package["Id"], package["PackageId"], package["Version"]) == ("packages-Hello.1.0.0", "Hello", "1.0.0")
    assert (package["FileExtension"], package["PackageSizeBytes"]) == (".zip", len(data))
    assert package["Hash"] == hashlib.sha1(data).hexdigest()
    assert package["FeedId"] == (await client.get("/api/Spaces-1/feeds")).json()["Items"][0]["Id"]
    assert (await client.get(package["Links"]["Raw"])).content == data


@pytest.mark.parametrize("part", ["fileToUpload", "file"])
async def test_modes_and_their_statuses(client: httpx.AsyncClient, part: str) -> None:
    name = f"Modes-{part}.1.0.zip"
    await push(client, name, a_zip("1"), part=part)

    failing = await push(client, name, a_zip("2"), part=part)
    ignoring = await push(client, name, a_zip("3"), "?overwriteMode=IgnoreIfExists", part)
    overwriting = await push(client, name, a_zip("4"), "?OverwriteMode=OverwriteExisting", part)
    replacing = await push(client, name, a_zip("5"), "?replace=true", part)

    statuses = [each.status_code for each in (failing, ignoring, overwriting, replacing)]
    assert statuses == [409, 200, 201, 201]
    assert "A package with the same name and version already exists" in failing.text
    assert failing.json()["Errors"]
    assert (await client.get(f"/api/packages/packages-Modes-{part}.1.0/raw")).content == a_zip("5")


async def test_a_chunked_form_and_other_parts_are_read(client: httpx.AsyncClient) -> None:
    data = a_zip("chunked" * 100_000)
    form = (
        b'--B\r\nContent-Disposition: form-data; name="note"\r\n\r\nignored\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="C:\\dir\\Chunked.1.0.zip"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n"
        b'--B\r\nContent-Disposition: form-data; name="other"; filename="Other.1.0.zip"\r\n\r\nsecond\r\n--B--\r\n'
    )

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(form), 7_919):
            yield form[start : start + 7_919]

    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    response = await client.post("/api/packages/raw", content=pieces(), headers=headers)

    assert (response.status_code, response.json()["PackageSizeBytes"]) == (201, len(data))


async def test_a_bare_body_is_taken_when_it_is_named(client: httpx.AsyncClient) -> None:
    response = await client.post("/api/packages/raw?fileName=Bare.1.0.zip", content=a_zip("bare"))

    assert (response.status_code, response.json()["Id"]) == (201, "packages-Bare.1.0")


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("application/zip", b"x", "name the file"),
        ("multipart/form-data", b"x", "no boundary"),
        ("multipart/form-data; boundary=B", b"nonsense", "cannot be read"),
        ("multipart/form-data; boundary=B", b"--B--\r\n", "no file"),
        (
            "multipart/form-data; boundary=B",
            b'--B\r\nContent-Disposition: form-data; name="f"; filename="A.1.zip"\r\n\r\ncut',
            "ended in the middle",
        ),
    ],
)
async def test_an_upload_that_cannot_be_read_is_explained(
    client: httpx.AsyncClient, content_type: str, body: bytes, reason: str
) -> None:
    response = await client.post("/api/packages/raw", content=body, headers={"Content-Type": content_type})

    assert response.status_code == 400
    assert reason in response.text


async def test_a_zip_that_climbs_out_is_refused_and_leaves_nothing(
    client: httpx.AsyncClient, server: tuple[str, Path]
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../climb", "x")
    before = _files(server[1])

    response = await push(client, "Climb.1.0.zip", buffer.getvalue())

    assert (response.status_code, "'../climb'" in response.text) == (400, True)
    assert _files(server[1]) == before


def _files(data: Path) -> set[Path]:
    return {file for folder in ("blobs", "spool") for file in (data / folder).rglob("*") if file.is_file()}


async def test_nobody_pushes_without_a_key(anonymous: httpx.AsyncClient) -> None:
    assert (await push(anonymous, "Hello.1.0.0.zip", a_zip("x"))).status_code == 401


async def test_lists_filter_and_page(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.9", "1.10", "2.0-beta"):
        await push(client, f"Listed.Web.{version}.zip", a_zip(version))

    async def ids(query: str) -> list[str]:
        return [item["Version"] for item in (await client.get(f"/api/Spaces-1/packages{query}")).json()["Items"]]

    assert await ids("?nuGetPackageId=listed.web") == ["2.0-beta", "1.10", "1.9", "1.0"]
    assert await ids("?filter=STED.W&latest=true") == ["2.0-beta"]
    assert await ids("?nuGetPackageId=Listed.Web&skip=1&take=1") == ["1.10"]
    listed = (await client.get("/api/Spaces-1/packages?filter=listed&take=2")).json()
    assert (listed["TotalResults"], listed["ItemType"]) == (4, "Package")
    assert listed["Items"][0]["ReleaseNotes"] is None
    assert "Page.Next" in listed["Links"]


async def test_the_feed_is_searched(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.1", "2.0-rc"):
        await push(client, f"Found.{version}.zip", a_zip(version))
    feed = (await client.get("/api/Spaces-1/feeds")).json()["Items"][0]["Id"]

    async def versions(query: str, key: str = feed) -> list[str]:
        answer = await client.get(f"/api/Spaces-1/feeds/{key}/packages/versions?packageId=Found{query}")
        assert answer.status_code == 200, answer.text
        return [item["Version"] for item in answer.json()["Items"]]

    assert await versions("") == ["2.0-rc", "1.1", "1.0"]
    assert await versions("&take=1", "feeds-builtin") == ["2.0-rc"]
    assert await versions("&includePreRelease=false&versionRange=[1.0,1.1)") == ["1.0"]
    found = (await client.get(f"/api/Spaces-1/feeds/{feed}/packages/search?term=foun")).json()["Items"]
    assert [(item["Id"], item["LatestVersion"]) for item in found] == [("Found", "2.0-rc")]
    assert (await client.get("/api/Spaces-1/feeds/Feeds-999/packages/search")).status_code == 404
    assert (await client.get("/api/feeds/stats")).json()["TotalPackages"] >= 3


async def test_deleted_packages_are_gone(client: httpx.AsyncClient) -> None:
    for version in ("1", "2", "3"):
        await push(client, f"Gone.{version}.zip", a_zip(version))

    one = await client.delete("/api/Spaces-1/packages/packages-Gone.1")
    rest = await client.delete("/api/Spaces-1/packages/bulk?ids=packages-Gone.2,packages-Gone.3,packages-none.1")
    again = await client.delete("/api/Spaces-1/packages/packages-Gone.1")

    assert [(each.status_code, each.headers["content-length"]) for each in (one, rest)] == [(200, "0")] * 2
    assert (again.status_code, again.json().get("Errors")) == (404, None)
    assert (await client.get("/api/packages?filter=Gone")).json()["TotalResults"] == 0


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=10-99999999", 206, slice(10, None)),
        ("bytes=0-", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=99999999-", 416, slice(0, 0)),
        ("bytes=5-2", 416, slice(0, 0)),
    ],
)
async def test_ranges(client: httpx.AsyncClient, asked: str, status: int, part: slice) -> None:
    data = a_zip("r" * 3_000_000)
    await push(client, "Ranges.1.0.zip", data, "?overwriteMode=IgnoreIfExists")

    response = await client.get("/api/packages/packages-Ranges.1.0/raw", headers={"Range": asked})

    assert (response.status_code, response.content == data[part]) == (status, True)
    assert response.headers["accept-ranges"] == "bytes"


async def test_delta_signatures_are_not_there_so_clients_send_the_whole(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/Spaces-1/packages/Hello/1.0.0/delta-signature")).status_code == 404


def a_worker_package(server: tuple[str, Path], package: dict[str, Any], token: str) -> PackagePlan:
    url = f"{server[0]}/api/worker-packages/{package['Sha256']}"
    return PackagePlan(
        "",
        package["PackageId"],
        package["Version"],
        "p.zip",
        package["PackageSizeBytes"],
        package["Sha256"],
        True,
        url,
        token,
    )


def a_token(data: Path, sha256: str) -> str:
    keyring = load_keyring(data, None)
    vault = Vault({key.id: key.key for key in keyring.keys}, keyring.active.id)
    return fetch_tokens(vault).issue(FetchGrant("Workers-1", "ServerTasks-1", sha256), SystemClock().now())


async def test_a_worker_fetches_with_its_token(
    client: httpx.AsyncClient, server: tuple[str, Path], tmp_path: Path
) -> None:
    package = (await push(client, "Pulled.1.0.zip", a_zip("p" * 5_000_000))).json()
    (tmp_path / "cache").mkdir()
    part = tmp_path / "cache" / f"{package['Sha256']}.part"
    part.write_bytes(a_zip("p" * 5_000_000)[:1_000_003])

    def fetch() -> bytes:
        plan = a_worker_package(server, package, a_token(server[1], package["Sha256"]))
        with PackageCache(tmp_path / "cache", lambda _: None).use(plan) as file:
            return file.read_bytes()

    assert await asyncio.to_thread(fetch) == a_zip("p" * 5_000_000)


async def test_a_worker_with_another_version_fetches_what_differs(
    client: httpx.AsyncClient, server: tuple[str, Path], tmp_path: Path
) -> None:
    old_bytes = random.Random(1).randbytes(3_000_000)
    new_bytes = old_bytes[:1_000_000] + b"a change" + old_bytes[1_000_000:]
    old = (await push(client, "Differing.1.0.tar", old_bytes)).json()
    new = (await push(client, "Differing.1.1.tar", new_bytes)).json()
    said: list[str] = []
    cache = PackageCache(tmp_path / "cache", said.append)
    old_plan = a_worker_package(server, old, a_token(server[1], old["Sha256"]))
    new_plan = a_worker_package(server, new, a_token(server[1], new["Sha256"]))

    def fetch() -> bytes:
        with cache.use(old_plan):
            pass
        with cache.use(replace(new_plan, bases=(old["Sha256"],))) as file:
            return file.read_bytes()

    assert await asyncio.to_thread(fetch) == new_bytes
    assert said == ["Fetched 0.0 MB of p.zip; the other of 3.0 MB were here"]


async def test_a_delta_needs_the_token_of_the_package_that_it_makes(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, server: tuple[str, Path]
) -> None:
    old = (await push(client, "Secretive.1.0.zip", a_zip("a" * 9_000))).json()
    new = (await push(client, "Secretive.1.1.zip", a_zip("a" * 9_000 + "b"))).json()
    path = f"/api/worker-packages/{new['Sha256']}/delta/{old['Sha256']}"

    async def ask(sha256: str, at: str = path) -> int:
        headers = {"Authorization": f"Bearer {a_token(server[1], sha256)}"}
        return (await anonymous.get(at, headers=headers)).status_code

    assert (await anonymous.get(path)).status_code == 401
    assert await ask(old["Sha256"]) == 401
    assert await ask(new["Sha256"]) == 200
    assert await ask(new["Sha256"], path.replace(old["Sha256"], "0" * 64)) == 404
    other = (await push(client, "Another.1.0.zip", a_zip("a" * 9_000 + "c"))).json()
    assert await ask(new["Sha256"], path.replace(old["Sha256"], other["Sha256"])) == 404


async def test_a_token_for_another_package_is_refused(
    client: httpx.AsyncClient, server: tuple[str, Path], tmp_path: Path
) -> None:
    package = (await push(client, "Denied.1.0.zip", a_zip("denied"))).json()

    def fetch() -> None:
        with PackageCache(tmp_path, lambda _: None).use(
            a_worker_package(server, package, a_token(server[1], "0" * 64))
        ):
            pass

    with pytest.raises(PackageNotFetched, match="the server answered 401"):
        await asyncio.to_thread(fetch)


async def test_an_artifact_gets_its_bytes_and_ends(client: httpx.AsyncClient) -> None:
    created = await client.post(
        "/api/Spaces-1/artifacts", json={"fileName": "log.txt", "ServerTaskId": "ServerTasks-9"}
    )
    artifact = created.json()
    empty = await client.get(artifact["Links"]["Content"])
    stored = await client.put(artifact["Links"]["Content"], content=b"some text")
    content = await client.get(artifact["Links"]["Content"])
    renamed = await client.put(artifact["Links"]["Self"], json={"Filename": "new.txt"})
    listed = (await client.get("/api/Spaces-1/artifacts?regarding=ServerTasks-9")).json()
    deleted = await client.delete(artifact["Links"]["Self"])

    assert (created.status_code, empty.status_code, stored.status_code) == (201, 404, 200)
    assert (content.content, "log.txt" in content.headers["content-disposition"]) == (b"some text", True)
    assert (renamed.json()["Filename"], [item["Id"] for item in listed["Items"]]) == ("new.txt", [artifact["Id"]])
    assert (deleted.status_code, (await client.get(artifact["Links"]["Self"])).status_code) == (200, 404)


async def test_an_artifact_needs_a_file_name(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/Spaces-1/artifacts", json={})).status_code == 400
