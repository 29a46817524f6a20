"""Writes the table of endpoints in docs/compatibility.md from the routes themselves: `make docs`."""

from pathlib import Path

from octavo.server.api.application import all_routes
from octavo.server.operations.kinds.all_kinds import ALL_KINDS

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
_HEADING = "| method | path | what |\n|---|---|---|\n"


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(with_table(PAGE.read_text()))


def with_table(page: str) -> str:
    """The page with the table that the routes say; what stands before and behind it stays."""
    before, _, behind = page.partition(_HEADING)
    rest = behind.splitlines(keepends=True)
    while rest and rest[0].startswith("|"):
        rest.pop(0)
    return before + _HEADING + "".join(rows()) + "".join(rest)


def rows() -> list[str]:
    """A row for each route that is not one of a kind's seven, by path."""
    routes = {
        (route.path, method): (route.endpoint.__doc__ or "").strip().partition("\n")[0]
        for route in all_routes().routes
        for method in route.methods or ()
    }
    generic = {route for kind in ALL_KINDS for route in generic_routes(kind.path)}
    return [
        f"| {method} | `{path}` | {text} |\n"
        for (path, method), text in sorted(routes.items())
        if (path, method) not in generic
    ]


def generic_routes(path: str) -> set[tuple[str, str]]:
    """The routes that every kind has."""
    collection, item = f"/api/{path}", f"/api/{path}/{{key}}"
    return {
        (collection, "GET"),
        (f"{collection}/all", "GET"),
        (collection, "POST"),
        (f"{collection}/sortorder", "PUT"),
        (item, "GET"),
        (item, "PUT"),
        (item, "DELETE"),
    }


if __name__ == "__main__":
    main()
