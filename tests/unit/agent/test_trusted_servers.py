"""The list of trusted servers and how commands change it."""

import re

import pytest

from octavo.agent.trusted_servers import (
    Style,
    TrustedServer,
    add_server,
    keep_addresses,
    listen_to_server,
    new_subscription_id,
    parse_trusted_servers,
    poll_server,
    render_trusted_servers,
    replace_thumbprint,
)
from octavo.base.errors import ConfigurationError

A, B = "A" * 40, "B" * 40
STORED = (
    '[{"Thumbprint":"' + A + '","CommunicationStyle":2,"Address":"https://octopus:10943","Squid":null,'
    '"SubscriptionId":"poll://kqkqkqkqkqkqkqkqkqkq/"}]'
)


def test_the_list_is_read_and_written_as_official_agents_do() -> None:
    """cli 14"""
    servers = parse_trusted_servers(STORED)

    assert servers == (TrustedServer(A, Style.POLLING, "https://octopus:10943", "poll://kqkqkqkqkqkqkqkqkqkq/"),)
    assert render_trusted_servers(servers) == STORED


def test_styles_are_also_read_by_name() -> None:
    text = '[{"Thumbprint":"' + A + '","CommunicationStyle":"TentaclePassive"}]'

    assert parse_trusted_servers(text)[0].style is Style.LISTENING


def test_a_damaged_list_is_explained() -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        parse_trusted_servers('[{"CommunicationStyle":1}]')


def test_subscription_ids_have_the_documented_form() -> None:
    """cli 11"""
    assert all(re.fullmatch("poll://[b-hj-np-z2-9]{20}/", new_subscription_id()) for _ in range(100))


def test_an_equal_entry_is_replaced_at_the_end() -> None:
    servers = (TrustedServer(A.lower()), TrustedServer(B))

    assert add_server(servers, TrustedServer(A)) == (TrustedServer(B), TrustedServer(A))


def test_polling_adds_an_entry_and_keeps_the_listening_one() -> None:
    """cli 11"""
    servers = poll_server((TrustedServer(A),), A, "https://h:10943", lambda: "poll://x/")

    assert servers == (TrustedServer(A), TrustedServer(A, Style.POLLING, "https://h:10943", "poll://x/"))


def test_polling_again_changes_nothing() -> None:
    """cli 11"""
    once = poll_server((TrustedServer(A),), A, "https://h:10943")

    assert poll_server(once, A, "https://h:10943") == once


def test_a_cluster_shares_one_subscription_id() -> None:
    once = poll_server((TrustedServer(A),), A, "https://h1:10943")

    twice = poll_server(once, A, "https://h2:10943")

    assert {server.subscription_id for server in twice if server.address} == {once[-1].subscription_id}
    assert [server.address for server in twice] == [None, "https://h1:10943", "https://h2:10943"]


def test_polling_takes_an_entry_without_a_style() -> None:
    servers = poll_server((TrustedServer(A, Style.NONE),), A, "https://h:10943")

    assert [server.style for server in servers] == [Style.POLLING]


def test_listening_takes_the_entry_without_an_address() -> None:
    servers = listen_to_server((TrustedServer(A, Style.NONE),), A)

    assert servers == (TrustedServer(A, Style.LISTENING),)


def test_a_new_thumbprint_changes_matching_entries_only() -> None:
    """cli 12"""
    servers = (TrustedServer(A), TrustedServer(B), TrustedServer(A, Style.POLLING, "https://h:1", "poll://x/"))

    changed = replace_thumbprint(servers, A.lower(), "c" * 40)

    assert [server.thumbprint for server in changed] == ["C" * 40, B, "C" * 40]


def test_only_kept_addresses_stay() -> None:
    servers = (TrustedServer(A), TrustedServer(A, Style.POLLING, "https://H:1/", "poll://x/"))

    assert keep_addresses(servers, ["https://h:1"]) == servers[1:]
    assert keep_addresses(servers, [""]) == ()
