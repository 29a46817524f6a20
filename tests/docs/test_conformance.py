"""Every statement of the specifications is proved by a test or put off with a reason, as docs/conformance.md says."""

from docs.conformance import (
    PAGE,
    Statement,
    cited_statements,
    collect_citations,
    read_put_off,
    read_statements,
    render_page,
)


def test_a_citation_may_be_a_list_or_a_range() -> None:
    text = "halibut 3, 5 and 7–9, but not halibut 4.4; test_cli_12_lists"

    halibut = [Statement("halibut", number) for number in (3, 5, 7, 8, 9)]
    assert list(cited_statements(text)) == [*halibut, Statement("cli", 12)]


def test_no_test_cites_a_statement_that_does_not_exist() -> None:
    assert sorted(collect_citations().keys() - read_statements().keys()) == []


def test_no_statement_is_both_proved_and_put_off() -> None:
    assert sorted(collect_citations().keys() & read_put_off().keys()) == []


def test_every_statement_is_proved_or_put_off() -> None:
    assert sorted(read_statements().keys() - collect_citations().keys() - read_put_off().keys()) == []


def test_the_page_says_what_the_tests_say() -> None:
    assert PAGE.read_text() == render_page(), "run `make docs` and commit the page"
