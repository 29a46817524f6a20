"""store/users.py on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from octavo.base.errors import Conflict, NotFound
from octavo.server.store import Store
from octavo.server.store.users import (
    ApiKey,
    Session,
    User,
    delete_api_key,
    delete_expired_sessions,
    delete_session,
    delete_user,
    find_api_key,
    find_session,
    find_user,
    find_user_by_name,
    get_user,
    insert_api_key,
    insert_session,
    insert_user,
    list_api_keys,
    list_users,
    note_api_key_use,
    update_user,
)

NOW = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
ADMIN = User(
    "Users-1", "Admin", "The Administrator", NOW, "admin@example.com", "$argon2id$…", doc={"Permissions": ["*"]}
)
KEY = ApiKey("apikeys-1", "Users-1", "ab" * 32, "API-7Q2W", "ci", NOW)


async def insert(store: Store, *users: User) -> None:
    async with store.writing() as connection:
        for user in users:
            await insert_user(connection, user)


async def test_a_user_is_found_by_id_and_name_whatever_the_case(store: Store) -> None:
    await insert(store, ADMIN)

    async with store.reading() as connection:
        assert await find_user(connection, "users-1") == ADMIN
        assert await find_user_by_name(connection, "ADMIN") == ADMIN
        assert await find_user_by_name(connection, "eve") is None


async def test_a_username_belongs_to_one(store: Store) -> None:
    await insert(store, ADMIN)

    with pytest.raises(Conflict, match="already a user named 'admin'"):
        await insert(store, replace(ADMIN, id="Users-2", username="admin"))


async def test_users_are_searched_by_name_display_name_and_address(store: Store) -> None:
    await insert(store, ADMIN, User("Users-2", "eve", "Eve", NOW))

    async with store.reading() as connection:
        for text in ("adm", "ADMINISTRATOR", "Example.com"):
            assert [user.id for user in await list_users(connection, text)] == ["Users-1"]
        assert [user.username for user in await list_users(connection)] == ["Admin", "eve"]


async def test_an_update_counts_the_version_and_refuses_a_stale_one(store: Store) -> None:
    await insert(store, ADMIN)

    async with store.writing() as connection:
        changed = await update_user(connection, replace(ADMIN, display_name="Root"))
        assert (changed.display_name, changed.version) == ("Root", 2)
        with pytest.raises(Conflict, match="changed meanwhile"):
            await update_user(connection, ADMIN)
        with pytest.raises(NotFound):
            await update_user(connection, replace(ADMIN, id="Users-9"))


async def test_a_key_leads_to_its_user_by_its_hash(store: Store) -> None:
    await insert(store, ADMIN)
    async with store.writing() as connection:
        await insert_api_key(connection, KEY)
        await note_api_key_use(connection, KEY.id, NOW + timedelta(hours=1))

    async with store.reading() as connection:
        found = await find_api_key(connection, KEY.key_sha256)
        assert found == (replace(KEY, last_used_at=NOW + timedelta(hours=1)), ADMIN)
        assert await find_api_key(connection, "00" * 32) is None
        assert [key.id for key in await list_api_keys(connection, "Users-1")] == ["apikeys-1"]


async def test_hashes_do_not_show_in_messages() -> None:
    assert KEY.key_sha256 not in repr(KEY)
    assert "argon2id" not in repr(ADMIN)


async def test_a_revoked_key_is_gone(store: Store) -> None:
    await insert(store, ADMIN)
    async with store.writing() as connection:
        await insert_api_key(connection, KEY)

        assert await delete_api_key(connection, KEY.id)
        assert not await delete_api_key(connection, KEY.id)
        assert await find_api_key(connection, KEY.key_sha256) is None


async def test_a_session_lasts_until_it_expires_or_is_ended(store: Store) -> None:
    session = Session("cd" * 32, "Users-1", "csrf", NOW, NOW + timedelta(hours=1))
    await insert(store, ADMIN)
    async with store.writing() as connection:
        await insert_session(connection, session)
        await insert_session(connection, replace(session, token_sha256="ef" * 32))

        assert await find_session(connection, session.token_sha256, NOW) == (session, ADMIN)
        assert await find_session(connection, session.token_sha256, session.expires_at) is None
        await delete_session(connection, session.token_sha256)
        assert await find_session(connection, session.token_sha256, NOW) is None
        assert await delete_expired_sessions(connection, session.expires_at) == 1


async def test_keys_and_sessions_go_with_their_user(store: Store) -> None:
    await insert(store, ADMIN)
    async with store.writing() as connection:
        await insert_api_key(connection, KEY)

        assert await delete_user(connection, ADMIN.id)
        assert await find_api_key(connection, KEY.key_sha256) is None
        with pytest.raises(NotFound):
            await get_user(connection, ADMIN.id)
