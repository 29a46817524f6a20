"""What the pages say about the server is what the server has: routes, settings, commands."""

import re
from dataclasses import fields
from pathlib import Path

from octavo.server.api.application import all_routes
from octavo.server.operations.kinds.all_kinds import ALL_KINDS
from octavo.server.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
_ROW = re.compile(r"^\| (GET|HEAD|POST|PUT|DELETE) \| `([^`]+)` \|", re.MULTILINE)


def test_the_table_of_endpoints_is_the_routes() -> None:
    page = (DOCS / "compatibility.md").read_text()
    routes = {
        (method, route.path): route.endpoint.__doc__ for route in all_routes().routes for method in route.methods or ()
    }
    generic = {route for kind in ALL_KINDS for route in _generic_routes(kind.path)}
    by_hand = {route: text for route, text in routes.items() if route not in generic}

    missing = [f"| {method} | `{path}` | {(text or '').strip()} |" for (method, path), text in by_hand.items()]
    listed = {(method, path) for method, path in _ROW.findall(page)}

    assert listed == set(by_hand), "rows: \n" + "\n".join(sorted(missing))
    assert all(f"`/api/{kind.path}` | `{kind.id_prefix}-`" in page for kind in ALL_KINDS)


def test_every_setting_is_described() -> None:
    page = (DOCS / "reference" / "configuration.md").read_text()

    for item in fields(Settings):
        assert item.name == "source" or f"\n| `{item.name}` |" in page, item.name


def _generic_routes(path: str) -> set[tuple[str, str]]:
    collection, item = f"/api/{path}", f"/api/{path}/{{key}}"
    return {
        ("GET", collection),
        ("GET", f"{collection}/all"),
        ("POST", collection),
        ("PUT", f"{collection}/sortorder"),
        ("GET", item),
        ("PUT", item),
        ("DELETE", item),
    }
