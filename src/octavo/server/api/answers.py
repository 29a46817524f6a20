"""Answers as the clients want them: JSON encoded once, empty bodies with their length, bodies read forgivingly."""

import json
from typing import Any

from fastapi import Request, Response

from octavo.base.errors import Invalid


class JsonAnswer(Response):
    """A JSON body. Encoded here and not by FastAPI: our documents are plain JSON already."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        """The bytes of `content`."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def nothing() -> Response:
    """200 without a body, and saying so: the Go client fails on a chunked empty answer (conventions, rules 4 and 5)."""
    return Response(status_code=200, headers={"Content-Length": "0"})


async def members_of(request: Request) -> dict[str, Any]:
    """The members of the request's JSON object, by lower-case name.

    Raises:
        Invalid: it is no JSON object.
    """
    body = await body_of(request)
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object.")
    return {str(name).lower(): value for name, value in body.items()}


async def body_of(request: Request) -> Any:
    """The request's JSON; `{}` when there is no body.

    Raises:
        Invalid: it is not JSON.
    """
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except ValueError as error:
        raise Invalid(f"The body is not JSON: {error}.") from None
