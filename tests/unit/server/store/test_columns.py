"""store/columns.py"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from octavo.base.errors import Invalid
from octavo.server.store import Store
from octavo.server.store.columns import UtcDateTime, database_now, dump_json

SQLITE = sqlite.dialect()


def test_moments_are_text_of_one_width_that_sorts_like_time() -> None:
    zone = timezone(timedelta(hours=5))
    moments = [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 6, 0, 0, 1, tzinfo=zone)]

    texts = [UtcDateTime().process_bind_param(moment, SQLITE) for moment in moments]

    assert texts == ["2026-01-01T00:00:00.000000+00:00", "2026-01-01T01:00:00.000001+00:00"]


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), SQLITE)


async def test_the_databases_clock_is_utc_and_moves_by_seconds(store: Store) -> None:
    before = datetime.now(UTC)
    async with store.reading() as connection:
        now, later = (await connection.execute(select(database_now(), database_now(90.5)))).one()
    after = datetime.now(UTC)

    grain = timedelta(milliseconds=1)
    assert before - grain <= now <= after
    assert before + timedelta(seconds=90.5) - grain <= later <= after + timedelta(seconds=90.5)


@pytest.mark.parametrize("value", ["\0", {"a": ["b", "c\0"]}, {"k\0": 1}, [{"a": "\0"}]])
def test_a_nul_anywhere_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        dump_json(value)


def test_json_is_compact_and_keeps_letters() -> None:
    assert dump_json({"a": ["ü", r"\u0000"]}) == r'{"a":["ü","\\u0000"]}'
