"""`IFileTransferService`: whole files by data stream. Source: tentacle-services.md §2, §11."""

from dataclasses import dataclass
from typing import Protocol

from octavo.halibut import Contract, DataStream, Long, wire_type


@wire_type(
    "Octopus.Shared.Contracts.UploadResult, Octopus.Shared",
    "Octopus.Tentacle.Contracts.UploadResult, Octopus.Tentacle.Contracts",
)
@dataclass(frozen=True, slots=True)
class UploadResult:
    """Where the file went: absolute path, SHA-1 in lower-case hex (None for a null stream), size in bytes."""

    full_path: str
    hash: str | None
    length: Long


class FileTransferService(Protocol):
    """The methods of `IFileTransferService`. Both may be repeated."""

    async def upload_file(self, remote_path: str, upload: DataStream | None) -> UploadResult: ...

    async def download_file(self, remote_path: str) -> DataStream | None: ...


FILE_TRANSFER_SERVICE = Contract("IFileTransferService", FileTransferService)
