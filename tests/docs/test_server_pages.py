"""What the pages say about the server is what the server has: routes, settings, commands."""

from dataclasses import fields
from pathlib import Path

from docs.endpoints import with_table
from octavo.server.operations.kinds.all_kinds import ALL_KINDS
from octavo.server.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_endpoints_is_the_routes() -> None:
    """`make docs` writes it."""
    page = (DOCS / "compatibility.md").read_text()

    assert with_table(page) == page
    assert [kind.path for kind in ALL_KINDS if f"`/api/{kind.path}` | `{kind.id_prefix}-`" not in page] == []


def test_every_setting_is_described() -> None:
    page = (DOCS / "reference" / "configuration.md").read_text()

    for item in fields(Settings):
        assert item.name == "source" or f"\n| `{item.name}` |" in page, item.name
