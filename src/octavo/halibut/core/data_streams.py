"""Raw bytes that follow a message: what the message says of them, and where the bytes are.

Source: halibut.md §6.
"""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4


@dataclass(frozen=True, slots=True)
class DataStream:
    """Bytes beside a message. Sent from `source`; received into a spool file, which then is `source`.

    `length` is in bytes and is what the wire declares; sending a source of another size breaks the connection.
    A received stream's file belongs to whoever handles the request: move it or leave it, it is deleted afterwards.
    """

    source: Path | bytes = field(repr=False)
    length: int
    id: UUID = field(default_factory=uuid4)

    @classmethod
    def from_bytes(cls, data: bytes) -> "DataStream":
        """A stream of bytes that are in memory already."""
        return cls(data, len(data))

    @classmethod
    def from_file(cls, path: Path) -> "DataStream":
        """A stream of the file at `path`, as long as it is now."""
        return cls(path, path.stat().st_size)
