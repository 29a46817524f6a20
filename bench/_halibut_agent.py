"""The other process of `bench.halibut`: an agent that listens, or polls with many connections. Ends with its stdin."""

import asyncio
import json
import sys
from pathlib import Path

from octavo.contracts.capabilities import CAPABILITIES_SERVICE_V2, CapabilitiesResponseV2
from octavo.contracts.file_transfer import FILE_TRANSFER_SERVICE, UploadResult
from octavo.halibut import DataStream, Endpoint, Identity, Limits, Long, Runtime, parse_thumbprint


class Agent:
    """Answers at once; uploads are looked at by size only."""

    async def get_capabilities(self) -> CapabilitiesResponseV2:
        return CapabilitiesResponseV2(("IScriptService", "IFileTransferService"))

    async def upload_file(self, remote_path: str, upload: DataStream | None) -> UploadResult:
        assert upload is not None
        assert isinstance(upload.source, Path)
        return UploadResult(remote_path, None, Long(upload.source.stat().st_size))

    async def download_file(self, remote_path: str) -> DataStream | None:
        return DataStream.from_file(Path(remote_path))


async def main() -> None:
    """Read one JSON line of orders from stdin, do them until stdin closes."""
    orders = json.loads(await asyncio.to_thread(sys.stdin.readline))
    folder = Path(orders["folder"])
    identity = Identity((folder / "agent.crt").read_bytes(), (folder / "agent.key").read_bytes())
    limits = Limits(reconnect_after_loss_seconds=1, reconnect_minimum_seconds=1)
    async with Runtime(identity, spool=folder / "agent-spool", limits=limits) as runtime:
        runtime.trust.allow(parse_thumbprint(orders["server"]))
        runtime.offer(CAPABILITIES_SERVICE_V2, Agent())
        runtime.offer(FILE_TRANSFER_SERVICE, Agent())
        listener = await runtime.listen("127.0.0.1", 0, accept="client")
        print(listener.port, flush=True)
        server = Endpoint(f"https://127.0.0.1:{orders['port']}/", parse_thumbprint(orders["server"]))
        pollers = [
            asyncio.create_task(runtime.poll(server, f"poll://agent-{number}/")) for number in range(orders["pollers"])
        ]
        await asyncio.to_thread(sys.stdin.read)
        for poller in pollers:
            poller.cancel()
        await asyncio.gather(*pollers, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
