"""Links are URI templates."""

import pytest

from octavo.client.uri_templates import Value, expand

WORKERS = "/api/Spaces-1/workers{/id}{?skip,take,name,thumbprint}"


@pytest.mark.parametrize(
    ("template", "values", "expected"),
    [
        (WORKERS, {}, "/api/Spaces-1/workers"),
        (WORKERS, {"name": "my worker/1"}, "/api/Spaces-1/workers?name=my%20worker%2F1"),
        (WORKERS, {"id": "all", "thumbprint": "ABC"}, "/api/Spaces-1/workers/all?thumbprint=ABC"),
        (WORKERS, {"NAME": "x", "unknown": "y", "skip": None}, "/api/Spaces-1/workers?name=x"),
        ("/api/pools{/id}{?name,ids}", {"ids": ["a", "b c"]}, "/api/pools?ids=a,b%20c"),
        ("/api/Spaces-1", {"Id": "Spaces-1"}, "/api/Spaces-1"),
        ("/api/{spaceId}", {"Id": "Spaces-1"}, "/api/"),
        ("/a?b=c{&d,e}", {"d": 1, "e": True}, "/a?b=c&d=1&e=true"),
        ("/a{+path}", {"path": "/x y/z"}, "/a/x%20y/z"),
    ],
)
def test_templates_expand_as_other_clients_do(template: str, values: dict[str, Value], expected: str) -> None:
    """Source: the verified examples of tentacle-cli §6.1."""
    assert expand(template, values) == expected
