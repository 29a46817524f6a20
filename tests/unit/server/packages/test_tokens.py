"""Fetch tokens."""

from datetime import UTC, datetime, timedelta

import pytest

from octavo.server.packages.tokens import TOKEN_LIFE, FetchGrant, FetchTokens

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GRANT = FetchGrant("Workers-1", "ServerTasks-7", "ab" * 32)


def test_a_token_tells_who_may_fetch_what() -> None:
    token = FetchTokens(b"k" * 32).issue(GRANT, NOW)

    assert FetchTokens(b"k" * 32).find_grant(token, GRANT.sha256, NOW + TOKEN_LIFE / 2) == GRANT


def test_a_token_opens_no_other_package() -> None:
    token = FetchTokens(b"k" * 32).issue(GRANT, NOW)

    assert FetchTokens(b"k" * 32).find_grant(token, "cd" * 32, NOW) is None


def test_a_token_ends() -> None:
    token = FetchTokens(b"k" * 32).issue(GRANT, NOW)

    assert FetchTokens(b"k" * 32).find_grant(token, GRANT.sha256, NOW + TOKEN_LIFE + timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("Workers-1", "Workers-2"), lambda t: t[:-1], lambda _: "", lambda _: "é"]
)
def test_a_changed_token_is_worth_nothing(change: object) -> None:
    assert callable(change)
    token = change(FetchTokens(b"k" * 32).issue(GRANT, NOW))

    assert FetchTokens(b"k" * 32).find_grant(token, GRANT.sha256, NOW) is None


def test_a_token_of_another_server_is_worth_nothing() -> None:
    token = FetchTokens(b"x" * 32).issue(GRANT, NOW)

    assert FetchTokens(b"k" * 32).find_grant(token, GRANT.sha256, NOW) is None
