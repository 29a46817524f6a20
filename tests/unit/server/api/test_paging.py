"""server/api/paging.py"""

import pytest

from octavo.base.errors import Invalid
from octavo.server.api.paging import Window, many_of, page, window_of


def test_the_first_of_two_pages_leads_to_the_next() -> None:
    result = page("Environment", ["…"] * 30, 31, Window(), path="/api/Spaces-1/environments", filters=[("name", "a b")])

    assert {key: result[key] for key in ("TotalResults", "ItemsPerPage", "NumberOfPages", "LastPageNumber")} == {
        "TotalResults": 31,
        "ItemsPerPage": 30,
        "NumberOfPages": 2,
        "LastPageNumber": 1,
    }
    links = result["Links"]
    assert isinstance(links, dict)
    assert links["Page.Next"] == "/api/Spaces-1/environments?skip=30&take=30&name=a%20b"
    assert "Page.Previous" not in links


def test_the_last_page_leads_nowhere() -> None:
    links = page("Worker", ["…"], 31, Window(30, 30), path="/w")["Links"]

    assert isinstance(links, dict)
    assert "Page.Next" not in links
    assert links["Page.Previous"] == "/w?skip=0&take=30"


def test_an_empty_list_still_has_one_page() -> None:
    result = page("Worker", [], 0, Window(), path="/w")

    assert (result["NumberOfPages"], result["Items"]) == (1, [])


def test_lists_come_in_three_spellings() -> None:
    assert many_of(["A,B"]) == many_of(["A", "B"]) == ("A", "B")


def test_a_window_has_bounds_and_defaults() -> None:
    assert window_of({}) == Window(0, 30)
    assert window_of({"skip": "-5", "take": "99999999999"}) == Window(0, 2**31 - 1)
    with pytest.raises(Invalid, match="'take'"):
        window_of({"take": "many"})
