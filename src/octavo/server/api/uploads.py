"""Files in requests: the first file part of a multipart form, or the whole body, as chunks while they arrive.

The framework's own form parser stores every part before the route sees it; a package of gigabytes wants one pass.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from octavo.base.errors import Invalid


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file on its way in: read `chunks` once, to the end."""

    file_name: str
    chunks: AsyncIterator[bytes]


async def read_upload(request: Request) -> UploadedFile:
    """The file in the request. A bare body is named by the query parameter `filename`.

    Raises:
        Invalid: there is no file in the form, or nobody says what the file is called.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        name = request.query_params.get("filename", "")
        if not name:
            raise Invalid(
                "Send the package as multipart/form-data, or name the file: …/packages/raw?fileName=A.1.0.zip."
            )
        return UploadedFile(name, request.stream())
    form = _FirstFile(request, options.get(b"boundary", b""))
    return UploadedFile(await form.read_name(), form.chunks())


class _FirstFile:
    """Reads a form up to its first file, hands out that file's bytes and passes over the rest."""

    def __init__(self, request: Request, boundary: bytes) -> None:
        if not boundary:
            raise Invalid("The form has no boundary, so its parts cannot be told apart.")
        self._stream = request.stream()
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name: str | None = None
        self._is_inside = self._is_over = False
        self._ready: list[bytes] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
            },
        )

    async def read_name(self) -> str:
        """The file's name, as soon as it has arrived."""
        async for chunk in self._stream:
            self._parse(chunk)
            if self._name is not None:
                return self._name
        raise Invalid("The form contains no file. Send the package as a file part with its name.")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes."""
        for ready in self._taken():
            yield ready
        async for chunk in self._stream:
            self._parse(chunk)
            for ready in self._taken():
                yield ready
        if not self._is_over:
            raise Invalid("The upload ended in the middle of the file. Send it again.")

    def _parse(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except ValueError as error:
            raise Invalid(f"The form cannot be read: {error}") from error

    def _taken(self) -> list[bytes]:
        taken, self._ready = self._ready, []
        return taken

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"filename" in options and self._name is None:
            name = options[b"filename"].decode("utf-8", "replace").replace("\\", "/")
            self._name = name.rpartition("/")[2]
            self._is_inside = True

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_inside:
            self._ready.append(data[start:end])

    def _on_part_end(self) -> None:
        self._is_over = self._is_over or self._is_inside
        self._is_inside = False
