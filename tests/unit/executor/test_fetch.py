"""Fetching packages from a server that cuts, lies and fails, into a cache that many jobs share."""

import hashlib
import io
import os
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from octavo.executor.fetch import CacheLimits, PackageCache, PackageNotFetched, limits_of, use_local_file
from octavo.executor.plan import PackagePlan
from octavo.server.packages.deltas import make_delta

CONTENT = bytes(range(256)) * 20_000  # 5 MB: several reads


@dataclass
class PackageServer:
    """Serves one file. Each answer of `answers` shapes one request; then it behaves."""

    content: bytes = CONTENT
    answers: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    def package(self) -> PackagePlan:
        digest = hashlib.sha256(self.content).hexdigest()
        return PackagePlan("", "Acme", "1.0", "Acme.1.0.zip", len(self.content), digest, True, self.url, "secret")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/package"


@pytest.fixture
def server() -> Iterator[PackageServer]:
    state = PackageServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.paths.append(self.path)
            state.ranges.append(self.headers.get("Range"))
            state.tokens.append(self.headers.get("Authorization"))
            answer = state.answers.pop(0) if state.answers else send(state.content)
            answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        state.port = http.server_port
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


def send(content: bytes, cut_after: int | None = None) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with the asked part of the content; cut the connection after some bytes of it."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        request.send_response(206 if asked else 200)
        if asked:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        request.wfile.write(content[start:] if cut_after is None else content[start : start + cut_after])

    return answer


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> PackageCache:
    return PackageCache(tmp_path / "cache", said.append, wait=lambda _: None)


def test_a_package_is_fetched_once_and_then_cached(server: PackageServer, cache: PackageCache) -> None:
    for _ in range(2):
        with cache.use(server.package()) as file:
            assert file.read_bytes() == CONTENT

    assert server.ranges == [None]
    assert server.tokens == ["Bearer secret"]


@pytest.mark.parametrize("cut_after", [0, 1, 65_536, 1_048_576, 1_048_577, len(CONTENT) - 1])
def test_a_cut_download_goes_on_where_it_ended(server: PackageServer, cache: PackageCache, cut_after: int) -> None:
    server.answers = [send(CONTENT, cut_after)]

    with cache.use(server.package()) as file:
        assert file.read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={cut_after}-" if cut_after else None]


def test_many_cuts_are_survived_while_bytes_arrive(server: PackageServer, cache: PackageCache) -> None:
    server.content = CONTENT * 3
    server.answers = [send(server.content, 1_048_576 + 17)] * 13

    with cache.use(server.package()) as file:
        assert file.read_bytes() == server.content


def test_a_server_without_ranges_starts_over(server: PackageServer, cache: PackageCache) -> None:
    def whole(request: BaseHTTPRequestHandler) -> None:
        del request.headers["Range"]
        send(CONTENT)(request)

    server.answers = [send(CONTENT, 100), whole]

    with cache.use(server.package()) as file:
        assert file.read_bytes() == CONTENT


def test_another_job_goes_on_with_what_a_killed_one_left(
    server: PackageServer, tmp_path: Path, said: list[str]
) -> None:
    """script-execution 72: what a crash left behind is not taken for a package."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / f"{server.package().sha256}.part").write_bytes(CONTENT[:1000])

    with PackageCache(tmp_path / "cache", said.append).use(server.package()) as file:
        assert file.read_bytes() == CONTENT
    assert server.ranges == ["bytes=1000-"]


def test_wrong_bytes_are_never_handed_out(server: PackageServer, cache: PackageCache, tmp_path: Path) -> None:
    wrong = b"\1" + CONTENT[1:]
    server.answers = [send(wrong)] * 5

    with pytest.raises(PackageNotFetched, match="SHA-256 is") as refused, cache.use(server.package()):
        pass

    assert "Acme.1.0.zip" in str(refused.value)
    assert [file.suffix for file in (tmp_path / "cache").iterdir()] == [".lock"]


def test_wrong_bytes_once_are_replaced(server: PackageServer, cache: PackageCache) -> None:
    server.answers = [send(b"\1" + CONTENT[1:]), send(CONTENT + b"more")]

    with cache.use(server.package()) as file:
        assert file.read_bytes() == CONTENT


@pytest.mark.parametrize("damage", [b"short", b"\1" + CONTENT[1:]], ids=["short", "one byte"])
def test_a_damaged_cache_entry_is_fetched_anew(
    server: PackageServer, cache: PackageCache, tmp_path: Path, said: list[str], damage: bytes
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / server.package().sha256).write_bytes(damage)

    with cache.use(server.package()) as file:
        assert file.read_bytes() == CONTENT
    assert "is damaged" in said[0]


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_refusal_is_not_retried(server: PackageServer, cache: PackageCache, code: int) -> None:
    """script-execution 72: 401 is not retried."""
    server.answers = [status(code)]

    with pytest.raises(PackageNotFetched, match=f"the server answered {code}"), cache.use(server.package()):
        pass
    assert len(server.ranges) == 1


def test_a_failing_server_is_asked_again_but_not_for_ever(
    server: PackageServer, cache: PackageCache, said: list[str]
) -> None:
    server.answers = [status(503)] * 4
    with cache.use(server.package()) as file:
        assert file.read_bytes() == CONTENT
    file.unlink()
    server.answers = [status(503)] * 5

    with pytest.raises(PackageNotFetched, match="the server answered 503"), cache.use(server.package()):
        pass


def test_nobody_listening_is_an_error_with_the_address(cache: PackageCache, server: PackageServer) -> None:
    package = replace(server.package(), url="http://127.0.0.1:9/package")

    with pytest.raises(PackageNotFetched, match=r"127\.0\.0\.1:9.*refused"), cache.use(package):
        pass


@pytest.mark.parametrize("url", ["file:///etc/passwd", "", "ftp://x/"])
def test_only_http_is_fetched(cache: PackageCache, server: PackageServer, url: str) -> None:
    with pytest.raises(PackageNotFetched, match="no address"), cache.use(replace(server.package(), url=url)):
        pass


def test_jobs_at_once_download_once(server: PackageServer, tmp_path: Path, said: list[str]) -> None:
    """script-execution 72: concurrent downloads are safe."""

    def fetch(_: int) -> bytes:
        with PackageCache(tmp_path / "cache", said.append).use(server.package()) as file:
            return file.read_bytes()

    with ThreadPoolExecutor(8) as jobs:
        assert set(jobs.map(fetch, range(8))) == {CONTENT}
    assert server.ranges == [None]


def test_the_oldest_packages_make_room_unless_they_are_in_use(
    server: PackageServer, tmp_path: Path, said: list[str]
) -> None:
    """script-execution 85: a locked package stays; a lock expires with the process that holds it, not by a date."""
    cache = PackageCache(tmp_path / "cache", said.append, CacheLimits(size_bytes=2_500))
    contents = [bytes([number]) * 1000 for number in range(3)]

    def fetch(content: bytes) -> PackagePlan:
        server.content = content
        return server.package()

    plans = [fetch(content) for content in contents]
    for age, content in ((2000, contents[0]), (1000, contents[1])):
        with cache.use(fetch(content)) as file:
            os.utime(file, (file.stat().st_mtime - age,) * 2)
    with cache.use(plans[0]), cache.use(fetch(contents[2])):
        here = {file.name for file in (tmp_path / "cache").iterdir() if not file.suffix}

    assert here == {plans[0].sha256, plans[2].sha256}


def test_packages_that_nobody_used_for_long_are_removed(server: PackageServer, tmp_path: Path, said: list[str]) -> None:
    cache = PackageCache(tmp_path / "cache", said.append, CacheLimits(age_seconds=100))
    with cache.use(server.package()) as old:
        os.utime(old, (0, 0))
    server.content = b"new"

    with cache.use(server.package()):
        assert not old.exists()


def test_a_package_larger_than_the_disk_is_refused_before_it_is_fetched(
    server: PackageServer, cache: PackageCache
) -> None:
    with (
        pytest.raises(PackageNotFetched, match="Free some space"),
        cache.use(replace(server.package(), size_bytes=2**60)),
    ):
        pass
    assert server.ranges == []


def test_an_uploaded_file_is_checked_before_use(tmp_path: Path, server: PackageServer) -> None:
    package = replace(server.package(), path="~home/Files/p.zip")
    with pytest.raises(PackageNotFetched, match=r"is not at .*/Files/p\.zip"):
        use_local_file(package, tmp_path)
    (tmp_path / "Files").mkdir()
    (tmp_path / "Files/p.zip").write_bytes(CONTENT)
    assert use_local_file(package, tmp_path) == tmp_path / "Files/p.zip"
    (tmp_path / "Files/p.zip").write_bytes(CONTENT[1:])
    with pytest.raises(PackageNotFetched, match="is damaged"):
        use_local_file(package, tmp_path)


# ---- By delta --------------------------------------------------------------------------------------------------------

OLD_CONTENT = random.Random(3).randbytes(3_000_000)
NEW_CONTENT = OLD_CONTENT[:1_000_000] + b"something new" + OLD_CONTENT[1_000_000:]


def a_delta() -> bytes:
    target = io.BytesIO()
    assert make_delta(io.BytesIO(OLD_CONTENT), io.BytesIO(NEW_CONTENT), target)
    return target.getvalue()


@pytest.fixture
def with_old(server: PackageServer, cache: PackageCache) -> PackagePlan:
    """The new package, in whose place the cache has the old one."""
    server.content = OLD_CONTENT
    with cache.use(server.package()):
        pass
    server.content = NEW_CONTENT
    server.paths.clear()
    return replace(server.package(), bases=("0" * 64, hashlib.sha256(OLD_CONTENT).hexdigest()))


def test_what_differs_from_a_cached_version_is_all_that_is_fetched(
    server: PackageServer, cache: PackageCache, with_old: PackagePlan, said: list[str]
) -> None:
    server.answers = [send(a_delta())]

    with cache.use(with_old) as file:
        assert file.read_bytes() == NEW_CONTENT
    assert server.paths == [f"/package/delta/{with_old.bases[1]}"]
    assert "Fetched 0.0 MB" in said[-1]


def test_without_a_delta_the_whole_package_is_fetched_without_a_word(
    server: PackageServer, cache: PackageCache, with_old: PackagePlan, said: list[str]
) -> None:
    said.clear()
    server.answers = [status(404)]

    with cache.use(with_old) as file:
        assert file.read_bytes() == NEW_CONTENT
    assert said == []


@pytest.mark.parametrize("spoiled", [a_delta()[:60], b"nonsense" * 100, a_delta() + b"!", b""])
def test_a_spoiled_delta_costs_time_but_never_gives_wrong_bytes(
    server: PackageServer, cache: PackageCache, with_old: PackagePlan, said: list[str], spoiled: bytes
) -> None:
    server.answers = [send(spoiled)]

    with cache.use(with_old) as file:
        assert file.read_bytes() == NEW_CONTENT
    assert server.paths[-1] == "/package"
    assert "cannot be made from another version" in said[-1]


def test_a_delta_from_a_damaged_old_version_never_gives_wrong_bytes(
    server: PackageServer, cache: PackageCache, with_old: PackagePlan, tmp_path: Path
) -> None:
    old = tmp_path / "cache" / with_old.bases[1]
    old.write_bytes(bytes(len(OLD_CONTENT)))
    server.answers = [send(a_delta())]

    with cache.use(with_old) as file:
        assert file.read_bytes() == NEW_CONTENT


def test_a_cut_at_any_of_many_places_of_a_delta_is_survived(
    server: PackageServer, cache: PackageCache, with_old: PackagePlan, tmp_path: Path
) -> None:
    delta = a_delta()
    for cut in range(0, len(delta), 13):
        server.answers = [send(delta, cut)]
        with cache.use(with_old) as file:
            assert file.read_bytes() == NEW_CONTENT
        (tmp_path / "cache" / with_old.sha256).unlink()


def test_a_begun_download_goes_on_instead_of_asking_for_a_delta(
    server: PackageServer, cache: PackageCache, with_old: PackagePlan, tmp_path: Path
) -> None:
    (tmp_path / "cache" / f"{with_old.sha256}.part").write_bytes(NEW_CONTENT[:2_000_000])

    with cache.use(with_old) as file:
        assert file.read_bytes() == NEW_CONTENT
    assert server.paths == ["/package"]
    assert server.ranges[-1] == "bytes=2000000-"


# ---- Limits ----------------------------------------------------------------------------------------------------------


def test_a_pinned_package_stays_however_old_it_is(server: PackageServer, tmp_path: Path) -> None:
    def fetch(content: bytes, name: str) -> Path:
        server.content = content
        limits = CacheLimits(size_bytes=len(content), pins=("keep.*",))
        with PackageCache(tmp_path / "cache", lambda _: None, limits).use(
            replace(server.package(), file_name=name)
        ) as file:
            return file

    pinned, other = fetch(b"1" * 1000, "Keep.1.0.zip"), fetch(b"2" * 1000, "Other.1.0.zip")
    fetch(b"3" * 1000, "Third.1.0.zip")

    assert (pinned.exists(), other.exists()) == (True, False)


def test_the_limits_of_a_machine_are_set_by_its_environment() -> None:
    environment = {
        "OCTAVO_PACKAGE_CACHE_MEGABYTES": "5",
        "OCTAVO_PACKAGE_CACHE_DAYS": "2",
        "OCTAVO_PACKAGE_CACHE_PINS": "Acme.*, base",
    }

    assert limits_of(environment) == CacheLimits(5_000_000, 2 * 24 * 3600, ("acme.*", "base"))
    assert limits_of({}) == CacheLimits()
    with pytest.raises(PackageNotFetched, match="OCTAVO_PACKAGE_CACHE_DAYS is 'x'"):
        limits_of({"OCTAVO_PACKAGE_CACHE_DAYS": "x"})
