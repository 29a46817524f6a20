"""store/events.py on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from octavo.server.store import Store
from octavo.server.store.events import Event, EventQuery, list_events, record_event

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def an_event(minute: int = 0, **changes: object) -> Event:
    event = Event(
        occurred_at=NOW + timedelta(minutes=minute),
        category="Created",
        username="admin",
        message="Worker linux-1 was created",
        space_id="Spaces-1",
        user_id="Users-1",
        user_agent="octopus/2.24.0",
        related_document_ids=("Spaces-1", "Workers-1"),
        message_references=({"ReferencedDocumentId": "Workers-1", "StartIndex": 7, "Length": 7},),
        changes={"Before": None, "After": {"Name": "linux-1"}},
    )
    return replace(event, **changes)  # type: ignore[arg-type]


async def test_an_event_comes_back_with_its_documents_and_changes(store: Store) -> None:
    async with store.writing() as connection:
        number = await record_event(connection, an_event())
        (stored,), total = await list_events(connection, EventQuery())

    assert stored == an_event(number=number)
    assert (stored.id, total) == ("Events-1", 1)


async def test_events_are_listed_newest_first_in_pages(store: Store) -> None:
    async with store.writing() as connection:
        numbers = [await record_event(connection, an_event(minute)) for minute in range(5)]
        page, total = await list_events(connection, EventQuery(skip=1, take=2))

    assert [event.number for event in page] == numbers[::-1][1:3]
    assert total == 5


async def test_each_condition_narrows_the_list(store: Store) -> None:
    async with store.writing() as connection:
        await record_event(connection, an_event())
        other = await record_event(
            connection,
            an_event(
                10,
                category="Deleted",
                username="eve",
                user_id="Users-2",
                space_id="Spaces-2",
                related_document_ids=("Workers-2",),
            ),
        )
        for query in (
            EventQuery(categories=["Deleted"]),
            EventQuery(usernames=["eve"]),
            EventQuery(user_ids=["Users-2"]),
            EventQuery(space_ids=["Spaces-2"]),
            EventQuery(regarding=["Workers-2", "Workers-3"]),
            EventQuery(numbers=[other]),
            EventQuery(since=NOW + timedelta(minutes=1)),
        ):
            page, total = await list_events(connection, query)
            assert ([event.number for event in page], total) == ([other], 1)
        before, _ = await list_events(connection, EventQuery(until=NOW))

    assert [event.username for event in before] == ["admin"]
