"""Blobs as responses: in large chunks, with byte ranges so that a cut download can go on.

Source: RFC 9110 §14 (one range; several in one request get the whole file, which the RFC allows).
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from octavo.server.blobs import BlobStore

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{1,18})?|-(\d{1,18}))")


class BlobResponse(Response):
    """A blob, or the part of it that the request asks for. `size_bytes` is its length; it must exist."""

    def __init__(self, blobs: BlobStore, name: str, size_bytes: int, file_name: str, etag: str) -> None:
        self._blobs = blobs
        self._name = name
        self._size_bytes = size_bytes
        self._file_name = file_name
        self._etag = f'"{etag}"'
        super().__init__(media_type="application/octet-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the body is ours
        """Send the head, then the bytes as they are read."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        wanted = requested_range(headers, self._size_bytes, self._etag)
        await send({"type": "http.response.start", **self._head(wanted)})
        if wanted and scope["method"] != "HEAD":
            async for chunk in self._blobs.read(self._name, wanted.start, len(wanted)):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _head(self, wanted: range | None) -> dict[str, object]:
        headers = {
            "accept-ranges": "bytes",
            "content-type": "application/octet-stream",
            "content-length": str(len(wanted) if wanted is not None else 0),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(self._file_name)}",
            "etag": self._etag,
        }
        status = 200
        if wanted is None:
            status, headers["content-range"] = 416, f"bytes */{self._size_bytes}"
        elif len(wanted) < self._size_bytes:
            status = 206
            headers["content-range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{self._size_bytes}"
        return {"status": status, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}


def requested_range(headers: Mapping[str, str], size_bytes: int, etag: str) -> range | None:
    """The part of the file that the request wants: the whole without (readable) range; None when it lies outside."""
    whole = range(size_bytes)
    asked = _RANGE.fullmatch(headers.get("range", "").strip())
    if asked is None or headers.get("if-range", etag) != etag:
        return whole
    if asked[3] is not None:
        return range(max(0, size_bytes - int(asked[3])), size_bytes) if int(asked[3]) else None
    start, stop = int(asked[1]), min(size_bytes, int(asked[2]) + 1 if asked[2] else size_bytes)
    if start >= size_bytes or stop <= start:
        return None
    return range(start, stop)
