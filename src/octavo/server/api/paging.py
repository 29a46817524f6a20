"""Pages of a list and the links that lead through them.

Source: API conventions, section 6. `Page.Next` is there exactly when there is a next page: the Go client follows it
until it is absent. Other filters stay in the links; nothing in them has braces.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from octavo.base.errors import Invalid

DEFAULT_TAKE = 30
EVERYTHING = 2**31 - 1  # what the clients send for "all of them"

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is wanted."""

    skip: int = 0
    take: int = DEFAULT_TAKE


def window_of(query: Mapping[str, str]) -> Window:
    """The wanted part, from lower-case query parameters.

    Raises:
        Invalid: `skip` or `take` is not a whole number.
    """
    return Window(max(0, _number(query, "skip", 0)), min(EVERYTHING, max(0, _number(query, "take", DEFAULT_TAKE))))


def many_of(values: Sequence[str]) -> tuple[str, ...]:
    """The values of a list parameter in any of its spellings: `ids=A,B`, `ids=A%2CB`, `ids=A&ids=B`."""
    return tuple(part for value in values for part in value.split(",") if part)


def page(
    item_type: str,
    items: Sequence[Item],
    total: int,
    window: Window,
    *,
    path: str,
    filters: Sequence[tuple[str, str]] = (),
    template: str | None = None,
) -> dict[str, object]:
    """The envelope of one page. `filters` are the query's other pairs, kept in the links."""
    per_page = max(1, window.take)
    pages = max(1, -(-total // per_page))
    return {
        "ItemType": item_type,
        "TotalResults": total,
        "ItemsPerPage": window.take,
        "NumberOfPages": pages,
        "LastPageNumber": pages - 1,
        "Items": list(items),
        "Links": _links(total, window, path, filters, template),
    }


def _links(
    total: int, window: Window, path: str, filters: Sequence[tuple[str, str]], template: str | None
) -> dict[str, str]:
    kept = "".join(f"&{quote(name)}={quote(value)}" for name, value in filters if name not in {"skip", "take"})

    def link(skip: int, take: int = window.take) -> str:
        return f"{path}?skip={skip}&take={take}{kept}"

    links = {
        "Self": link(window.skip),
        "Template": template or f"{path}{{?skip,take}}",
        "Page.All": link(0, EVERYTHING),
        "Page.Current": link(window.skip),
    }
    if window.skip > 0:
        links["Page.Previous"] = link(max(0, window.skip - window.take))
    if window.take and window.skip + window.take < total:
        links["Page.Next"] = link(window.skip + window.take)
    links["Page.Last"] = link(max(0, total - 1) // max(1, window.take) * window.take)
    return links


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise Invalid(f"The query parameter '{name}' must be a whole number, not '{text}'.") from None
